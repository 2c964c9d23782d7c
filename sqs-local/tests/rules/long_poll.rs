//! Long polls wake at once, in the order in which they came, and lose nothing when they go away.
//!
//! Source: SQS Developer Guide, "Amazon SQS short and long polling".

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Queue, Sqs, bodies, seconds};

/// A poll of its own task, once it stands in line.
async fn poll(queue: &Queue, wait: i32) -> JoinHandle<(Vec<String>, Duration)> {
    let before = queue.local.waiting_polls();
    let start = Instant::now();
    let task = tokio::spawn({
        let queue = queue.clone();
        async move {
            let messages = queue.poll(1, wait).await;
            (
                bodies(&messages).into_iter().map(ToOwned::to_owned).collect(),
                start.elapsed(),
            )
        }
    });
    while queue.local.waiting_polls() == before {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test(start_paused = true)]
async fn a_send_wakes_a_waiting_poll_at_once() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let poll = poll(&queue, 20).await;
    tokio::time::sleep(seconds(7)).await;
    queue.send("one").await;
    assert_eq!(poll.await.unwrap(), (vec!["one".to_owned()], seconds(7)));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_delay_wakes_a_waiting_poll_at_once() {
    let queue = Sqs::new().queue("orders", &[("DelaySeconds", "5")]).await;
    let poll = poll(&queue, 20).await;
    tokio::time::sleep(seconds(1)).await;
    queue.send("one").await;
    assert_eq!(poll.await.unwrap(), (vec!["one".to_owned()], seconds(6)));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_visibility_timeout_wakes_a_waiting_poll_at_once() {
    let queue = Sqs::new().queue("orders", &[("VisibilityTimeout", "9")]).await;
    queue.send("one").await;
    assert_eq!(queue.receive().await.len(), 1);
    let poll = poll(&queue, 20).await;
    assert_eq!(poll.await.unwrap(), (vec!["one".to_owned()], seconds(9)));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_was_shortened_wakes_a_waiting_poll_in_time() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    let poll = poll(&queue, 20).await;
    queue.change_visibility(&message, 3).await.unwrap();
    assert_eq!(poll.await.unwrap(), (vec!["one".to_owned()], seconds(3)));
}

#[tokio::test(start_paused = true)]
async fn giving_a_message_back_wakes_a_waiting_poll_at_once() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    let poll = poll(&queue, 20).await;
    tokio::time::sleep(seconds(2)).await;
    queue.change_visibility(&message, 0).await.unwrap();
    assert_eq!(poll.await.unwrap(), (vec!["one".to_owned()], seconds(2)));
}

#[tokio::test(start_paused = true)]
async fn deleting_the_head_of_a_group_wakes_a_waiting_poll_at_once() {
    let queue = Sqs::new().queue("orders.fifo", &[]).await;
    queue.send_to("g", "one").await;
    queue.send_to("g", "two").await;
    let first = queue.receive_up_to(1).await.remove(0);
    let poll = poll(&queue, 20).await;
    tokio::time::sleep(seconds(2)).await;
    queue.delete(&first).await.unwrap();
    assert_eq!(poll.await.unwrap(), (vec!["two".to_owned()], seconds(2)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_goes_to_the_dead_letter_queue_wakes_a_poll_there() {
    let (queue, dead) = Sqs::new().with_dead_letters("orders", 1).await;
    queue.send("one").await;
    assert_eq!(queue.receive().await.len(), 1);
    queue.local.advance(seconds(30)).await;
    let poll = poll(&dead, 20).await;
    tokio::time::sleep(seconds(4)).await;
    assert!(queue.receive().await.is_empty());
    assert_eq!(poll.await.unwrap(), (vec!["one".to_owned()], seconds(4)));
}

#[tokio::test(start_paused = true)]
async fn polls_are_served_in_the_order_in_which_they_came() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let mut polls = Vec::new();
    for _ in 0..4 {
        polls.push(poll(&queue, 20).await);
    }
    for body in ["a", "b", "c", "d"] {
        queue.send(body).await;
        tokio::time::sleep(seconds(1)).await;
    }
    let mut served = Vec::new();
    for poll in polls {
        served.push(poll.await.unwrap().0.concat());
    }
    assert_eq!(served, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn one_batch_serves_as_many_polls_as_it_can() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let polls = [
        poll(&queue, 20).await,
        poll(&queue, 20).await,
        poll(&queue, 20).await,
    ];
    let entry = |id: &str| {
        aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(id)
            .build()
            .unwrap()
    };
    let send = queue
        .client
        .send_message_batch()
        .queue_url(&queue.url)
        .entries(entry("a"))
        .entries(entry("b"));
    send.send().await.unwrap();
    let mut served = Vec::new();
    for poll in polls {
        served.push(poll.await.unwrap());
    }
    let at_once = |body: &str| (vec![body.to_owned()], Duration::ZERO);
    assert_eq!(served, [at_once("a"), at_once("b"), (Vec::new(), seconds(20))]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_went_away_swallows_no_message() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let gone = poll(&queue, 20).await;
    gone.abort();
    assert!(gone.await.is_err());
    queue.send("one").await;
    assert_eq!(queue.receive_one().await.body(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_goes_away_after_it_was_woken_passes_its_turn_on() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let gone = poll(&queue, 20).await;
    let next = poll(&queue, 20).await;
    queue.send("one").await;
    gone.abort();
    let (served, _) = next.await.unwrap();
    let first = gone.await.map(|(bodies, _)| bodies).unwrap_or_default();
    assert_eq!([first, served].concat(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn the_next_in_line_watches_the_timers_when_the_first_leaves() {
    let queue = Sqs::new().queue("orders", &[("VisibilityTimeout", "9")]).await;
    queue.send("one").await;
    assert_eq!(queue.receive().await.len(), 1);
    let gone = poll(&queue, 20).await;
    let next = poll(&queue, 20).await;
    tokio::time::sleep(seconds(1)).await;
    gone.abort();
    assert_eq!(next.await.unwrap(), (vec!["one".to_owned()], seconds(9)));
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_as_long_as_the_queue_says_if_it_does_not_say_itself() {
    let queue = Sqs::new()
        .queue("orders", &[("ReceiveMessageWaitTimeSeconds", "11")])
        .await;
    let start = Instant::now();
    let received = queue
        .client
        .receive_message()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    assert!(received.messages().is_empty());
    assert_eq!(start.elapsed(), seconds(11));
}

#[tokio::test(start_paused = true)]
async fn deleting_the_queue_ends_waiting_polls_with_an_error() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let poll = tokio::spawn({
        let receive = queue
            .client
            .receive_message()
            .queue_url(&queue.url)
            .wait_time_seconds(20);
        async move { receive.send().await }
    });
    while queue.local.waiting_polls() == 0 {
        tokio::task::yield_now().await;
    }
    queue
        .client
        .delete_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    let error = poll.await.unwrap().unwrap_err();
    assert!(error.as_service_error().unwrap().is_queue_does_not_exist());
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_comes_later_does_not_overtake_one_that_waits() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let first = poll(&queue, 20).await;
    // The message wakes the first poll, which has had no time to run when the second asks.
    let (_, second) = tokio::join!(queue.send("one"), queue.poll(1, 1));
    assert!(second.is_empty());
    assert_eq!(first.await.unwrap().0, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_refused_at_once_even_if_others_wait() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let waiting = poll(&queue, 20).await;
    let start = Instant::now();
    let refused = queue
        .client
        .receive_message()
        .queue_url(&queue.url)
        .wait_time_seconds(20)
        .visibility_timeout(-1);
    assert!(refused.send().await.is_err());
    assert_eq!(start.elapsed(), Duration::ZERO);
    waiting.abort();
}
