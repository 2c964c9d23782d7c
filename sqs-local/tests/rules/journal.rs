//! The journal: what was asked, what it cost, and the policy for it.

use std::time::Duration;

use sqs_local::ErrorKind;
use sqs_local::SqsLocal;
use sqs_local::journal::Outcome;

use crate::support::{Sqs, seconds};

#[tokio::test(start_paused = true)]
async fn every_request_is_noted_with_its_messages() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let id = queue.send("hello").await;
    queue.local.advance(seconds(3)).await;
    let message = queue.receive_one().await;
    queue.delete(&message).await.unwrap();

    let journal = queue.local.journal();
    let actions: Vec<_> = journal.requests.iter().map(|request| request.action).collect();
    assert_eq!(
        actions,
        ["CreateQueue", "SendMessage", "ReceiveMessage", "DeleteMessage"]
    );
    for request in &journal.requests[1..] {
        assert_eq!(request.queue.as_deref(), Some("orders"));
        assert_eq!(request.entries[0].message_id.unwrap().to_string(), id);
        assert_eq!(request.outcome, Outcome::Answered);
    }
    let receive = &journal.requests[2];
    assert_eq!(
        (receive.began, receive.bytes, receive.entries[0].receive_count),
        (seconds(3), 5, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_waiting_poll_is_noted_with_its_time() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.poll(1, 20).await;
    let journal = queue.local.journal();
    let poll = journal.of("ReceiveMessage").next().unwrap();
    assert_eq!((poll.began, poll.ended), (Duration::ZERO, seconds(20)));
}

#[tokio::test(start_paused = true)]
async fn every_64_kib_are_billed_as_a_request() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.local.clear_journal();
    for bytes in [1, 65_536, 65_537, 1_048_576] {
        queue.send(&"x".repeat(bytes)).await;
    }
    let journal = queue.local.journal();
    let units: Vec<_> = journal
        .requests
        .iter()
        .map(|request| request.billing_units)
        .collect();
    assert_eq!(units, [1, 1, 2, 16]);
    assert_eq!(journal.billing_units(), 20);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_noted() {
    let sqs = Sqs::new();
    let _ = sqs.client.get_queue_url().queue_name("missing").send().await;
    assert_eq!(
        sqs.local.journal().requests[0].outcome,
        Outcome::Refused(ErrorKind::QueueDoesNotExist)
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_is_noted() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let _ = tokio::time::timeout(seconds(1), queue.poll(1, 20)).await;
    let journal = queue.local.journal();
    assert_eq!(
        journal.of("ReceiveMessage").next().unwrap().outcome,
        Outcome::Abandoned
    );
}

#[tokio::test(start_paused = true)]
async fn the_policy_allows_what_was_asked_and_nothing_else() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.local.clear_journal();
    queue.send("one").await;
    let entry = aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder()
        .id("a")
        .message_body("x")
        .build()
        .unwrap();
    queue
        .client
        .send_message_batch()
        .queue_url(&queue.url)
        .entries(entry)
        .send()
        .await
        .unwrap();
    queue.receive().await;
    let policy = queue.local.journal().iam_policy();
    assert!(policy.allows("sqs:SendMessage", &queue.arn()));
    assert!(policy.allows("sqs:ReceiveMessage", &queue.arn()));
    assert!(!policy.allows("sqs:DeleteMessage", &queue.arn()));
    assert!(!policy.to_string().contains("Batch"), "{policy}");
}

#[tokio::test(start_paused = true)]
async fn the_journal_keeps_the_latest_requests() {
    let sqs = Sqs::of(SqsLocal::builder().journal(2).build());
    for name in ["a", "b", "c"] {
        sqs.queue(name, &[]).await;
    }
    let journal = sqs.local.journal();
    assert_eq!((journal.requests.len(), journal.dropped), (2, 1));
    assert_eq!(journal.requests[0].queue.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_answers() {
    let run = || async {
        let local = SqsLocal::builder()
            .seed(7)
            .epoch(std::time::SystemTime::UNIX_EPOCH)
            .build();
        let queue = Sqs::of(local).queue("orders", &[]).await;
        queue.send("one").await;
        let handle = queue.receive_one().await.receipt_handle;
        (
            handle,
            format!("{:?}", queue.local.journal()),
            format!("{:?}", queue.state()),
        )
    };
    assert_eq!(run().await, run().await);
}
