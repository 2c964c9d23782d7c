//! FIFO queues: order, groups, deduplication.
//!
//! Source: SQS Developer Guide, "FIFO queue delivery logic" and "exactly-once processing"; API reference, `SendMessage`
//! and `ReceiveMessage`; the order among groups is recorded on AWS.

use crate::support::{Queue, Sqs, bodies, refused, seconds};

async fn with_messages(messages: &[(&str, &str)]) -> Queue {
    let queue = Sqs::new().queue("orders.fifo", &[]).await;
    for (group, body) in messages {
        queue.send_to(group, body).await;
    }
    queue
}

#[tokio::test(start_paused = true)]
async fn one_group_is_emptied_before_the_next_begins() {
    let queue = with_messages(&[("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3")]).await;
    assert_eq!(bodies(&queue.receive().await), ["a1", "a2", "a3", "b1"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_while_its_head_is_in_flight() {
    let queue = with_messages(&[("a", "a1"), ("a", "a2"), ("b", "b1")]).await;
    let first = queue.receive_up_to(1).await;
    assert_eq!(bodies(&first), ["a1"]);
    assert_eq!(bodies(&queue.receive().await), ["b1"]);
    queue.delete(&first[0]).await.unwrap();
    assert_eq!(bodies(&queue.receive().await), ["a2"]);
}

#[tokio::test(start_paused = true)]
async fn messages_before_a_hidden_one_can_be_received_again() {
    let queue = with_messages(&[("a", "a1"), ("a", "a2"), ("a", "a3")]).await;
    let messages = queue.receive().await;
    queue.change_visibility(&messages[1], 100).await.unwrap();
    queue.local.advance(seconds(30)).await;
    assert_eq!(bodies(&queue.receive().await), ["a1"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_became_receivable_again_takes_its_turn_behind_the_others() {
    let queue = with_messages(&[("a", "a1"), ("a", "a2"), ("b", "b1")]).await;
    let messages = queue.receive_up_to(2).await;
    queue.change_visibility(&messages[0], 0).await.unwrap();
    assert_eq!(bodies(&queue.receive().await), ["b1", "a1"]);
}

#[tokio::test(start_paused = true)]
async fn messages_come_again_in_order_after_their_timeout() {
    let queue = with_messages(&[("a", "a1"), ("a", "a2"), ("a", "a3")]).await;
    for _ in 0..3 {
        assert_eq!(bodies(&queue.receive().await), ["a1", "a2", "a3"]);
        queue.local.advance(seconds(30)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn sequence_numbers_grow() {
    let queue = with_messages(&[]).await;
    let mut last = 0u128;
    for body in ["one", "two", "three"] {
        let number = queue.send_to("g", body).await.sequence_number.unwrap();
        assert_eq!(number.len(), 20);
        assert!(number.parse::<u128>().unwrap() > last);
        last = number.parse().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_answered_like_the_first_and_not_delivered() {
    let queue = with_messages(&[]).await;
    let first = queue.send_to("g", "one").await;
    let again = queue.send_to("g", "one").await;
    assert_eq!(
        (first.message_id, first.sequence_number),
        (again.message_id, again.sequence_number)
    );
    assert_eq!(queue.state().messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_deleted_message_is_dropped_for_five_minutes() {
    let queue = with_messages(&[("g", "one")]).await;
    queue.delete(&queue.receive_one().await).await.unwrap();
    queue.local.advance(seconds(299)).await;
    queue.send_to("g", "one").await;
    assert!(queue.state().is_empty());
    queue.local.advance(seconds(1)).await;
    queue.send_to("g", "one").await;
    assert_eq!(queue.state().messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn content_based_deduplication_hashes_the_body_alone() {
    let queue = Sqs::new()
        .queue("orders.fifo", &[("ContentBasedDeduplication", "true")])
        .await;
    for group in ["a", "b"] {
        let send = queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("one")
            .message_group_id(group);
        send.send().await.unwrap();
    }
    let state = queue.state();
    assert_eq!(state.messages.len(), 1);
    let id = state.messages[0].deduplication_id.as_deref();
    assert_eq!(
        id,
        Some("7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
    );
}

#[tokio::test(start_paused = true)]
async fn the_scope_of_deduplication_may_be_the_group() {
    let queue = Sqs::new()
        .queue("orders.fifo", &[("DeduplicationScope", "messageGroup")])
        .await;
    queue.send_to("a", "one").await;
    queue.send_to("b", "one").await;
    queue.send_to("b", "one").await;
    assert_eq!(queue.state().messages.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_required() {
    let queue = with_messages(&[]).await;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("one")
        .message_deduplication_id("1");
    let refused = refused(send.send().await.unwrap_err());
    assert_eq!(refused.code, "MissingParameter");
    assert_eq!(
        refused.message,
        "The request must contain the parameter MessageGroupId."
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_receive_attempt_gets_the_same_messages_and_hides_them_anew() {
    let queue = with_messages(&[("a", "a1"), ("b", "b1")]).await;
    let attempt = |id: &str| {
        queue
            .client
            .receive_message()
            .queue_url(&queue.url)
            .receive_request_attempt_id(id)
    };
    let first = attempt("1").send().await.unwrap().messages.unwrap();
    queue.local.advance(seconds(20)).await;
    let again = attempt("1").send().await.unwrap().messages.unwrap();
    assert_eq!(first[0].receipt_handle, again[0].receipt_handle);
    queue.local.advance(seconds(20)).await;
    let third = attempt("1").send().await.unwrap().messages.unwrap();
    assert_eq!(first[0].receipt_handle, third[0].receipt_handle);
    queue.local.advance(seconds(29)).await;
    assert_eq!(
        bodies(&attempt("2").send().await.unwrap().messages.unwrap()),
        ["b1"]
    );
    assert_eq!(queue.state().in_flight().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_attempt_is_a_new_one_once_a_message_was_deleted() {
    let queue = with_messages(&[("a", "a1"), ("b", "b1")]).await;
    let attempt = |id: &str| {
        queue
            .client
            .receive_message()
            .queue_url(&queue.url)
            .receive_request_attempt_id(id)
    };
    let first = attempt("1").send().await.unwrap().messages.unwrap();
    queue.delete(&first[0]).await.unwrap();
    assert_eq!(
        bodies(&attempt("1").send().await.unwrap().messages.unwrap()),
        ["b1"]
    );
}
