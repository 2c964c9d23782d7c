//! Whether memory stays where it is: a million messages through one worker. `cargo bench -p tests --bench memory`;
//! `MESSAGES` changes how many.
//!
//! Prints the resident size of the whole process, embedded SQS included, after every tenth of the messages. A tenth of
//! them fails once, and some of each tenth are dead-lettered and drained, so that every path has its share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sqs_local::SqsLocal;
use sqs_worker::{Message, Outcome, Producer, QueueOptions, ReceiveCount, State, Worker, handler};

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "parcel")]
struct Parcel {
    id: u64,
    note: String,
}

#[handler(
    queue = "parcels",
    dead_letter = "dead",
    concurrency = 100,
    retry(max = 3, base = "1s", cap = "1s")
)]
async fn sort(
    parcel: Parcel,
    ReceiveCount(count): ReceiveCount,
    State(seen): State<Arc<AtomicU64>>,
) -> Outcome {
    match parcel.id % 100 {
        0..10 if count == 1 => Outcome::retry(),
        50 => Outcome::dead_letter("every hundredth"),
        _ => {
            seen.fetch_add(1, Ordering::Relaxed);
            Outcome::ack()
        }
    }
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let messages: u64 = std::env::var("MESSAGES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let sqs = SqsLocal::builder().journal(0).cooldown(false).build();
    let client = sqs.client();
    for queue in ["parcels", "dead"] {
        client
            .create_queue()
            .queue_name(queue)
            .send()
            .await
            .expect("created");
    }
    let url = client
        .get_queue_url()
        .queue_name("dead")
        .send()
        .await
        .expect("there");
    let url = url.queue_url.expect("a URL");
    let producer = Producer::new(client.clone()).to("parcels");
    let worker = Worker::new(client.clone(), Arc::default())
        .handler::<sort>()
        .queue(QueueOptions::named("parcels").prefetch(50));
    let stats = worker.stats();
    let work = async {
        let (tenth, note) = (messages / 10, "x".repeat(1_000));
        let mut sizes = Vec::new();
        for round in 0..10 {
            // In portions, so that the queue itself stays small.
            for portion in 0..tenth / 1_000 {
                let first = round * tenth + portion * 1_000;
                let parcels = (first..first + 1_000).map(|id| Parcel {
                    id,
                    note: note.clone(),
                });
                producer.send_all(parcels).await.into_result().expect("all sent");
                let done = first + 1_000;
                while stats.snapshot().acked + stats.snapshot().dead_lettered + 5_000 < done {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            while stats.snapshot().acked + stats.snapshot().dead_lettered < (round + 1) * tenth {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            client.purge_queue().queue_url(&url).send().await.expect("purged");
            let size = resident();
            println!("{:>9} messages: {size:>5} MiB", (round + 1) * tenth);
            sizes.push(size);
        }
        println!(
            "last / first: {:.2}",
            *sizes.last().expect("ten") as f64 / sizes[0] as f64
        );
    };
    worker.run_until(work).await.expect("the worker starts");
}

/// The resident size of this process in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .expect("a size");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number");
    kib / 1_024
}
