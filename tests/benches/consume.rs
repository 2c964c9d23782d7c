//! What a message costs: the worker beside a hand-written pipeline on the same SDK client, in one process, without a
//! network. `cargo bench -p tests --bench consume`; `MESSAGES` and `ROUNDS` change the size, `ONLY` picks rows by a
//! part of their names.
//!
//! CPU is user and system time of the whole process, the embedded SQS included: compare rows of one run, not runs. What
//! else the machine does changes from minute to minute, so a ratio is taken between rows of the same round, which is
//! short, and what is printed is the median of all rounds, with the quarter of them below and the quarter above.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_sqs::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    types::{DeleteMessageBatchRequestEntry, Message as SdkMessage, MessageSystemAttributeName},
};
use md5::{Digest as _, Md5};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sqs_local::SqsLocal;
use sqs_worker::{Message, Producer, QueueOptions, State, Worker, handler};
use tokio::sync::{Semaphore, mpsc};

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "parcel")]
struct Parcel {
    id: u64,
    note: String,
}

#[handler(queue = "parcels")]
async fn count(parcel: Parcel, State(seen): State<Seen>) {
    seen.0.fetch_add(parcel.id.min(1), Ordering::Relaxed);
}

#[derive(Clone, Default)]
struct Seen(Arc<AtomicU64>);

/// As our examples have it: the SDK allocates a lot.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One measurement.
struct Cost {
    cpu: Duration,
    wall: Duration,
    requests: usize,
}

/// Who consumes.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    ByHand { checksums: bool },
    Worker { checksums: bool },
}

/// What is measured: its name, how many threads the runtime has, and who consumes.
const ROWS: [(&str, usize, Who); 6] = [
    (
        "hand-written, current thread",
        1,
        Who::ByHand { checksums: false },
    ),
    (
        "sqs-worker without checksums, current thread",
        1,
        Who::Worker { checksums: false },
    ),
    (
        "hand-written with checksums, current thread",
        1,
        Who::ByHand { checksums: true },
    ),
    ("sqs-worker, current thread", 1, Who::Worker { checksums: true }),
    ("hand-written, two threads", 2, Who::ByHand { checksums: false }),
    ("sqs-worker, two threads", 2, Who::Worker { checksums: true }),
];

fn main() {
    let number = |name, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (messages, rounds) = (number("MESSAGES", 2_000_u64), number("ROUNDS", 101_u64));
    let only = std::env::var("ONLY").ok();
    let mut costs: [Vec<Cost>; ROWS.len()] = Default::default();
    for _ in 0..rounds {
        // Side by side, so that whatever else the machine does hits all of them.
        for ((name, threads, who), costs) in ROWS.iter().zip(&mut costs) {
            if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                continue;
            }
            let runtime = match threads {
                1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
                threads => tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(*threads)
                    .enable_all()
                    .build(),
            };
            let runtime = runtime.expect("a runtime");
            costs.push(runtime.block_on(measure(messages, *who)));
        }
    }
    println!("{messages} messages of 1 KiB, medians of {rounds}\n");
    println!(
        "{:<46} {:>12} {:>12} {:>16}",
        "", "CPU us/msg", "msg/s", "requests/1000"
    );
    for ((name, ..), costs) in ROWS.iter().zip(&costs) {
        if !costs.is_empty() {
            print_row(name, costs, messages);
        }
    }
    println!();
    for (what, of, to) in [
        ("sqs-worker / hand-written, neither checks MD5s", 1, 0),
        ("sqs-worker / hand-written, both check MD5s", 3, 2),
        ("sqs-worker, which does / hand-written, which does not", 3, 0),
        ("sqs-worker, two threads / current thread", 5, 3),
        ("hand-written, two threads / current thread", 4, 0),
    ] {
        let ratios = costs[of].iter().zip(&costs[to]);
        let mut ratios: Vec<f64> = ratios
            .map(|(of, to)| of.cpu.as_secs_f64() / to.cpu.as_secs_f64())
            .collect();
        if ratios.is_empty() {
            continue;
        }
        ratios.sort_by(f64::total_cmp);
        let [low, median, high] = [1, 2, 3].map(|quarter| ratios[ratios.len() * quarter / 4]);
        println!("{what:<54} {median:.2}  ({low:.2} to {high:.2})");
    }
}

fn print_row(name: &str, costs: &[Cost], messages: u64) {
    let median = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (cpu, wall) = (
        median(|cost| cost.cpu.as_secs_f64()),
        median(|cost| cost.wall.as_secs_f64()),
    );
    println!(
        "{name:<46} {:>12.1} {:>12.0} {:>16.0}",
        cpu * 1e6 / messages as f64,
        messages as f64 / wall,
        median(|cost| cost.requests as f64) * 1_000.0 / messages as f64
    );
}

