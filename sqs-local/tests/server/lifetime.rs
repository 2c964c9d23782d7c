//! How connections, the server and its state end and begin.

use std::time::{Duration, Instant};

use sqs_local::SqsLocal;
use sqs_local::faults::{Fault, Faults, Rule};
use sqs_local::server::{Persist, create_queues};

use crate::http::Running;

async fn until_polls_wait(server: &Running, polls: usize) {
    while server.sqs.waiting_polls() != polls {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_long_poll_whose_client_has_gone_swallows_no_message() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    let poll = format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":20}}"#);
    let mut gone = server.connect().await;
    let headers = "x-amz-target: AmazonSQS.ReceiveMessage\r\ncontent-type: application/x-amz-json-1.0\r\n";
    gone.send("POST", "/", headers, &poll).await;
    until_polls_wait(&server, 1).await;
    drop(gone);
    until_polls_wait(&server, 0).await;
    server
        .json(
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x"}}"#),
        )
        .await;
    let received = server.json("ReceiveMessage", &poll).await;
    assert!(received.body.contains("\"Body\":\"x\""), "{}", received.body);
}

#[tokio::test]
async fn a_stop_answers_waiting_polls_and_closes() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    let mut connection = server.connect().await;
    let poll = tokio::spawn(async move {
        connection
            .json(
                "ReceiveMessage",
                &format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":20}}"#),
            )
            .await
    });
    until_polls_wait(&server, 1).await;
    let start = Instant::now();
    server.stop().await;
    let answer = poll.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_idle_connections() {
    let server = Running::start().await;
    let mut idle = server.connect().await;
    idle.get("/_sqs-local/health").await;
    let start = Instant::now();
    server.stop().await;
    assert!(idle.is_closed().await);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_lost_answer_ends_the_connection() {
    let faults = Faults::seeded(1).rule(Rule::new(Fault::LoseAnswer).action("SendMessage"));
    let server = Running::of(SqsLocal::builder().layer(faults).build()).await;
    let url = server.queue("orders").await;
    let mut connection = server.connect().await;
    let headers = "x-amz-target: AmazonSQS.SendMessage\r\ncontent-type: application/x-amz-json-1.0\r\n";
    connection
        .send(
            "POST",
            "/",
            headers,
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x"}}"#),
        )
        .await;
    assert!(connection.is_closed().await);
    assert_eq!(server.sqs.queue("orders").unwrap().bodies(), ["x"]);
}

#[tokio::test]
async fn a_restart_finds_queues_messages_and_receipts_again() {
    let path = std::env::temp_dir().join(format!("sqs-local-{}-restart.json", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let before = SqsLocal::new();
    let mut persist = Persist::load(before.clone(), &path).unwrap();
    let file = "[[queue]]\nname = \"orders\"\nattributes = { VisibilityTimeout = 600 }\ntags = { team = \"shop\" }\n\
                [[queue]]\nname = \"fast.fifo\"\nattributes = { ContentBasedDeduplication = true }";
    create_queues(&before, file).await.unwrap();
    let server = Running::of(before).await;
    let url = format!("http://{}/000000000000", server.address);
    for n in 0..5 {
        server
            .json(
                "SendMessage",
                &format!(
                    r#"{{"QueueUrl":"{url}/orders","MessageBody":"m{n}","DelaySeconds":{}}}"#,
                    n / 4 * 9
                ),
            )
            .await;
    }
    let fifo = format!(r#"{{"QueueUrl":"{url}/fast.fifo","MessageBody":"f","MessageGroupId":"g"}}"#);
    server.json("SendMessage", &fifo).await;
    let received = server
        .json(
            "ReceiveMessage",
            &format!(r#"{{"QueueUrl":"{url}/orders","MaxNumberOfMessages":2}}"#),
        )
        .await;
    let handle = received
        .body
        .split("\"ReceiptHandle\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let (old, old_fifo) = (
        server.sqs.queue("orders").unwrap(),
        server.sqs.queue("fast.fifo").unwrap(),
    );
    persist.save().unwrap();
    server.stop().await;

    let after = SqsLocal::new();
    Persist::load(after.clone(), &path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let server = Running::of(after).await;
    let new = server.sqs.queue("orders").unwrap();
    assert_eq!(
        (&new.attributes, &new.tags, new.bodies()),
        (&old.attributes, &old.tags, old.bodies())
    );
    let handles = |queue: &sqs_local::QueueSnapshot| -> Vec<_> {
        queue
            .messages
            .iter()
            .map(|m| {
                (
                    m.message_id,
                    m.receive_count,
                    m.last_receipt_handle.clone(),
                    m.sent,
                )
            })
            .collect()
    };
    assert_eq!(handles(&new), handles(&old));
    assert_eq!(
        handles(&server.sqs.queue("fast.fifo").unwrap()),
        handles(&old_fifo)
    );
    let url = format!("http://{}/000000000000", server.address);
    server
        .json(
            "DeleteMessage",
            &format!(r#"{{"QueueUrl":"{url}/orders","ReceiptHandle":"{handle}"}}"#),
        )
        .await;
    assert_eq!(server.sqs.queue("orders").unwrap().messages.len(), 4);
    let again = format!(r#"{{"QueueUrl":"{url}/fast.fifo","MessageBody":"f","MessageGroupId":"g"}}"#);
    server.json("SendMessage", &again).await;
    assert_eq!(
        server.sqs.queue("fast.fifo").unwrap().messages.len(),
        1,
        "the duplicate is known"
    );
}

#[tokio::test]
async fn a_damaged_state_is_reported_and_left_alone() {
    let path = std::env::temp_dir().join(format!("sqs-local-{}-damaged.json", std::process::id()));
    std::fs::write(&path, "{ this is no state").unwrap();
    let error = Persist::load(SqsLocal::new(), &path).unwrap_err();
    assert!(error.contains("damaged.json"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ this is no state");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_file_of_queues_makes_dead_letter_queues_too() {
    let sqs = SqsLocal::new();
    let file = "[[queue]]\nname = \"orders\"\ndead-letter-queue = \"orders-dead\"\nmax-receive-count = 3";
    create_queues(&sqs, file).await.unwrap();
    create_queues(&sqs, file).await.unwrap();
    let policy = &sqs.queue("orders").unwrap().attributes["RedrivePolicy"];
    assert!(policy.contains("orders-dead\",\"maxReceiveCount\":3"), "{policy}");
    assert!(sqs.queue("orders-dead").is_some());
}

#[tokio::test]
async fn a_file_of_queues_that_is_wrong_says_where() {
    let sqs = SqsLocal::new();
    let error = create_queues(&sqs, "[[queue]]\nname = \"a b\"")
        .await
        .unwrap_err();
    assert!(error.starts_with("queue a b: "), "{error}");
    let error = create_queues(&sqs, "[[queue]]\nnome = \"orders\"")
        .await
        .unwrap_err();
    assert!(error.contains("nome"), "{error}");
    assert!(
        Faults::from_toml("[[rule]]\nfault = \"gremlins\"")
            .unwrap_err()
            .contains("gremlins")
    );
}
