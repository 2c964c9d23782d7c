//! A client with as little in it as can be: one connection, one request at a time, JSON by hand.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server takes connections");
        stream.set_nodelay(true).expect("a TCP option");
        Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        }
    }
}

/// Does a request in AWS JSON 1.0 and returns the body of the answer.
///
/// # Panics
///
/// If the answer is not a success.
pub(crate) async fn call(connection: &mut Connection, action: &str, body: &str) -> String {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AmazonSQS.{action}\r\ncontent-type: \
         application/x-amz-json-1.0\r\ncontent-length: {}\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    connection
        .stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is sent");
    connection.buffer.clear();
    let (head, length) = loop {
        read(connection).await;
        if let Some(head) = find(&connection.buffer, b"\r\n\r\n") {
            let headers = String::from_utf8_lossy(&connection.buffer[..head]).to_ascii_lowercase();
            assert!(
                headers.starts_with("http/1.1 200"),
                "{action}: {headers}\n{}",
                String::from_utf8_lossy(&connection.buffer)
            );
            let length = headers
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next());
            break (
                head + 4,
                length
                    .and_then(|text| text.trim().parse::<usize>().ok())
                    .expect("a length"),
            );
        }
    };
    while connection.buffer.len() < head + length {
        read(connection).await;
    }
    String::from_utf8_lossy(&connection.buffer[head..head + length]).into_owned()
}

async fn read(connection: &mut Connection) {
    let read = connection
        .stream
        .read_buf(&mut connection.buffer)
        .await
        .expect("an answer");
    assert!(read > 0, "the server closed the connection");
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The values of a field, wherever it is in the answer.
pub(crate) fn texts_of(json: &str, field: &str) -> Vec<String> {
    let key = format!("\"{field}\":");
    let value = |rest: &str| {
        rest.trim_start()
            .strip_prefix('"')?
            .split('"')
            .next()
            .map(ToOwned::to_owned)
    };
    json.split(&key).skip(1).filter_map(value).collect()
}

pub(crate) fn text_of(json: &str, field: &str) -> String {
    texts_of(json, field)
        .into_iter()
        .next()
        .expect("the field is there")
}
