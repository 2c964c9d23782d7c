//! What the server shows besides SQS: a page for people, a sign of readiness, the clock and the journal.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::SqsLocal;
use crate::journal::EntryRecord;
use crate::snapshot::{MessageView, Standing};

/// The answer, if the request is for one of these pages.
///
/// * `GET /` without a query: the queues and their counts
/// * `GET /_sqs-local/health`: 200 once the server runs
/// * `POST /_sqs-local/clock?skip=SECONDS`: moves the clock
/// * `GET /_sqs-local/queue?name=NAME`: all messages of a queue and where they stand, as JSON
/// * `GET /_sqs-local/journal`: the latest requests, as JSON; `DELETE` empties it
/// * `GET /_sqs-local/iam-policy`: the least policy for what was asked so far
pub(super) fn answer(sqs: &SqsLocal, method: &Method, uri: &Uri) -> Option<Response<Bytes>> {
    match (method, uri.path()) {
        (&Method::GET, "/") if uri.query().is_none() => Some(page("text/html; charset=utf-8", queues(sqs))),
        (&Method::GET | &Method::HEAD, "/_sqs-local/health") => Some(page("text/plain", "ok\n".into())),
        (&Method::GET, "/_sqs-local/iam-policy") => Some(page(
            "application/json",
            format!("{}\n", sqs.journal().iam_policy()),
        )),
        (&Method::GET, "/_sqs-local/queue") => Some(queue(sqs, uri.query().unwrap_or_default())),
        (&Method::GET, "/_sqs-local/journal") => Some(page("application/json", journal(sqs).to_string())),
        (&Method::DELETE, "/_sqs-local/journal") => {
            sqs.clear_journal();
            Some(page("text/plain", "the journal is empty\n".into()))
        }
        (&Method::POST, "/_sqs-local/clock") => Some(skip(sqs, uri.query().unwrap_or_default())),
        _ => None,
    }
}

fn skip(sqs: &SqsLocal, query: &str) -> Response<Bytes> {
    let seconds = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("skip="))
        .and_then(|text| text.parse().ok());
    let Some(time) = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok()) else {
        let mut response = page(
            "text/plain",
            "say how far: POST /_sqs-local/clock?skip=SECONDS\n".into(),
        );
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    sqs.skip(time);
    page(
        "text/plain",
        format!("the clock was moved by {} s\n", time.as_secs_f64()),
    )
}

fn queue(sqs: &SqsLocal, query: &str) -> Response<Bytes> {
    let name = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("name="))
        .unwrap_or_default();
    let Some(queue) = sqs.queue(name) else {
        let mut response = page(
            "text/plain",
            "no queue has this name: GET /_sqs-local/queue?name=NAME\n".into(),
        );
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let messages: Vec<Value> = queue.messages.iter().map(message).collect();
    let shown =
        json!({"name": queue.name, "arn": queue.arn, "attributes": queue.attributes, "messages": messages});
    page("application/json", shown.to_string())
}

fn message(message: &MessageView) -> Value {
    let (standing, left) = match message.standing {
        Standing::Available => ("available", None),
        Standing::Delayed { left } => ("delayed", Some(left.as_secs_f64())),
        Standing::InFlight { left } => ("in flight", Some(left.as_secs_f64())),
    };
    json!({
        "messageId": message.message_id,
        "body": message.body,
        "attributes": message.attributes,
        "group": message.group,
        "deduplicationId": message.deduplication_id,
        "receiveCount": message.receive_count,
        "lastReceiptHandle": message.last_receipt_handle,
        "sourceArn": message.source_arn,
        "standing": standing,
        "secondsLeft": left,
    })
}

fn journal(sqs: &SqsLocal) -> Value {
    let entry = |entry: &EntryRecord| {
        json!({
            "id": entry.id,
            "messageId": entry.message_id,
            "receiveCount": entry.receive_count,
            "duplicate": entry.duplicate,
            "error": entry.error,
        })
    };
    let journal = sqs.journal();
    let requests = journal.requests.iter().map(|request| {
        json!({
            "action": request.action,
            "queue": request.queue,
            "began": request.began.as_secs_f64(),
            "ended": request.ended.as_secs_f64(),
            "entries": request.entries.iter().map(entry).collect::<Vec<_>>(),
            "bytes": request.bytes,
            "billingUnits": request.billing_units,
            "outcome": request.outcome.to_string(),
            "lost": request.lost,
        })
    });
    json!({"requests": requests.collect::<Vec<_>>(), "dropped": journal.dropped})
}

fn page(content_type: &'static str, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn queues(sqs: &SqsLocal) -> String {
    let mut html = String::from(
        "<!doctype html><meta charset=utf-8><title>sqs-local</title><style>body{font:1rem system-ui;margin:2rem}\
         td,th{padding:.2rem 1rem;text-align:right}td:first-child,th:first-child{text-align:left}</style>\n\
         <h1>sqs-local</h1>\n<table>\n<tr><th>queue<th>available<th>in flight<th>delayed\n",
    );
    for (arn, [available, in_flight, delayed]) in sqs.overview() {
        // ARNs have only characters that need no escaping.
        let _ = writeln!(html, "<tr><td>{arn}<td>{available}<td>{in_flight}<td>{delayed}");
    }
    let _ = writeln!(html, "</table>\n<p>{} long polls wait.", sqs.waiting_polls());
    html
}
