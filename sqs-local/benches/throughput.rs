//! Messages per second over loopback HTTP and in process, in batches of ten, and the server's CPU for each ten.
//!
//! ```text
//! cargo bench -p sqs-local --bench throughput                      # starts the server itself
//! cargo bench -p sqs-local --bench throughput -- --backlog 1000000 # with so many messages waiting throughout
//! cargo bench -p sqs-local --bench throughput -- --beside http://127.0.0.1:4571 --pid 123
//!                                                   # another server in the same run, with fewer messages
//! ```
//!
//! The client is no SDK but plain sockets with ready-made requests, so that it costs little beside the server.

#[path = "http/client.rs"]
mod client;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::{Connection, call};
use sqs_local::SqsLocal;
use sqs_local::api::{Caller, OnQueue, Operation, ReceiveMessage, Request, SendEntry, SendMessageBatch};

const BODY: &str = "an order of three red shoes, size 42, to be sent to the usual address before Friday evening; the \
                    customer has paid by card, wants no gift wrap, and asks us to ring twice because the bell is old. \
                    This text is here to make it 256 bytes long, as in all runs.....";

struct Server {
    address: SocketAddr,
    pid: Option<u32>,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        arguments
            .iter()
            .position(|a| a == name)
            .and_then(|at| arguments.get(at + 1))
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<usize>().ok());
    let (backlog, messages) = (
        number("--backlog").unwrap_or(0),
        number("--messages").unwrap_or(100_000),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    println!(
        "| door | kind | connections | send msg/s | server us/10 | receive + delete msg/s | server us/10 |"
    );
    println!("|---|---|---|---|---|---|---|");
    let server = own_server();
    each_kind(&runtime, &server, "HTTP", messages, backlog);
    drop(server);
    for fifo in [false, true] {
        runtime.block_on(in_process(fifo, messages));
    }
    if let Some(url) = value("--beside") {
        let server = other_server(url, value("--pid").and_then(|pid| pid.parse().ok()));
        each_kind(&runtime, &server, url, messages.min(4000), backlog.min(4000));
    }
}

fn each_kind(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    name: &str,
    messages: usize,
    backlog: usize,
) {
    for fifo in [false, true] {
        for connections in [1, 8, 64] {
            runtime.block_on(over_http(server, name, fifo, connections, messages, backlog));
        }
    }
}

fn own_server() -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sqs-local"))
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
        .expect("it says where it listens");
    let address = line
        .trim()
        .rsplit("http://")
        .next()
        .and_then(|text| text.parse().ok())
        .expect("an address");
    Server {
        address,
        pid: Some(child.id()),
        child: Some(child),
    }
}

fn other_server(url: &str, pid: Option<u32>) -> Server {
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .expect("http://ADDRESS:PORT");
    Server {
        address,
        pid,
        child: None,
    }
}

/// CPU time that a process has used, in microseconds, from `/proc`.
fn cpu(pid: Option<u32>) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid?)).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks * 10_000)
}

