//! Message move tasks.
//!
//! Source: SQS API reference, `StartMessageMoveTask`, `ListMessageMoveTasks`, `CancelMessageMoveTask`; texts are recorded on
//! AWS.

use crate::support::{Queue, Sqs, bodies, refused, seconds};

/// A queue, and its dead-letter queue with so many messages that came from it.
async fn with_dead(messages: usize) -> (Queue, Queue) {
    let (queue, dead) = Sqs::new().with_dead_letters("orders", 1).await;
    for n in 0..messages {
        queue.send(&format!("m{n}")).await;
    }
    while !queue.receive().await.is_empty() {}
    queue.local.advance(seconds(30)).await;
    assert!(queue.receive().await.is_empty());
    assert_eq!(dead.state().messages.len(), messages);
    (queue, dead)
}

async fn start(dead: &Queue, rate: Option<i32>) -> String {
    let start = dead.client.start_message_move_task().source_arn(dead.arn());
    let started = start
        .set_max_number_of_messages_per_second(rate)
        .send()
        .await
        .unwrap();
    started.task_handle.unwrap()
}

async fn status(dead: &Queue) -> (String, i64) {
    let tasks = dead
        .client
        .list_message_move_tasks()
        .source_arn(dead.arn())
        .send()
        .await
        .unwrap();
    let task = &tasks.results()[0];
    (
        task.status().unwrap_or_default().to_owned(),
        task.approximate_number_of_messages_moved(),
    )
}

#[tokio::test(start_paused = true)]
async fn messages_go_back_to_where_they_came_from_as_new_ones() {
    let (queue, dead) = with_dead(2).await;
    let old: Vec<_> = dead
        .state()
        .messages
        .iter()
        .map(|message| message.message_id)
        .collect();
    start(&dead, None).await;
    queue.local.advance(seconds(1)).await;
    assert_eq!(status(&dead).await, ("COMPLETED".to_owned(), 2));
    let state = queue.state();
    assert_eq!(state.bodies(), ["m0", "m1"]);
    for message in &state.messages {
        assert!(!old.contains(&message.message_id));
        assert_eq!(message.receive_count, 0);
        assert_eq!(message.source_arn, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept() {
    let (queue, dead) = with_dead(3).await;
    start(&dead, Some(1)).await;
    for moved in 1..=3 {
        assert_eq!(queue.state().messages.len(), moved);
        queue.local.advance(seconds(1)).await;
    }
    assert_eq!(status(&dead).await, ("COMPLETED".to_owned(), 3));
}

#[tokio::test(start_paused = true)]
async fn a_moved_message_wakes_a_long_poll() {
    let (queue, dead) = with_dead(2).await;
    start(&dead, Some(1)).await;
    assert_eq!(bodies(&queue.poll(10, 20).await), ["m0"]);
    let before = tokio::time::Instant::now();
    assert_eq!(bodies(&queue.poll(10, 20).await), ["m1"]);
    assert_eq!(before.elapsed(), seconds(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_stops() {
    let (queue, dead) = with_dead(5).await;
    let handle = start(&dead, Some(1)).await;
    queue.local.advance(seconds(1)).await;
    let cancelled = dead
        .client
        .cancel_message_move_task()
        .task_handle(&handle)
        .send()
        .await
        .unwrap();
    assert_eq!(cancelled.approximate_number_of_messages_moved(), 2);
    queue.local.advance(seconds(60)).await;
    assert_eq!(status(&dead).await, ("CANCELLED".to_owned(), 2));
    assert_eq!(dead.state().messages.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_source_has_one_task_at_a_time() {
    let (_queue, dead) = with_dead(5).await;
    start(&dead, Some(1)).await;
    let again = dead
        .client
        .start_message_move_task()
        .source_arn(dead.arn())
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        refused(again).message,
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    );
}

#[tokio::test(start_paused = true)]
async fn the_source_must_be_a_dead_letter_queue() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let start = queue
        .client
        .start_message_move_task()
        .source_arn(queue.arn())
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        refused(start).message,
        "Source queue must be configured as a Dead Letter Queue."
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_fails_when_its_destination_goes_away() {
    let (queue, dead) = with_dead(5).await;
    start(&dead, Some(1)).await;
    queue
        .client
        .delete_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    dead.local.advance(seconds(2)).await;
    assert_eq!(status(&dead).await.0, "FAILED");
}
