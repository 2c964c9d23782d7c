//! Limits on messages in flight, and fairness among tenants.
//!
//! Source: SQS Developer Guide, "quotas related to queues" and "Amazon SQS fair queues".

use sqs_local::SqsLocal;

use crate::support::{Queue, Sqs, refused};

async fn with_limit(name: &str) -> Queue {
    let sqs = Sqs::of(SqsLocal::builder().in_flight_limit(2).build());
    let queue = sqs.queue(name, &[]).await;
    for (group, body) in [("a", "1"), ("b", "2"), ("c", "3")] {
        if name.ends_with(".fifo") {
            queue.send_to(group, body).await;
        } else {
            queue.send(body).await;
        }
    }
    queue
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_says_over_limit_to_a_short_poll() {
    let queue = with_limit("orders").await;
    assert_eq!(queue.receive().await.len(), 2);
    let error = queue
        .client
        .receive_message()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(refused(error).code, "OverLimit");
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_says_nothing_to_a_long_poll() {
    let queue = with_limit("orders").await;
    assert_eq!(queue.receive().await.len(), 2);
    assert!(queue.poll(1, 1).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delete_makes_room_again() {
    let queue = with_limit("orders").await;
    let messages = queue.receive().await;
    queue.delete(&messages[0]).await.unwrap();
    assert_eq!(queue.receive().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fifo_queue_says_nothing_at_its_limit() {
    let queue = with_limit("orders.fifo").await;
    assert_eq!(queue.receive().await.len(), 2);
    assert!(queue.receive().await.is_empty());
}

async fn send_for(queue: &Queue, tenant: &str, body: &str) {
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body(body)
        .message_group_id(tenant);
    send.send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_noisy_tenant_does_not_delay_a_quiet_one() {
    let queue = Sqs::new().queue("orders", &[]).await;
    for n in 0..100 {
        send_for(&queue, "noisy", &n.to_string()).await;
    }
    for _ in 0..3 {
        assert_eq!(queue.receive().await.len(), 10);
    }
    // Thirty in flight, all of one tenant: it is noisy now.
    send_for(&queue, "quiet", "urgent").await;
    queue.send("of nobody").await;
    let next = queue.receive_up_to(2).await;
    assert_eq!(crate::support::bodies(&next), ["urgent", "of nobody"]);
    assert_eq!(queue.next_body().await, "30");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_below_30_in_flight_keeps_its_place() {
    let queue = Sqs::new().queue("orders", &[]).await;
    for n in 0..100 {
        send_for(&queue, "busy", &n.to_string()).await;
    }
    for _ in 0..2 {
        assert_eq!(queue.receive().await.len(), 10);
    }
    send_for(&queue, "quiet", "urgent").await;
    assert_eq!(queue.next_body().await, "20");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_quiet_again_when_its_messages_are_done() {
    let queue = Sqs::new().queue("orders", &[]).await;
    for n in 0..40 {
        send_for(&queue, "noisy", &n.to_string()).await;
    }
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.extend(queue.receive().await);
    }
    send_for(&queue, "quiet", "later").await;
    queue.delete(&taken[0]).await.unwrap();
    assert_eq!(queue.next_body().await, "30");
}

impl Queue {
    /// The body of the one message that a receive of one gives.
    async fn next_body(&self) -> String {
        self.receive_up_to(1).await.remove(0).body.unwrap_or_default()
    }
}