async fn measure(messages: u64, who: Who) -> Cost {
    let sqs = SqsLocal::builder().journal(1_000_000).build();
    let client = client_of(&sqs);
    let url = client
        .create_queue()
        .queue_name("parcels")
        .send()
        .await
        .expect("created")
        .queue_url
        .expect("a URL");
    let note = "x".repeat(1_000);
    let parcels = (1..=messages).map(|id| Parcel {
        id,
        note: note.clone(),
    });
    Producer::new(client.clone())
        .to("parcels")
        .send_all(parcels)
        .await
        .into_result()
        .expect("all sent");
    sqs.clear_journal();

    let seen = Seen::default();
    let (wall, cpu) = (Instant::now(), cpu_time());
    let (wall, cpu) = if let Who::Worker { checksums } = who {
        let options = QueueOptions::named("parcels")
            .concurrency(100)
            .pollers(4)
            .verify_checksums(checksums);
        let worker = Worker::new(client, seen.clone())
            .handler::<count>()
            .queue(options)
            // The polls that are still open at the end are not measured, and not worth a wait.
            .shutdown_timeout(Duration::from_secs(1));
        let stats = worker.stats();
        let mut taken = None;
        let done = async {
            while stats.snapshot().acked < messages {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            taken = Some((wall.elapsed(), cpu_time() - cpu));
        };
        worker.run_until(done).await.expect("the worker starts");
        taken.expect("measured")
    } else {
        let checksums = who == Who::ByHand { checksums: true };
        by_hand(client, url, messages, seen.clone(), checksums).await;
        (wall.elapsed(), cpu_time() - cpu)
    };
    assert_eq!(seen.0.load(Ordering::Relaxed), messages);
    let journal = sqs.journal();
    let requests = journal.count("ReceiveMessage") + journal.count("DeleteMessageBatch");
    Cost { cpu, wall, requests }
}

/// What people write by hand when they want speed: four pollers, a hundred handlers, batched deletions. No leases, no
/// retries, no shutdown. Few check the MD5 of what they receive, as the worker does; with `checksums` this does, body only.
async fn by_hand(client: Client, url: String, messages: u64, seen: Seen, checksums: bool) {
    let (acks, mut handled) = mpsc::channel::<SdkMessage>(200);
    let slots = Arc::new(Semaphore::new(100));
    let mut pollers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (client, url, slots, acks, seen) = (
            client.clone(),
            url.clone(),
            slots.clone(),
            acks.clone(),
            seen.clone(),
        );
        pollers.spawn(async move {
            loop {
                let free = slots.clone().acquire_many_owned(10).await.expect("open");
                let request = client
                    .receive_message()
                    .queue_url(&url)
                    .max_number_of_messages(10)
                    .visibility_timeout(30)
                    .wait_time_seconds(20)
                    .message_system_attribute_names(MessageSystemAttributeName::All)
                    .message_attribute_names("All");
                let received = request
                    .send()
                    .await
                    .expect("received")
                    .messages
                    .unwrap_or_default();
                let mut free = free;
                for message in received {
                    let (slot, acks, seen) = (free.split(1), acks.clone(), seen.clone());
                    tokio::spawn(async move {
                        if checksums {
                            let md5 = Md5::digest(message.body().unwrap_or_default());
                            let text = format!("{:032x}", u128::from_be_bytes(md5.into()));
                            assert_eq!(message.md5_of_body(), Some(text.as_str()));
                        }
                        let parcel: Parcel =
                            serde_json::from_str(message.body().unwrap_or_default()).expect("a parcel");
                        seen.0.fetch_add(parcel.id.min(1), Ordering::Relaxed);
                        acks.send(message).await.expect("open");
                        drop(slot);
                    });
                }
            }
        });
    }
    let mut calls = tokio::task::JoinSet::new();
    let mut acked = 0;
    while acked < messages {
        let mut batch = Vec::with_capacity(10);
        handled.recv_many(&mut batch, 10).await;
        while batch.len() < 10 && acked + (batch.len() as u64) < messages {
            let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(50), handled.recv()).await
            else {
                break;
            };
            batch.push(message);
        }
        acked += batch.len() as u64;
        let request = client.delete_message_batch().queue_url(&url);
        let request = batch
            .into_iter()
            .enumerate()
            .fold(request, |request, (id, message)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string());
                request.entries(
                    entry
                        .receipt_handle(message.receipt_handle.expect("a handle"))
                        .build()
                        .expect("complete"),
                )
            });
        if calls.len() >= 8 {
            calls.join_next().await;
        }
        calls.spawn(async move { request.send().await.expect("deleted") });
    }
    calls.join_all().await;
    pollers.shutdown().await;
}

/// The same configuration for both: what the worker sets on its clients, set here for the one by hand too.
fn client_of(sqs: &SqsLocal) -> Client {
    let second = Duration::from_secs(1);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .http_client(sqs.http_client())
        .retry_config(RetryConfig::standard())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(25 * second)
                .operation_timeout(50 * second)
                .build(),
        );
    Client::from_conf(config.build())
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("not before zero")
}
