//! Faults happen as ruled, and the same seed makes them happen again.

use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use sqs_local::SqsLocal;
use sqs_local::faults::{Fault, Faults, Rule};

use crate::support::{Queue, Sqs, bodies, refused, seconds};

/// A queue behind faults, and a client that does not retry.
async fn queue(name: &str, faults: &Faults) -> Queue {
    let local = SqsLocal::builder().layer(faults.clone()).build();
    let config = local.sdk_config().retry_config(RetryConfig::disabled());
    let client = aws_sdk_sqs::Client::from_conf(config.build());
    Sqs { local, client }.queue(name, &[]).await
}

async fn code_of(fault: Fault) -> (String, u16) {
    let queue = queue(
        "orders",
        &Faults::seeded(1).rule(Rule::new(fault).action("SendMessage")),
    )
    .await;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("x")
        .send()
        .await;
    assert!(queue.state().is_empty(), "a refused send has no effect");
    let error = send.unwrap_err();
    let status = error.raw_response().unwrap().status().as_u16();
    (refused(error).code, status)
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_the_code_and_status_of_aws() {
    for (fault, code, status) in [
        (Fault::Throttle, "RequestThrottled", 403),
        (Fault::InternalError, "InternalFailure", 500),
        (Fault::Unavailable, "ServiceUnavailable", 503),
        (Fault::OverLimit, "OverLimit", 403),
        (Fault::ExpiredCredentials, "ExpiredToken", 403),
        (Fault::AccessDenied, "AccessDenied", 403),
        (Fault::ClockSkew, "RequestExpired", 403),
    ] {
        assert_eq!(code_of(fault).await, (code.to_owned(), status));
    }
}

#[tokio::test(start_paused = true)]
async fn the_sdk_retries_what_it_should() {
    let faults = Faults::seeded(1).rule(Rule::new(Fault::Unavailable).action("SendMessage").times(2));
    let sqs = Sqs::of(SqsLocal::builder().layer(faults.clone()).build());
    let queue = sqs.queue("orders", &[]).await;
    queue.send("one").await;
    assert_eq!(faults.injected(Fault::Unavailable), 2);
    assert_eq!(queue.state().bodies(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_has_its_effect() {
    let faults = Faults::seeded(1).rule(Rule::new(Fault::LoseAnswer).action("SendMessage"));
    let queue = queue("orders", &faults).await;
    let error = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("one")
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, aws_sdk_sqs::error::SdkError::DispatchFailure(_)),
        "{error:?}"
    );
    assert_eq!(queue.state().bodies(), ["one"]);
    let journal = queue.local.journal();
    let lost = journal.of("SendMessage").next().unwrap();
    assert!(lost.lost && lost.entries[0].message_id.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_has_no_effect() {
    let queue = queue(
        "orders",
        &Faults::seeded(1).rule(Rule::new(Fault::Disconnect).action("SendMessage")),
    )
    .await;
    assert!(
        queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("one")
            .send()
            .await
            .is_err()
    );
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn slowness_takes_the_time_it_is_given() {
    let slow = |fault| {
        Rule::new(fault)
            .action("SendMessage")
            .delay(seconds(3), seconds(3))
    };
    for fault in [Fault::SlowRequest, Fault::SlowAnswer] {
        let queue = queue("orders", &Faults::seeded(1).rule(slow(fault))).await;
        let start = tokio::time::Instant::now();
        queue.send("one").await;
        assert_eq!(start.elapsed(), seconds(3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_has_no_effect() {
    let queue = queue(
        "orders",
        &Faults::seeded(1).rule(Rule::new(Fault::Hang).action("SendMessage")),
    )
    .await;
    assert!(
        tokio::time::timeout(seconds(3600), queue.send("one"))
            .await
            .is_err()
    );
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_delivered_twice() {
    let faults = Faults::seeded(1).rule(Rule::new(Fault::Duplicate).action("ReceiveMessage").times(1));
    let queue = queue("orders", &faults).await;
    queue.send("one").await;
    assert_eq!(bodies(&queue.receive().await), ["one"]);
    assert_eq!(bodies(&queue.receive().await), ["one"]);
    assert!(queue.receive().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_may_come_again() {
    let faults = Faults::seeded(1).rule(Rule::new(Fault::Duplicate).action("DeleteMessage").times(1));
    let queue = queue("orders", &faults).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.delete(&message).await.unwrap();
    queue.local.advance(seconds(30)).await;
    assert_eq!(bodies(&queue.receive().await), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_fifo_queue_has_no_duplicates() {
    let queue = queue(
        "orders.fifo",
        &Faults::seeded(1).rule(Rule::new(Fault::Duplicate)),
    )
    .await;
    queue.send_to("g", "one").await;
    let message = queue.receive_one().await;
    assert!(queue.receive().await.is_empty());
    queue.delete(&message).await.unwrap();
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn reordered_messages_are_all_there() {
    let queue = queue("orders", &Faults::seeded(1).rule(Rule::new(Fault::Reorder))).await;
    for n in 0..10 {
        queue.send(&n.to_string()).await;
    }
    let messages = queue.receive().await;
    let mut received = bodies(&messages);
    assert_ne!(received, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    received.sort_unstable();
    assert_eq!(received, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_body_keeps_the_md5_of_what_was_sent() {
    let queue = queue(
        "orders",
        &Faults::seeded(1).rule(Rule::new(Fault::Damage).action("ReceiveMessage").times(1)),
    )
    .await;
    queue.send("hello").await;
    let message = queue.receive_one().await;
    assert_eq!(message.body(), Some("hell"));
    assert_eq!(message.md5_of_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    queue.change_visibility(&message, 0).await.unwrap();
    assert_eq!(queue.receive_one().await.body(), Some("hello"));
}

#[tokio::test(start_paused = true)]
async fn a_short_poll_may_find_nothing() {
    let queue = queue("orders", &Faults::seeded(1).rule(Rule::new(Fault::EmptyReceive))).await;
    queue.send("one").await;
    assert!(queue.receive().await.is_empty());
    assert_eq!(queue.poll(1, 1).await.len(), 1, "a long poll asks all servers");
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_batch_may_fail() {
    let faults = Faults::seeded(1).rule(Rule::new(Fault::PartialBatch).share(0.5));
    let queue = queue("orders", &faults).await;
    let entry = |n: i32| {
        SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body("x")
            .build()
            .unwrap()
    };
    let send = queue
        .client
        .send_message_batch()
        .queue_url(&queue.url)
        .set_entries(Some((0..10).map(entry).collect()));
    let sent = send.send().await.unwrap();
    assert_eq!(sent.successful.len() + sent.failed.len(), 10);
    assert!(!sent.successful.is_empty() && !sent.failed.is_empty());
    assert_eq!(queue.state().messages.len(), sent.successful.len());
    assert!(
        sent.failed
            .iter()
            .all(|failed| !failed.sender_fault() && failed.code() == "InternalError")
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_has_a_time_a_number_and_a_queue() {
    let rule = Rule::new(Fault::Throttle).queue("orders").action("SendMessage");
    let rule = rule.from(seconds(10)).until(seconds(20)).skip(1).times(1);
    let queue = queue("orders", &Faults::seeded(1).rule(rule)).await;
    let send = || {
        queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("x")
            .send()
    };
    assert!(send().await.is_ok(), "too early");
    queue.local.advance(seconds(10)).await;
    assert!(send().await.is_ok(), "skipped");
    assert!(send().await.is_err());
    assert!(send().await.is_ok(), "once is enough");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_faults() {
    let run = |seed| async move {
        let faults = Faults::seeded(seed).rule(Rule::new(Fault::Throttle).action("SendMessage").chance(0.5));
        let queue = queue("orders", &faults).await;
        let mut went_well = Vec::new();
        for _ in 0..32 {
            let send = queue
                .client
                .send_message()
                .queue_url(&queue.url)
                .message_body("x")
                .send();
            went_well.push(send.await.is_ok());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        went_well
    };
    assert_eq!(run(1).await, run(1).await);
    assert_ne!(run(1).await, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn layers_of_faults_compose() {
    let inner = Faults::seeded(1).rule(
        Rule::new(Fault::SlowAnswer)
            .action("SendMessage")
            .delay(seconds(5), seconds(5)),
    );
    let outer = Faults::seeded(2).rule(Rule::new(Fault::LoseAnswer).action("SendMessage"));
    let local = SqsLocal::builder().layer(inner).layer(outer).build();
    let client =
        aws_sdk_sqs::Client::from_conf(local.sdk_config().retry_config(RetryConfig::disabled()).build());
    let queue = Sqs { local, client }.queue("orders", &[]).await;
    let start = tokio::time::Instant::now();
    assert!(
        queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("x")
            .send()
            .await
            .is_err()
    );
    assert_eq!((start.elapsed(), queue.state().messages.len()), (seconds(5), 1));
}
