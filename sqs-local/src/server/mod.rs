//! The door for everybody else: an HTTP server for any SDK, the AWS CLI and `curl`.
//!
//! The program `sqs-local` is this server with flags. In a test of your own:
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use sqs_local::{SqsLocal, server::Server};
//!
//! let sqs = SqsLocal::new();
//! let server = Server::bind("127.0.0.1:0", sqs.clone()).await?;
//! println!("endpoint: http://{}", server.local_addr());
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let running = tokio::spawn(server.run_until(async { drop(stopped.await) }));
//! // ... let clients in any language talk to it ...
//! drop(stop);
//! running.await?;
//! # Ok(())
//! # }
//! ```

mod pages;
mod persist;
mod queues;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;

pub use self::persist::Persist;
pub use self::queues::create_queues;
use crate::SqsLocal;
use crate::door::Door;
use crate::error::{Error, ErrorKind};
use crate::protocol::{Incoming, respond};

/// The largest request body: a batch of 1 MiB of which every byte is escaped, and room for the rest.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// How long a connection may take to send the head of a request, and its body; so long it may also be idle.
const IDLE: Duration = Duration::from_secs(120);

/// How long connections may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// An HTTP server that is bound and not yet running.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    door: Door,
}

impl Server {
    /// Binds an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address is taken or not this machine's.
    pub async fn bind(address: impl ToSocketAddrs, sqs: SqsLocal) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            door: Door::new(sqs),
        })
    }

    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then takes no more connections, answers waiting long polls, and gives requests
    /// under way five seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the listener; connections that are open go on until their clients close them.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let (open, mut all_closed) = tokio::sync::mpsc::channel::<Infallible>(1);
        let host: Arc<str> = self.address.to_string().into();
        tokio::pin!(stop);
        loop {
            let stream = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file descriptors, mostly: others may be given back soon.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut stop => break,
            };
            let connection = Connection {
                door: self.door.clone(),
                host: Arc::clone(&host),
                stopped: stopped.clone(),
            };
            let open = open.clone();
            tokio::spawn(async move {
                connection.serve(stream).await;
                drop(open);
            });
        }
        drop(self.listener);
        stopping.send_replace(true);
        drop(open);
        let _ = tokio::time::timeout(GRACE, all_closed.recv()).await;
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Connection {
    door: Door,
    host: Arc<str>,
    stopped: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let stopped = self.stopped.clone();
        let service = service_fn(move |request| {
            let connection = self.clone();
            async move { connection.answer(request).await.ok_or("no answer") }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .pipeline_flush(true);
        let serving = http.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let result = tokio::select! {
            result = serving.as_mut() => result,
            () = told_to_stop(stopped) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// The response, or `None` if the connection is to be closed without one.
    async fn answer(&self, request: Request<Body>) -> Option<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        if let Some(response) = pages::answer(&self.door.sqs, &parts.method, &parts.uri) {
            return Some(response.map(Full::new));
        }
        let body = match tokio::time::timeout(IDLE, Limited::new(body, LARGEST_BODY).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Some(too_large(&parts).map(Full::new));
            }
            // The client went away in the middle of its request, or stopped sending it.
            Ok(Err(_)) | Err(_) => return None,
        };
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or(&self.host);
        let base_url = format!("http://{host}").into();
        let incoming = Incoming {
            uri: &parts.uri,
            headers: &parts.headers,
            body: &body,
        };
        let mut stopped = self.stopped.clone();
        let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
        self.door
            .answer(incoming, base_url, stop)
            .await
            .map(|response| response.map(Full::new))
    }
}

async fn told_to_stop(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

fn too_large(parts: &http::request::Parts) -> Response<Bytes> {
    let incoming = Incoming {
        uri: &parts.uri,
        headers: &parts.headers,
        body: &Bytes::new(),
    };
    let error = Error::new(
        ErrorKind::RequestTooLarge,
        format!("The request is longer than {LARGEST_BODY} bytes, which no request to SQS needs to be."),
    );
    let mut response = respond(incoming.protocol(), "Unknown", &Err(error), "too-large");
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    // What is left of the body is not read, so the connection cannot go on.
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
