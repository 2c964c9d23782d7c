//! Whatever comes in, the answer is shaped as AWS shapes it, and the server goes on.

use std::time::Duration;

use sqs_local::api::{Caller, Operation, ReceiveMessage, Request};

use crate::http::{Answer, Running};

async fn refused(server: &Running, action: &str, body: &str) -> Answer {
    let answer = server.json(action, body).await;
    assert!(answer.body.contains("\"__type\":"), "{}", answer.body);
    assert!(answer.head.contains("x-amzn-query-error: "), "{}", answer.head);
    answer
}

#[tokio::test]
async fn malformed_json_is_a_serialization_error() {
    let server = Running::start().await;
    for body in [
        "{",
        "[]",
        "\"x\"",
        "{\"QueueUrl\":}",
        "nonsense",
        "{\"QueueUrl\":\"a\"} trailing",
    ] {
        let answer = refused(&server, "SendMessage", body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains("SerializationException"), "{}", answer.body);
    }
}

#[tokio::test]
async fn wrong_types_are_serialization_errors() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    for field in [
        r#""MessageBody":7"#,
        r#""MessageBody":"x","DelaySeconds":"soon""#,
        r#""MessageBody":"x","DelaySeconds":1e99"#,
        r#""MessageBody":"x","MessageAttributes":[]"#,
        r#""MessageBody":"x","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"not base64!"}}"#,
    ] {
        let answer = refused(
            &server,
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}",{field}}}"#),
        )
        .await;
        assert_eq!(answer.status, 400, "{field}");
        assert!(answer.body.contains("SerializationException"), "{}", answer.body);
    }
}

#[tokio::test]
async fn unknown_actions_are_refused_in_both_protocols() {
    let server = Running::start().await;
    let answer = refused(&server, "MakeCoffee", "{}").await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .body
            .contains("The action MakeCoffee is not valid for this endpoint."),
        "{}",
        answer.body
    );
    let answer = server.connect().await.form("/", "Action=MakeCoffee").await;
    assert!(
        answer.body.contains("<Code>InvalidAction</Code>"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn missing_parameters_are_named() {
    let server = Running::start().await;
    for (action, body, text) in [
        (
            "SendMessage",
            "{}",
            "The request must contain the parameter QueueUrl.",
        ),
        (
            "CreateQueue",
            "{}",
            "The request must contain the parameter QueueName.",
        ),
        (
            "SendMessage",
            "",
            "The request must contain the parameter QueueUrl.",
        ),
    ] {
        let answer = refused(&server, action, body).await;
        assert!(answer.body.contains(text), "{}", answer.body);
    }
}

#[tokio::test]
async fn strange_queue_urls_name_no_queue() {
    let server = Running::start().await;
    for url in [
        "x",
        "http://",
        "http://a",
        "//////",
        "http://a/b/c/d/e/f",
        "\\u0000",
        &"x/".repeat(10_000),
    ] {
        let answer = refused(&server, "PurgeQueue", &format!(r#"{{"QueueUrl":"{url}"}}"#)).await;
        assert!(answer.body.contains("QueueDoesNotExist"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    connection
        .raw(b"POST / HTTP/1.1\r\nhost: a\r\nx-amz-target: AmazonSQS.SendMessage\r\ncontent-length: 999999999999\r\n\r\n")
        .await;
    let chunk = vec![b'x'; 1024 * 1024];
    let writing = async {
        for _ in 0..16 {
            connection.raw(&chunk).await;
        }
        connection.is_closed().await;
    };
    let done = tokio::time::timeout(Duration::from_secs(20), writing).await;
    assert!(done.is_ok(), "the server gives up");
    server.queue("still-there").await;
}

#[tokio::test]
async fn a_body_without_a_protocol_is_an_unknown_operation() {
    let server = Running::start().await;
    let answer = server.connect().await.form("/", "%%%&&&===\u{0}").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn half_open_connections_disturb_nobody() {
    let server = Running::start().await;
    let mut half_open = Vec::new();
    for start in ["", "POST / HT", "POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\n{"] {
        for _ in 0..20 {
            let mut connection = server.connect().await;
            connection.raw(start.as_bytes()).await;
            half_open.push(connection);
        }
    }
    server.queue("orders").await;
    drop(half_open);
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection_only() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    connection
        .raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello, TLS\r\n\r\n")
        .await;
    assert!(connection.is_closed().await);
    server.queue("orders").await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_idle_long_polls_cost_little_and_one_message_wakes_one() {
    let sqs = sqs_local::SqsLocal::builder().journal(0).build();
    let server = sqs_local::server::create_queues(&sqs, "[[queue]]\nname = \"orders\"");
    server.await.unwrap();
    let caller = || Caller {
        account: "000000000000".into(),
        region: "us-east-1".into(),
        trace_id: None,
        base_url: "http://local".into(),
    };
    let queue_url = || Some("http://local/000000000000/orders".to_owned());
    let polls: Vec<_> = (0..10_000)
        .map(|_| {
            let receive = ReceiveMessage {
                queue_url: queue_url(),
                wait_time_seconds: Some(20),
                ..Default::default()
            };
            let (sqs, request) = (
                sqs.clone(),
                Request {
                    caller: caller(),
                    operation: Operation::ReceiveMessage(receive),
                },
            );
            tokio::spawn(async move { sqs.call(request).await })
        })
        .collect();
    while sqs.waiting_polls() < 10_000 {
        tokio::task::yield_now().await;
    }
    let message = sqs_local::api::SendMessage {
        queue_url: queue_url(),
        message_body: Some("x".into()),
        ..Default::default()
    };
    sqs.call(Request {
        caller: caller(),
        operation: Operation::SendMessage(message),
    })
    .await
    .unwrap();
    let mut served = 0;
    for poll in polls {
        if let sqs_local::api::Answer::Received(messages) = poll.await.unwrap().unwrap() {
            served += messages.len();
        }
    }
    assert_eq!(served, 1);
}
