//! A Redis of a test's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sqs_worker::idempotency::RedisStore;
use tokio::time::sleep;

/// A `redis-server` on a free port that keeps nothing on disk; it ends with this.
#[derive(Debug)]
pub struct Redis {
    server: Child,
    port: u16,
}

impl Redis {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    ///
    /// When the program is not installed, or does not listen within five seconds.
    pub async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        Self::start_on(port).await
    }

    /// The same on this port.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start) does.
    pub async fn start_on(port: u16) -> Self {
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let redis = Self { server, port };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return redis;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("redis-server does not listen on port {port}");
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// A store on a connection of its own.
    ///
    /// # Panics
    ///
    /// When no connection can be made.
    pub async fn store(&self) -> RedisStore {
        RedisStore::connect(&self.url()).await.expect("it answers")
    }

    /// Ends it, and with it everything that it knew.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
