//! Asking SQS about a queue before working on it.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use serde_json::Value;

use super::{Queue, QueueRef, Redrive};
use crate::error::{ErrorClass, SqsError};

/// The queue's URL: given, or asked for.
pub(crate) async fn url_of(client: &Client, queue: &QueueRef) -> Result<String, SqsError> {
    if let Some(url) = queue.url() {
        return Ok(url.to_owned());
    }
    let answer = client
        .get_queue_url()
        .queue_name(queue.name())
        .set_queue_owner_aws_account_id(queue.account().map(str::to_owned))
        .send()
        .await
        .map_err(|error| SqsError::from_sdk("GetQueueUrl", queue.name(), error))?;
    answer.queue_url.ok_or_else(|| {
        SqsError::local(
            "GetQueueUrl",
            queue.name(),
            ErrorClass::Unavailable,
            "the answer holds no URL",
        )
    })
}

/// The queue with the attributes a worker needs.
///
/// A role that may consume but not read attributes is no error: the worker then sets its own visibility time-out and
/// knows no dead-letter queue, which is logged.
pub(crate) async fn resolve(client: &Client, name: &QueueRef) -> Result<Queue, SqsError> {
    let url = url_of(client, name).await?;
    let answer = client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::VisibilityTimeout)
        .attribute_names(QueueAttributeName::RedrivePolicy)
        .send()
        .await
        .map_err(|error| SqsError::from_sdk("GetQueueAttributes", name.name(), error));
    let attributes = match answer {
        Ok(answer) => answer.attributes.unwrap_or_default(),
        Err(error) if error.class() == ErrorClass::AccessDenied => {
            tracing::warn!(
                queue = name.name(),
                "{error}; without it the dead-letter queue is not known"
            );
            Default::default()
        }
        Err(error) => return Err(error),
    };
    let visibility = attributes
        .get(&QueueAttributeName::VisibilityTimeout)
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    let redrive = attributes
        .get(&QueueAttributeName::RedrivePolicy)
        .and_then(|policy| parse_redrive(policy));
    Ok(Queue {
        name: Arc::from(name.name()),
        url,
        fifo: name.is_fifo(),
        visibility,
        redrive,
    })
}

/// `{"deadLetterTargetArn": "..", "maxReceiveCount": 5}`; SQS takes the number as a string as well.
fn parse_redrive(policy: &str) -> Option<Redrive> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let count = &policy["maxReceiveCount"];
    let max_receive_count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    Some(Redrive {
        target: policy["deadLetterTargetArn"].as_str()?.parse().ok()?,
        max_receive_count: u32::try_from(max_receive_count).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_is_read_with_its_count_as_number_or_text() {
        for count in ["5", "\"5\""] {
            let policy = format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:dead","maxReceiveCount":{count}}}"#
            );
            let redrive = parse_redrive(&policy).unwrap();
            assert_eq!((redrive.target.name(), redrive.max_receive_count), ("dead", 5));
        }
    }

    #[test]
    fn a_broken_redrive_policy_is_none() {
        assert_eq!(parse_redrive("{}"), None);
        assert_eq!(parse_redrive("not json"), None);
    }
}
