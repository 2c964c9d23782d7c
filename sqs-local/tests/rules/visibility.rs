//! Visibility timeouts and receipt handles.
//!
//! Source: SQS Developer Guide, "Amazon SQS visibility timeout"; API reference, `DeleteMessage` and
//! `ChangeMessageVisibility`; where AWS's recorded answers go further, the test says so.

use crate::support::{Sqs, bodies, seconds};

#[tokio::test(start_paused = true)]
async fn a_received_message_is_hidden_for_the_queues_timeout() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    assert_eq!(queue.receive().await.len(), 1);
    queue.local.advance(seconds(29)).await;
    assert!(queue.receive().await.is_empty());
    queue.local.advance(seconds(1)).await;
    assert_eq!(queue.receive().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receive_may_ask_for_another_timeout() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let receive = queue
        .client
        .receive_message()
        .queue_url(&queue.url)
        .visibility_timeout(3);
    assert_eq!(receive.send().await.unwrap().messages().len(), 1);
    queue.local.advance(seconds(3)).await;
    assert_eq!(queue.receive().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_timeout_counts_from_the_change() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.local.advance(seconds(20)).await;
    queue.change_visibility(&message, 40).await.unwrap();
    queue.local.advance(seconds(39)).await;
    assert!(queue.receive().await.is_empty());
    queue.local.advance(seconds(1)).await;
    assert_eq!(queue.receive().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_timeout_is_not_kept_for_the_next_receive() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.change_visibility(&message, 0).await.unwrap();
    assert_eq!(queue.receive().await.len(), 1);
    queue.local.advance(seconds(30)).await;
    assert_eq!(queue.receive().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_in_flight_for_12_h_from_its_receive() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.local.advance(seconds(10)).await;
    queue.change_visibility(&message, 43_190).await.unwrap();
    let refused = queue.change_visibility(&message, 43_191).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert!(
        refused
            .message
            .contains("Total VisibilityTimeout for the message is beyond the limit"),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_receive_gives_a_new_handle_and_counts() {
    let queue = Sqs::new().queue("orders", &[("VisibilityTimeout", "0")]).await;
    queue.send("one").await;
    let (first, second) = (queue.receive_one().await, queue.receive_one().await);
    assert_ne!(first.receipt_handle(), second.receipt_handle());
    assert_eq!(queue.state().messages[0].receive_count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_accepts_an_old_handle_and_keeps_the_message() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let old = queue.receive_one().await;
    queue.local.advance(seconds(30)).await;
    let new = queue.receive_one().await;
    queue.delete(&old).await.unwrap();
    assert_eq!(queue.state().in_flight().len(), 1);
    queue.delete(&new).await.unwrap();
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_deletes_by_the_last_handle_after_the_timeout() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.local.advance(seconds(31)).await;
    queue.delete(&message).await.unwrap();
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn deleting_twice_is_no_error() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.delete(&message).await.unwrap();
    queue.delete(&message).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fifo_queue_refuses_a_handle_whose_timeout_has_ended() {
    let queue = Sqs::new().queue("orders.fifo", &[]).await;
    queue.send_to("g", "one").await;
    let message = queue.receive_one().await;
    queue.local.advance(seconds(30)).await;
    let refused = queue.delete(&message).await.unwrap_err();
    let handle = message.receipt_handle().unwrap();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert_eq!(
        refused.message,
        format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        )
    );
    assert_eq!(bodies(&queue.receive().await), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_hides_a_message_again_after_its_timeout() {
    // Recorded on AWS: the change is accepted after the timeout has ended.
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.local.advance(seconds(31)).await;
    queue.change_visibility(&message, 60).await.unwrap();
    assert!(queue.receive().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_invented_handle_is_refused() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let delete = queue
        .client
        .delete_message()
        .queue_url(&queue.url)
        .receipt_handle("garbage")
        .send()
        .await;
    let error = delete.unwrap_err();
    assert!(error.as_service_error().unwrap().is_receipt_handle_is_invalid());
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 404);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_messages_visibility_cannot_be_changed() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.delete(&message).await.unwrap();
    let refused = queue.change_visibility(&message, 42).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert!(
        refused
            .message
            .ends_with("Message does not exist or is not available for visibility timeout change.")
    );
}
