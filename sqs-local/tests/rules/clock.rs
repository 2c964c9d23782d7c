//! Hours of SQS time in milliseconds of real time.

use std::time::Instant as RealTime;

use sqs_local::snapshot::Standing;
use tokio::time::Instant;

use crate::support::{Sqs, seconds};

/// Real time that hours of paused time may take at most.
const SOON: std::time::Duration = std::time::Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn a_long_poll_of_20_s_takes_no_real_time() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let (real, virtual_time) = (RealTime::now(), Instant::now());
    assert!(queue.poll(10, 20).await.is_empty());
    assert_eq!(virtual_time.elapsed(), seconds(20));
    assert!(real.elapsed() < SOON);
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_15_min_takes_no_real_time() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("late")
        .delay_seconds(900);
    send.send().await.unwrap();
    let real = RealTime::now();
    queue.local.advance(seconds(899)).await;
    assert!(queue.receive().await.is_empty());
    queue.local.advance(seconds(1)).await;
    assert_eq!(queue.receive().await.len(), 1);
    assert!(real.elapsed() < SOON);
}

#[tokio::test(start_paused = true)]
async fn a_visibility_timeout_of_12_h_takes_no_real_time() {
    let queue = Sqs::new()
        .queue("orders", &[("VisibilityTimeout", "43200")])
        .await;
    queue.send("one").await;
    let real = RealTime::now();
    assert_eq!(queue.receive().await.len(), 1);
    queue.local.advance(seconds(43_199)).await;
    assert!(queue.receive().await.is_empty());
    let before = Instant::now();
    assert_eq!(queue.poll(1, 20).await.len(), 1);
    assert_eq!(before.elapsed(), seconds(1));
    assert!(real.elapsed() < SOON);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_how_long_a_message_stays_hidden() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.local.advance(seconds(12)).await;
    let state = queue.state();
    assert_eq!(state.in_flight().len(), 1);
    assert_eq!(
        state.messages[0].standing,
        Standing::InFlight { left: seconds(18) }
    );
    assert_eq!(
        state.messages[0].last_receipt_handle.as_deref(),
        message.receipt_handle()
    );
    assert_eq!(state.messages[0].receive_count, 1);
}

#[tokio::test]
async fn skipping_moves_a_running_clock() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    assert_eq!(queue.receive().await.len(), 1);
    queue.local.skip(seconds(29));
    assert!(queue.receive().await.is_empty());
    queue.local.skip(seconds(1));
    assert_eq!(queue.receive().await.len(), 1);
}

#[tokio::test]
async fn skipping_ends_a_waiting_poll() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let poll = tokio::spawn({
        let queue = queue.clone();
        async move { queue.poll(1, 20).await }
    });
    while queue.local.waiting_polls() == 0 {
        tokio::task::yield_now().await;
    }
    queue.local.skip(seconds(20));
    assert!(poll.await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_read_timeout_of_the_client_ends_a_long_poll() {
    use aws_sdk_sqs::config::timeout::TimeoutConfig;
    let local = sqs_local::SqsLocal::new();
    let config = local
        .sdk_config()
        .timeout_config(TimeoutConfig::builder().read_timeout(seconds(5)).build());
    let retry = aws_sdk_sqs::config::retry::RetryConfig::disabled();
    let client = aws_sdk_sqs::Client::from_conf(config.retry_config(retry).build());
    let queue = Sqs { local, client }.queue("orders", &[]).await;
    let start = Instant::now();
    let poll = queue
        .client
        .receive_message()
        .queue_url(&queue.url)
        .wait_time_seconds(20)
        .send()
        .await;
    assert!(
        matches!(poll.unwrap_err(), aws_sdk_sqs::error::SdkError::DispatchFailure(failure) if failure.is_timeout())
    );
    assert_eq!(start.elapsed(), seconds(5));
    assert_eq!(queue.local.waiting_polls(), 0);
}
