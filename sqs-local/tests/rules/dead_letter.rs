//! Dead-letter queues.
//!
//! Source: SQS Developer Guide, "Using dead-letter queues in Amazon SQS"; AWS's recorded answers for the attributes.

use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName};

use crate::support::{Sqs, seconds, system};

#[tokio::test(start_paused = true)]
async fn a_message_moves_at_the_receive_after_the_last_allowed_one() {
    let (queue, dead) = Sqs::new().with_dead_letters("orders", 2).await;
    queue.send("one").await;
    for _ in 0..2 {
        assert_eq!(queue.receive().await.len(), 1);
        queue.local.advance(seconds(30)).await;
    }
    assert!(dead.state().is_empty(), "time alone moves nothing");
    assert!(queue.receive().await.is_empty());
    assert!(queue.state().is_empty());
    assert_eq!(dead.state().bodies(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_moved_message_keeps_id_attributes_age_and_count() {
    let (queue, dead) = Sqs::new().with_dead_letters("orders", 1).await;
    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("blue")
        .build()
        .unwrap();
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("one");
    let id = send
        .message_attributes("colour", attribute)
        .send()
        .await
        .unwrap()
        .message_id;
    let before = queue.receive_one().await;
    queue.local.advance(seconds(40)).await;
    assert!(queue.receive().await.is_empty());
    let after = dead.receive_one().await;

    assert_eq!(after.message_id, id);
    assert_eq!(after.message_attributes, before.message_attributes);
    let sent = MessageSystemAttributeName::SentTimestamp;
    assert_eq!(system(&after, &sent), system(&before, &sent));
    assert_eq!(
        system(&after, &MessageSystemAttributeName::ApproximateReceiveCount).as_deref(),
        Some("2")
    );
    assert_eq!(
        system(&after, &MessageSystemAttributeName::DeadLetterQueueSourceArn),
        Some(queue.arn())
    );
}

#[tokio::test(start_paused = true)]
async fn a_moved_fifo_message_keeps_its_group_and_gets_a_new_age() {
    let (queue, dead) = Sqs::new().with_dead_letters("orders.fifo", 1).await;
    queue.send_to("g", "one").await;
    assert_eq!(queue.receive().await.len(), 1);
    queue.local.advance(seconds(40)).await;
    let sent = queue.state().messages[0].sent;
    assert!(queue.receive().await.is_empty());
    let moved = &dead.state().messages[0];
    assert_eq!(moved.group.as_deref(), Some("g"));
    assert_eq!(moved.sent.duration_since(sent).unwrap(), seconds(40));
    // So that two messages with one deduplication id both find room in the dead-letter queue.
    assert_eq!(moved.deduplication_id, Some(moved.message_id.to_string()));
}

#[tokio::test(start_paused = true)]
async fn the_group_goes_on_behind_a_moved_message() {
    let (queue, _dead) = Sqs::new().with_dead_letters("orders.fifo", 1).await;
    queue.send_to("g", "one").await;
    queue.send_to("g", "two").await;
    assert_eq!(queue.receive_up_to(1).await.len(), 1);
    queue.local.advance(seconds(30)).await;
    assert_eq!(queue.receive_one().await.body(), Some("two"));
}