async fn over_http(
    server: &Server,
    door: &str,
    fifo: bool,
    connections: usize,
    messages: usize,
    backlog: usize,
) {
    let name = format!("bench-{connections}{}", if fifo { ".fifo" } else { "" });
    let mut admin = Connection::open(server.address).await;
    let attributes = if fifo { r#"{"FifoQueue":"true"}"# } else { "{}" };
    let created = call(
        &mut admin,
        "CreateQueue",
        &format!(r#"{{"QueueName":"{name}","Attributes":{attributes}}}"#),
    )
    .await;
    let url = client::text_of(&created, "QueueUrl");
    fill(&mut admin, &url, fifo, backlog).await;

    let before = (Instant::now(), cpu(server.pid));
    let sent = work(
        server.address,
        connections,
        messages,
        |url_, n| {
            let url_ = url_.to_owned();
            (("SendMessageBatch"), batch(&url_, fifo, n))
        },
        &url,
    )
    .await;
    let send = rate(before, server.pid, sent);
    let before = (Instant::now(), cpu(server.pid));
    let received = receive_and_delete(server.address, connections, messages, &url).await;
    let receive = rate(before, server.pid, received);
    let kind = if fifo { "FIFO" } else { "standard" };
    println!("| {door} | {kind} | {connections} | {send} | {receive} |");
    call(&mut admin, "DeleteQueue", &format!(r#"{{"QueueUrl":"{url}"}}"#)).await;
}

async fn fill(connection: &mut Connection, url: &str, fifo: bool, messages: usize) {
    for n in 0..messages / 10 {
        call(
            connection,
            "SendMessageBatch",
            &batch(url, fifo, 1_000_000_000 + n),
        )
        .await;
    }
}

fn batch(url: &str, fifo: bool, n: usize) -> String {
    let entries: Vec<String> = (0..10)
        .map(|i| {
            let fifo = if fifo {
                format!(
                    r#","MessageGroupId":"g{}","MessageDeduplicationId":"{n}-{i}""#,
                    n % 1000
                )
            } else {
                String::new()
            };
            format!(r#"{{"Id":"{i}","MessageBody":"{BODY}"{fifo}}}"#)
        })
        .collect();
    format!(r#"{{"QueueUrl":"{url}","Entries":[{}]}}"#, entries.join(","))
}

/// Sends `messages / 10` requests over so many connections; returns how many messages went.
async fn work(
    address: SocketAddr,
    connections: usize,
    messages: usize,
    request: impl Fn(&str, usize) -> (&'static str, String) + Copy,
    url: &str,
) -> usize {
    let share = messages / 10 / connections;
    let clients = (0..connections).map(|client| async move {
        let mut connection = Connection::open(address).await;
        for n in 0..share {
            let (action, body) = request(url, client * share + n);
            call(&mut connection, action, &body).await;
        }
    });
    futures_util::future::join_all(clients).await;
    share * connections * 10
}

async fn receive_and_delete(address: SocketAddr, connections: usize, messages: usize, url: &str) -> usize {
    let share = messages / connections;
    let receive = format!(r#"{{"QueueUrl":"{url}","MaxNumberOfMessages":10}}"#);
    let receive = receive.as_str();
    let clients = (0..connections).map(|_| async move {
        let mut connection = Connection::open(address).await;
        let mut done = 0;
        while done < share {
            let received = call(&mut connection, "ReceiveMessage", receive).await;
            let handles = client::texts_of(&received, "ReceiptHandle");
            if handles.is_empty() {
                break;
            }
            let entries: Vec<String> = handles
                .iter()
                .enumerate()
                .map(|(i, handle)| format!(r#"{{"Id":"{i}","ReceiptHandle":"{handle}"}}"#))
                .collect();
            let delete = format!(r#"{{"QueueUrl":"{url}","Entries":[{}]}}"#, entries.join(","));
            call(&mut connection, "DeleteMessageBatch", &delete).await;
            done += handles.len();
        }
        done
    });
    futures_util::future::join_all(clients).await.into_iter().sum()
}

/// Messages a second, and the server's microseconds for ten of them.
fn rate((start, cpu_before): (Instant, Option<u64>), pid: Option<u32>, messages: usize) -> String {
    let each = start.elapsed().as_secs_f64() / messages.max(1) as f64;
    let cpu = cpu(pid)
        .zip(cpu_before)
        .map(|(after, before)| (after - before) as f64 / (messages.max(1) as f64 / 10.0));
    format!(
        "{:.0} | {}",
        1.0 / each,
        cpu.map_or_else(|| "-".into(), |cpu| format!("{cpu:.0}"))
    )
}

/// The same through [`SqsLocal::call`]: the engine without any protocol.
async fn in_process(fifo: bool, messages: usize) {
    let sqs = SqsLocal::builder().journal(0).build();
    let caller = Caller {
        account: "000000000000".into(),
        region: "us-east-1".into(),
        trace_id: None,
        base_url: "http://local".into(),
    };
    let ask = |operation| {
        let (sqs, request) = (
            sqs.clone(),
            Request {
                caller: caller.clone(),
                operation,
            },
        );
        async move { sqs.call(request).await.expect("it is answered") }
    };
    let name = if fifo { "bench.fifo" } else { "bench" };
    let attributes = if fifo {
        vec![("FifoQueue".to_owned(), "true".to_owned())]
    } else {
        Vec::new()
    };
    let create = sqs_local::api::CreateQueue {
        queue_name: Some(name.into()),
        attributes: attributes.into_iter().collect(),
        ..Default::default()
    };
    ask(Operation::CreateQueue(create)).await;
    let queue_url = Some(format!("http://local/000000000000/{name}"));
    let entry = |n: usize, i: usize| SendEntry {
        id: Some(i.to_string()),
        message_body: Some(BODY.into()),
        message_group_id: fifo.then(|| format!("g{}", n % 1000)),
        message_deduplication_id: fifo.then(|| format!("{n}-{i}")),
        ..Default::default()
    };
    let start = Instant::now();
    for n in 0..messages / 10 {
        let entries = Some((0..10).map(|i| entry(n, i)).collect());
        ask(Operation::SendMessageBatch(SendMessageBatch {
            queue_url: queue_url.clone(),
            entries,
        }))
        .await;
    }
    let send = each_ten(start.elapsed(), messages);
    let start = Instant::now();
    let receive = ReceiveMessage {
        queue_url: queue_url.clone(),
        max_number_of_messages: Some(10),
        ..Default::default()
    };
    let mut done = 0;
    while done < messages {
        let sqs_local::api::Answer::Received(received) =
            ask(Operation::ReceiveMessage(receive.clone())).await
        else {
            unreachable!("a receive answers with messages")
        };
        done += received.len();
        let entries = received
            .iter()
            .enumerate()
            .map(|(i, message)| sqs_local::api::DeleteEntry {
                id: Some(i.to_string()),
                receipt_handle: Some(message.receipt_handle().to_owned()),
            });
        let delete = sqs_local::api::DeleteMessageBatch {
            queue_url: queue_url.clone(),
            entries: Some(entries.collect()),
        };
        ask(Operation::DeleteMessageBatch(delete)).await;
    }
    let receive = each_ten(start.elapsed(), messages);
    println!(
        "| in process | {} | - | {send} | {receive} |",
        if fifo { "FIFO" } else { "standard" }
    );
    ask(Operation::DeleteQueue(OnQueue { queue_url })).await;
}

fn each_ten(time: Duration, messages: usize) -> String {
    let micros = time.as_secs_f64() * 1e6;
    format!(
        "{:.0} | {:.0}",
        messages as f64 / micros * 1e6,
        micros / messages as f64 * 10.0
    )
}
