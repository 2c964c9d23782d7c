//! What goes over the wire besides the fields: statuses, headers, codes.
//!
//! Source: recorded answers of AWS, and the `awsQueryError` traits of the SQS model.

use crate::support::Sqs;

#[tokio::test(start_paused = true)]
async fn an_error_carries_the_query_code_in_a_header() {
    let sqs = Sqs::new();
    let error = sqs
        .client
        .get_queue_url()
        .queue_name("missing")
        .send()
        .await
        .unwrap_err();
    let response = error.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let header = response.headers().get("x-amzn-query-error");
    assert_eq!(header, Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));
    let body = std::str::from_utf8(response.body().bytes().unwrap()).unwrap();
    assert!(
        body.contains("\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\""),
        "{body}"
    );
    assert!(
        body.contains("\"message\":\"The specified queue does not exist.\""),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_answer_has_its_own_request_id() {
    use aws_sdk_sqs::operation::RequestId;
    let queue = Sqs::new().queue("orders", &[]).await;
    let send = || {
        queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("x")
            .send()
    };
    let (one, two) = (send().await.unwrap(), send().await.unwrap());
    assert!(one.request_id().is_some());
    assert_ne!(one.request_id(), two.request_id());
}

#[tokio::test(start_paused = true)]
async fn regions_do_not_share_queues() {
    let sqs = Sqs::new();
    sqs.queue("orders", &[]).await;
    let config = sqs
        .local
        .sdk_config()
        .region(aws_sdk_sqs::config::Region::new("eu-west-1"))
        .build();
    let elsewhere = aws_sdk_sqs::Client::from_conf(config);
    assert!(
        elsewhere
            .get_queue_url()
            .queue_name("orders")
            .send()
            .await
            .is_err()
    );
    let url = elsewhere
        .create_queue()
        .queue_name("there")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    assert_eq!(url, "https://sqs.eu-west-1.amazonaws.com/000000000000/there");
    assert_eq!(
        sqs.local.queue("there").unwrap().arn,
        "arn:aws:sqs:eu-west-1:000000000000:there"
    );
}
