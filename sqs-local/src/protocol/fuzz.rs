//! Damaged requests of both protocols, through parser, engine and answer: nothing panics, every answer is well formed.
//!
//! It runs for as long as `FUZZ_SECONDS` says, a second if that is not set, and prints the seed of a failing run;
//! `FUZZ_SEED` repeats it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::{Incoming, Protocol, name_of, respond};
use crate::engine::{Engine, Limits};
use crate::local::Home;

const JSON: &[(&str, &str)] = &[
    (
        "CreateQueue",
        r#"{"QueueName":"q","Attributes":{"VisibilityTimeout":"1","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:1:d\",\"maxReceiveCount\":1}"},"tags":{"a":"b"}}"#,
    ),
    (
        "CreateQueue",
        r#"{"QueueName":"f.fifo","Attributes":{"FifoQueue":"true","ContentBasedDeduplication":"true","DelaySeconds":"1"}}"#,
    ),
    ("CreateQueue", r#"{"QueueName":"d"}"#),
    (
        "SendMessage",
        r#"{"QueueUrl":"http://h/1/q","MessageBody":"x\u00e9\n","DelaySeconds":2,"MessageGroupId":"t","MessageAttributes":{"a":{"DataType":"String","StringValue":"v"},"b":{"DataType":"Binary","BinaryValue":"AAEC"}},"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1"}}}"#,
    ),
    (
        "SendMessage",
        r#"{"QueueUrl":"http://h/1/f.fifo","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"d"}"#,
    ),
    (
        "SendMessageBatch",
        r#"{"QueueUrl":"http://h/1/q","Entries":[{"Id":"a","MessageBody":"x"},{"Id":"b","MessageBody":"y","DelaySeconds":900}]}"#,
    ),
    (
        "ReceiveMessage",
        r#"{"QueueUrl":"http://h/1/q","MaxNumberOfMessages":10,"VisibilityTimeout":0,"WaitTimeSeconds":20,"AttributeNames":["All"],"MessageAttributeNames":["a.*",".*"]}"#,
    ),
    (
        "ReceiveMessage",
        r#"{"QueueUrl":"http://h/1/f.fifo","MaxNumberOfMessages":10,"ReceiveRequestAttemptId":"r","MessageSystemAttributeNames":["SequenceNumber"]}"#,
    ),
    (
        "DeleteMessage",
        r#"{"QueueUrl":"http://h/1/q","ReceiptHandle":"HANDLE"}"#,
    ),
    (
        "DeleteMessageBatch",
        r#"{"QueueUrl":"http://h/1/q","Entries":[{"Id":"a","ReceiptHandle":"HANDLE"}]}"#,
    ),
    (
        "ChangeMessageVisibility",
        r#"{"QueueUrl":"http://h/1/q","ReceiptHandle":"HANDLE","VisibilityTimeout":43200}"#,
    ),
    (
        "ChangeMessageVisibilityBatch",
        r#"{"QueueUrl":"http://h/1/f.fifo","Entries":[{"Id":"a","ReceiptHandle":"HANDLE","VisibilityTimeout":0}]}"#,
    ),
    (
        "GetQueueAttributes",
        r#"{"QueueUrl":"http://h/1/q","AttributeNames":["All"]}"#,
    ),
    (
        "SetQueueAttributes",
        r#"{"QueueUrl":"http://h/1/q","Attributes":{"MessageRetentionPeriod":"60","Policy":"{\"Statement\":{}}","RedriveAllowPolicy":"{\"redrivePermission\":\"denyAll\"}"}}"#,
    ),
    ("GetQueueUrl", r#"{"QueueName":"q","QueueOwnerAWSAccountId":"1"}"#),
    (
        "ListQueues",
        r#"{"QueueNamePrefix":"","MaxResults":1,"NextToken":"cQ=="}"#,
    ),
    (
        "ListDeadLetterSourceQueues",
        r#"{"QueueUrl":"http://h/1/d","MaxResults":1000}"#,
    ),
    ("TagQueue", r#"{"QueueUrl":"http://h/1/q","Tags":{"a":"b"}}"#),
    ("UntagQueue", r#"{"QueueUrl":"http://h/1/q","TagKeys":["a"]}"#),
    ("ListQueueTags", r#"{"QueueUrl":"http://h/1/q"}"#),
    (
        "AddPermission",
        r#"{"QueueUrl":"http://h/1/q","Label":"l","AWSAccountIds":["1"],"Actions":["*"]}"#,
    ),
    ("RemovePermission", r#"{"QueueUrl":"http://h/1/q","Label":"l"}"#),
    (
        "StartMessageMoveTask",
        r#"{"SourceArn":"arn:aws:sqs:us-east-1:1:d","MaxNumberOfMessagesPerSecond":500}"#,
    ),
    (
        "ListMessageMoveTasks",
        r#"{"SourceArn":"arn:aws:sqs:us-east-1:1:d","MaxResults":10}"#,
    ),
    (
        "CancelMessageMoveTask",
        r#"{"TaskHandle":"eyJ0YXNrSWQiOiIiLCJzb3VyY2VBcm4iOiIifQ=="}"#,
    ),
    ("PurgeQueue", r#"{"QueueUrl":"http://h/1/f.fifo"}"#),
    ("DeleteQueue", r#"{"QueueUrl":"http://h/1/d"}"#),
];

const FORMS: &[&str] = &[
    "Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0&Tag.1.Key=a&Tag.1.Value=b",
    "Action=SendMessage&QueueUrl=http%3A%2F%2Fh%2F1%2Fq&MessageBody=a+b%20c%C3%A9&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AAEC",
    "Action=SendMessageBatch&QueueUrl=/1/q&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x&SendMessageBatchRequestEntry.1.MessageSystemAttribute.1.Name=AWSTraceHeader",
    "Action=ReceiveMessage&QueueUrl=/1/q&AttributeName.1=All&MessageAttributeName.1=All&MaxNumberOfMessages=10&VisibilityTimeout=0",
    "Action=DeleteMessageBatch&QueueUrl=/1/q&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle=HANDLE",
    "Action=GetQueueAttributes&QueueUrl=/1/q&AttributeName.1=All",
    "Action=ListQueues&MaxResults=1",
    "Action=ListMessageMoveTasks&SourceArn=arn:aws:sqs:us-east-1:1:d",
];

const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\\u0000",
    b"\\ud800",
    b"%",
    b"%0",
    b"&",
    b"=",
    b".",
    b"+",
    b"\xff\xfe",
    b"\0",
    b"All",
    b"QueueUrl",
    b"-2147483649",
    b"43201",
    b"\xef\xbf\xbf",
];

#[test]
fn whatever_comes_in_something_well_formed_goes_out() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("FUZZ_SEED").unwrap_or_else(rand::random);
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(1));
    println!("FUZZ_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let limits = Limits {
        in_flight: 100,
        cooldown: false,
        lenient: false,
    };
    let mut engine = Engine::new(seed, limits);
    let home = Home {
        account: "1".into(),
        region: "us-east-1".into(),
    };
    let (mut now, mut handle, mut requests) = (1_000_000, String::from("AQEB"), 0u64);
    while requests < 2000 || Instant::now() < end {
        requests += 1;
        now += rng.random_range(0..2000);
        let (headers, uri, body) = request(&mut rng, &handle);
        let incoming = Incoming {
            uri: &uri,
            headers: &headers,
            body: &body,
        };
        let protocol = incoming.protocol();
        let request = incoming.read(&home, "http://h".into());
        let name = name_of(&request);
        let answer = request.and_then(|request| engine.apply(request, now));
        engine.check();
        let response = respond(protocol, name, &answer, "id");
        let text = std::str::from_utf8(response.body()).expect("an answer is text");
        match protocol {
            Protocol::Query => assert!(text.starts_with("<?xml") && text.ends_with('>'), "{text}"),
            _ => assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}"),
        }
        if let Ok(crate::api::Answer::Received(messages)) = &answer
            && let Some(message) = messages.last()
        {
            message.receipt_handle().clone_into(&mut handle);
        }
    }
    println!("{requests} requests");
}

fn request(rng: &mut StdRng, handle: &str) -> (HeaderMap, Uri, Bytes) {
    let mut headers = HeaderMap::new();
    let body = if rng.random_bool(0.6) {
        let (action, body) = JSON[rng.random_range(0..JSON.len())];
        headers.insert(
            "x-amz-target",
            HeaderValue::from_str(&format!("AmazonSQS.{action}")).expect("plain text"),
        );
        body
    } else {
        FORMS[rng.random_range(0..FORMS.len())]
    };
    let mut body = body.replace("HANDLE", handle).into_bytes();
    // Most requests are left whole, so that there is a state for the damaged ones to meet.
    if rng.random_bool(0.5) {
        for _ in 0..rng.random_range(1..6) {
            damage(&mut body, rng);
        }
    }
    (headers, Uri::from_static("/"), Bytes::from(body))
}

fn damage(body: &mut Vec<u8>, rng: &mut StdRng) {
    if body.is_empty() {
        body.push(b'x');
    }
    let (at, other) = (rng.random_range(0..body.len()), rng.random_range(0..body.len()));
    let (from, to) = (at.min(other), at.max(other));
    match rng.random_range(0..6) {
        0 => body[at] ^= 1 << (rng.next_u32() % 8),
        1 => drop(body.drain(from..to)),
        2 => {
            let again = body[from..to].to_vec();
            body.splice(at..at, again);
        }
        3 => body.truncate(at),
        _ => {
            let token = TOKENS[rng.random_range(0..TOKENS.len())];
            body.splice(from..to.min(from + 4), token.iter().copied());
        }
    }
    body.truncate(100_000);
}
