//! Whether an operation costs the same whatever waits: 1 thousand to 1 million messages, 1 to 10 000 FIFO groups; and
//! how much memory 1 million messages of 1 KiB take.
//!
//! ```text
//! cargo bench -p sqs-local --bench flat
//! ```
//!
//! The engine is called without any protocol between, on one thread. Figures are microseconds for ten messages.

use std::time::Instant;

use sqs_local::SqsLocal;
use sqs_local::api::{
    Answer, Caller, CreateQueue, DeleteEntry, DeleteMessageBatch, Operation, ReceiveMessage, Request,
    SendEntry, SendMessageBatch,
};

struct Queue {
    sqs: SqsLocal,
    url: Option<String>,
    fifo: bool,
    sent: usize,
}

impl Queue {
    async fn new(fifo: bool) -> Self {
        let name = if fifo { "flat.fifo" } else { "flat" };
        let url = Some(format!("http://local/000000000000/{name}"));
        let queue = Self {
            sqs: SqsLocal::builder().journal(0).build(),
            url,
            fifo,
            sent: 0,
        };
        let attributes = fifo
            .then(|| ("FifoQueue".to_owned(), "true".to_owned()))
            .into_iter()
            .collect();
        let create = CreateQueue {
            queue_name: Some(name.into()),
            attributes,
            ..Default::default()
        };
        queue.ask(Operation::CreateQueue(create)).await;
        queue
    }

    async fn ask(&self, operation: Operation) -> Answer {
        let caller = Caller {
            account: "000000000000".into(),
            region: "us-east-1".into(),
            trace_id: None,
            base_url: "http://local".into(),
        };
        self.sqs
            .call(Request { caller, operation })
            .await
            .expect("it is answered")
    }

    async fn send_ten(&mut self, body: &str, groups: usize) {
        let entries = (0..10).map(|i| {
            let n = self.sent + i;
            SendEntry {
                id: Some(i.to_string()),
                message_body: Some(body.to_owned()),
                message_group_id: self.fifo.then(|| format!("g{}", n % groups)),
                message_deduplication_id: self.fifo.then(|| n.to_string()),
                ..Default::default()
            }
        });
        let send = SendMessageBatch {
            queue_url: self.url.clone(),
            entries: Some(entries.collect()),
        };
        self.ask(Operation::SendMessageBatch(send)).await;
        self.sent += 10;
    }

    async fn receive_and_delete_ten(&self) {
        let receive = ReceiveMessage {
            queue_url: self.url.clone(),
            max_number_of_messages: Some(10),
            ..Default::default()
        };
        let Answer::Received(messages) = self.ask(Operation::ReceiveMessage(receive)).await else {
            return;
        };
        let entries = messages.iter().enumerate().map(|(i, message)| DeleteEntry {
            id: Some(i.to_string()),
            receipt_handle: Some(message.receipt_handle().to_owned()),
        });
        let delete = DeleteMessageBatch {
            queue_url: self.url.clone(),
            entries: Some(entries.collect()),
        };
        self.ask(Operation::DeleteMessageBatch(delete)).await;
    }

    /// Microseconds for sending ten, and for receiving and deleting ten.
    async fn measure(&mut self, body: &str, groups: usize) -> (f64, f64) {
        const ROUNDS: usize = 2000;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            self.send_ten(body, groups).await;
        }
        let send = start.elapsed();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            self.receive_and_delete_ten().await;
        }
        let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / ROUNDS as f64;
        (each(send), each(start.elapsed()))
    }
}

/// The memory of this process in MiB, from `/proc`.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let body = "x".repeat(1024);
    println!("| kind | waiting | groups | send us/10 | receive + delete us/10 | memory MiB |");
    println!("|---|---|---|---|---|---|");
    for fifo in [false, true] {
        let mut queue = Queue::new(fifo).await;
        for waiting in [1_000, 10_000, 100_000, 1_000_000] {
            while queue.sent < waiting {
                queue.send_ten(&body, 1000).await;
            }
            let memory = resident();
            let (send, receive) = queue.measure(&body, 1000).await;
            let (kind, groups) = if fifo { ("FIFO", "1000") } else { ("standard", "-") };
            println!("| {kind} | {waiting} | {groups} | {send:.1} | {receive:.1} | {memory} |");
            queue.sent = waiting;
            if fifo {
                // The numbers are deduplication ids as well: the same ones must not come again.
                queue.sent += 20_000;
            }
        }
    }
    for groups in [1, 100, 10_000] {
        let mut queue = Queue::new(true).await;
        for _ in 0..5_000 {
            queue.send_ten(&body, groups).await;
        }
        let (send, receive) = queue.measure(&body, groups).await;
        println!(
            "| FIFO | 50000 | {groups} | {send:.1} | {receive:.1} | {} |",
            resident()
        );
    }
}
