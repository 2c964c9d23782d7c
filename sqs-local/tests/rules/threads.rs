//! Many threads at once: no message is lost, none comes twice, groups keep their order, no poll sleeps through a message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqs_local::SqsLocal;
use sqs_local::api::{
    Answer, Caller, CreateQueue, DeleteMessage, Operation, ReceiveMessage, Request, SendMessage,
};

const MESSAGES: usize = 4000;
const GROUPS: usize = 16;

async fn ask(sqs: &SqsLocal, operation: Operation) -> Answer {
    let caller = Caller {
        account: "000000000000".into(),
        region: "us-east-1".into(),
        trace_id: None,
        base_url: "http://local".into(),
    };
    sqs.call(Request { caller, operation })
        .await
        .expect("it is answered")
}

fn url(name: &str) -> Option<String> {
    Some(format!("http://local/000000000000/{name}"))
}

/// Takes messages until all are there; polls are given up now and then, as clients that go away do.
async fn consume(sqs: SqsLocal, name: &'static str, seen: Arc<Mutex<Vec<String>>>, patience: u64) {
    loop {
        let receive = ReceiveMessage {
            queue_url: url(name),
            wait_time_seconds: Some(20),
            max_number_of_messages: Some(3),
            ..Default::default()
        };
        let poll = ask(&sqs, Operation::ReceiveMessage(receive));
        let received = tokio::time::timeout(Duration::from_micros(patience), poll).await;
        if let Ok(Answer::Received(messages)) = received {
            for message in messages {
                seen.lock().unwrap().push(message.body().to_owned());
                let receipt_handle = Some(message.receipt_handle().to_owned());
                ask(
                    &sqs,
                    Operation::DeleteMessage(DeleteMessage {
                        queue_url: url(name),
                        receipt_handle,
                    }),
                )
                .await;
            }
        }
        if seen.lock().unwrap().len() >= MESSAGES {
            return;
        }
    }
}

async fn produce(sqs: SqsLocal, name: &'static str, producer: usize) {
    for n in 0..MESSAGES / 4 {
        let fifo = name.ends_with(".fifo");
        // Each group has one producer, so that its order is known.
        let group = producer * GROUPS / 4 + n % (GROUPS / 4);
        let send = SendMessage {
            queue_url: url(name),
            message_body: Some(format!("{group} {n}")),
            message_group_id: fifo.then(|| group.to_string()),
            message_deduplication_id: fifo.then(|| format!("{producer}-{n}")),
            ..Default::default()
        };
        ask(&sqs, Operation::SendMessage(send)).await;
        if n % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn rush(name: &'static str) -> Vec<String> {
    let sqs = SqsLocal::builder().journal(0).build();
    let attributes = name
        .ends_with(".fifo")
        .then(|| ("FifoQueue".to_owned(), "true".to_owned()));
    let create = CreateQueue {
        queue_name: Some(name.into()),
        attributes: attributes.into_iter().collect(),
        ..Default::default()
    };
    ask(&sqs, Operation::CreateQueue(create)).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for consumer in 0..8 {
        // Half of the consumers give up soon, the others never before the 20 s are over.
        let patience = if consumer % 2 == 0 {
            50 + consumer * 20
        } else {
            60_000_000
        };
        tasks.push(tokio::spawn(consume(
            sqs.clone(),
            name,
            Arc::clone(&seen),
            patience,
        )));
    }
    for producer in 0..4 {
        tasks.push(tokio::spawn(produce(sqs.clone(), name, producer)));
    }
    while seen.lock().unwrap().len() < MESSAGES {
        tokio::task::yield_now().await;
    }
    // Who still waits now waits for nothing.
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(
        sqs.queue(name).unwrap().messages.len() <= 8,
        "only deletes that were cut off are missing"
    );
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_on_a_standard_queue_loses_nothing() {
    let rush = tokio::time::timeout(Duration::from_secs(60), rush("rush"));
    let mut seen = rush.await.expect("no poll sleeps through a message");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), MESSAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_on_a_fifo_queue_keeps_every_group_in_order() {
    let rush = tokio::time::timeout(Duration::from_secs(60), rush("rush.fifo"));
    let seen = rush.await.expect("no poll sleeps through a message");
    let mut last: HashMap<&str, i64> = HashMap::new();
    for body in &seen {
        let (group, n) = body.split_once(' ').unwrap();
        let n: i64 = n.parse().unwrap();
        let before = last.insert(group, n).unwrap_or(-1);
        assert!(before < n, "group {group}: {n} after {before}");
    }
    assert_eq!(seen.len(), MESSAGES);
}
