//! Batches: limits, ids, and a result for every entry.
//!
//! Source: SQS API reference, `SendMessageBatch` and `DeleteMessageBatch`; codes and texts are recorded on AWS.

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry,
};

use crate::support::{Queue, Refused, Sqs, bodies, refused};

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

async fn send(
    queue: &Queue,
    entries: Vec<SendMessageBatchRequestEntry>,
) -> Result<aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput, Refused> {
    let send = queue
        .client
        .send_message_batch()
        .queue_url(&queue.url)
        .set_entries(Some(entries));
    send.send().await.map_err(refused)
}

async fn queue() -> Queue {
    Sqs::new().queue("orders", &[]).await
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_1_to_10_entries() {
    let queue = queue().await;
    let ten: Vec<_> = (0..10).map(|n| entry(&n.to_string(), "x")).collect();
    assert_eq!(send(&queue, ten.clone()).await.unwrap().successful.len(), 10);
    let eleven = [ten, vec![entry("x", "x")]].concat();
    let too_many = send(&queue, eleven).await.unwrap_err();
    assert_eq!(
        too_many.code,
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    );
    assert_eq!(
        too_many.message,
        "Maximum number of entries per request are 10. You have sent 11."
    );
    assert_eq!(
        send(&queue, Vec::new()).await.unwrap_err().code,
        "AWS.SimpleQueueService.EmptyBatchRequest"
    );
}

#[tokio::test(start_paused = true)]
async fn ids_are_distinct() {
    let refused = send(&queue().await, vec![entry("a", "x"), entry("a", "y")])
        .await
        .unwrap_err();
    assert_eq!(refused.code, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    assert_eq!(refused.message, "Id a repeated.");
}

#[tokio::test(start_paused = true)]
async fn all_entries_together_have_at_most_1_mib() {
    let queue = queue().await;
    let half = "x".repeat(524_288);
    assert!(
        send(&queue, vec![entry("a", &half), entry("b", &half)])
            .await
            .is_ok()
    );
    let over = send(
        &queue,
        vec![entry("a", &half), entry("b", &half), entry("c", "x")],
    )
    .await
    .unwrap_err();
    assert_eq!(over.code, "AWS.SimpleQueueService.BatchRequestTooLong");
    assert_eq!(
        over.message,
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    );
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_fails_leaves_the_others_alone() {
    let queue = Sqs::new()
        .queue("orders", &[("MaximumMessageSize", "1024")])
        .await;
    let sent = send(
        &queue,
        vec![
            entry("a", "ok"),
            entry("b", &"x".repeat(1025)),
            entry("c", "\u{1}"),
        ],
    )
    .await
    .unwrap();
    assert_eq!(
        sent.successful.iter().map(|entry| entry.id()).collect::<Vec<_>>(),
        ["a"]
    );
    let failed: Vec<_> = sent
        .failed
        .iter()
        .map(|entry| (entry.id(), entry.code(), entry.sender_fault()))
        .collect();
    assert_eq!(
        failed,
        [
            ("b", "InvalidParameterValue", true),
            ("c", "InvalidMessageContents", true)
        ]
    );
    assert_eq!(
        sent.failed[0].message(),
        Some("One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.")
    );
    assert_eq!(queue.state().bodies(), ["ok"]);
}

#[tokio::test(start_paused = true)]
async fn a_fifo_entry_without_a_group_refuses_the_whole_batch() {
    let queue = Sqs::new()
        .queue("orders.fifo", &[("ContentBasedDeduplication", "true")])
        .await;
    let refused = send(&queue, vec![entry("a", "x")]).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert_eq!(
        refused.message,
        "The request must contain the parameter MessageGroupId."
    );
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_batch_keep_their_order_in_a_fifo_group() {
    let queue = Sqs::new()
        .queue("orders.fifo", &[("ContentBasedDeduplication", "true")])
        .await;
    let fifo = |n: i32| {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body(format!("m{n}"));
        entry.message_group_id("g").build().unwrap()
    };
    send(&queue, (0..10).map(fifo).collect()).await.unwrap();
    let expected: Vec<String> = (0..10).map(|n| format!("m{n}")).collect();
    assert_eq!(bodies(&queue.receive().await), expected);
}

#[tokio::test(start_paused = true)]
async fn a_delete_batch_reports_each_entry() {
    let queue = queue().await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    let entry = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .unwrap()
    };
    let delete = queue.client.delete_message_batch().queue_url(&queue.url);
    let delete = delete
        .entries(entry("good", message.receipt_handle().unwrap()))
        .entries(entry("bad", "garbage"));
    let deleted = delete.send().await.unwrap();
    assert_eq!(deleted.successful[0].id(), "good");
    assert_eq!(
        (deleted.failed[0].id(), deleted.failed[0].code()),
        ("bad", "ReceiptHandleIsInvalid")
    );
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_visibility_batch_reports_each_entry() {
    let queue = queue().await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    let entry = |id: &str, timeout: i32| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .visibility_timeout(timeout);
        entry
            .receipt_handle(message.receipt_handle().unwrap())
            .build()
            .unwrap()
    };
    let change = queue
        .client
        .change_message_visibility_batch()
        .queue_url(&queue.url);
    let changed = change
        .entries(entry("good", 0))
        .entries(entry("bad", 43_201))
        .send()
        .await
        .unwrap();
    assert_eq!(changed.successful[0].id(), "good");
    assert_eq!(
        (changed.failed[0].id(), changed.failed[0].code()),
        ("bad", "InvalidParameterValue")
    );
    assert_eq!(queue.state().available().len(), 1);
}
