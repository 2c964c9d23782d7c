//! Where SQS is, and its queues.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::{Client, config::Credentials, types::QueueAttributeName};
use sqs_local::SqsLocal;

use crate::{Args, BoxError};

/// A client for the SQS that the arguments ask for: embedded, at an endpoint, or AWS.
pub async fn client(args: &Args) -> (Client, &'static str) {
    if args.aws || args.endpoint_url.is_some() {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(url) = &args.endpoint_url {
            loader = loader.endpoint_url(url);
            // A local server takes any credentials; looking for real ones would only take time.
            if std::env::var_os("AWS_ACCESS_KEY_ID").is_none() && std::env::var_os("AWS_PROFILE").is_none() {
                let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".into());
                loader = loader
                    .region(Region::new(region))
                    .credentials_provider(Credentials::new("test", "test", None, None, "orders example"));
            }
        }
        let place = if args.aws { "AWS" } else { "the given endpoint" };
        return (Client::new(&loader.load().await), place);
    }
    (SqsLocal::new().client(), "an SQS embedded in this process")
}

/// Creates the queue and its dead-letter queue, if they do not exist.
pub async fn create_queues(client: &Client, queue: &str) -> Result<(), BoxError> {
    let dead = format!("{queue}-dead");
    let url = client
        .create_queue()
        .queue_name(&dead)
        .send()
        .await?
        .queue_url
        .ok_or("no queue URL")?;
    let answer = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await?;
    let arn = answer
        .attributes
        .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn));
    let arn = arn.ok_or("the dead-letter queue has no ARN")?;
    let policy = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 5 });
    client
        .create_queue()
        .queue_name(queue)
        .attributes(QueueAttributeName::RedrivePolicy, policy.to_string())
        .send()
        .await?;
    Ok(())
}
