//! What every door does with a request: read it, have it answered, write the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Response;

use crate::SqsLocal;
use crate::api::{Answer, Operation};
use crate::error::ErrorKind;
use crate::protocol::{Incoming, name_of, respond};

/// Answers HTTP requests; clones are the same door.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) sqs: SqsLocal,
    requests: Arc<AtomicU64>,
}

impl Door {
    pub(crate) fn new(sqs: SqsLocal) -> Self {
        Self {
            sqs,
            requests: Arc::default(),
        }
    }

    /// The answer, or `None` if the connection is to end without one. A long poll ends empty when `stop` is ready.
    pub(crate) async fn answer(
        &self,
        incoming: Incoming<'_>,
        base_url: Arc<str>,
        stop: impl Future<Output = ()>,
    ) -> Option<Response<Bytes>> {
        let protocol = incoming.protocol();
        let request = incoming.read(self.sqs.home(), base_url);
        let operation = name_of(&request);
        let answer = match request {
            Ok(request) if matches!(request.operation, Operation::ReceiveMessage(_)) => tokio::select! {
                biased;
                answer = self.sqs.call(request) => answer,
                () = stop => Ok(Answer::Received(Vec::new())),
            },
            Ok(request) => self.sqs.call(request).await,
            Err(error) => Err(error),
        };
        if answer
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Disconnected)
        {
            return None;
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = uuid::Builder::from_random_bytes(u128::from(number).to_be_bytes())
            .into_uuid()
            .to_string();
        Some(respond(protocol, operation, &answer, &request_id))
    }
}
