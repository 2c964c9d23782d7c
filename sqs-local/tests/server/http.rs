//! A running server and a client of plain sockets.

use std::net::SocketAddr;

use sqs_local::SqsLocal;
use sqs_local::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that stops when it is told to, or with the test.
pub(crate) struct Running {
    pub(crate) sqs: SqsLocal,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::of(SqsLocal::new()).await
    }

    pub(crate) async fn of(sqs: SqsLocal) -> Self {
        let server = Server::bind("127.0.0.1:0", sqs.clone())
            .await
            .expect("a free port");
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let done = tokio::spawn(server.run_until(async { drop(stopped.await) }));
        Self {
            sqs,
            address,
            stop,
            done,
        }
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.done.await.expect("the server does not panic");
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// An operation in JSON on a connection of its own.
    pub(crate) async fn json(&self, action: &str, body: &str) -> Answer {
        self.connect().await.json(action, body).await
    }

    pub(crate) async fn queue(&self, name: &str) -> String {
        let answer = self
            .json("CreateQueue", &format!(r#"{{"QueueName":"{name}"}}"#))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("http://{}/000000000000/{name}", self.address)
    }
}

/// The status, the head and the body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.expect("the server listens"),
            address,
        }
    }

    pub(crate) async fn json(&mut self, action: &str, body: &str) -> Answer {
        let headers =
            format!("x-amz-target: AmazonSQS.{action}\r\ncontent-type: application/x-amz-json-1.0\r\n");
        self.send("POST", "/", &headers, body).await;
        self.answer().await
    }

    pub(crate) async fn form(&mut self, path: &str, body: &str) -> Answer {
        self.send(
            "POST",
            path,
            "content-type: application/x-www-form-urlencoded\r\n",
            body,
        )
        .await;
        self.answer().await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", "").await;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let (host, length) = (self.address, body.len());
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\r\n");
        self.raw(head.as_bytes()).await;
        self.raw(body.as_bytes()).await;
    }

    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        // The server may have closed the connection already; what it answered is still to be read.
        let _ = self.stream.write_all(bytes).await;
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next());
                let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    let status = head
                        .split(' ')
                        .nth(1)
                        .and_then(|text| text.parse().ok())
                        .expect("a status");
                    return Answer {
                        status,
                        body: body.to_owned(),
                        head,
                    };
                }
            }
            let read = self.stream.read_buf(&mut bytes).await.expect("an answer");
            assert!(
                read > 0,
                "the connection ended: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }
}
