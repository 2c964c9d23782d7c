//! The door for `aws_sdk_sqs::Client` in the same process: no socket, everything else as with AWS.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::SqsLocal;
use crate::door::Door;
use crate::protocol::Incoming;

impl SqsLocal {
    /// A client of the AWS SDK whose requests go to this SQS.
    ///
    /// It is the real client: it signs, encodes and retries. Its credentials are static (`test`), its region is this
    /// SQS's, its time follows this SQS's clock, so that a paused clock moves it too.
    pub fn client(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(self.sdk_config().build())
    }

    /// The configuration of [`client`](Self::client), to be changed before use.
    pub fn sdk_config(&self) -> aws_sdk_sqs::config::Builder {
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.home().region.to_string()))
            .credentials_provider(Credentials::new("test", "test", None, None, "sqs-local"))
            .time_source(Time(self.clone()))
            .http_client(self.http_client())
    }

    /// The HTTP client to put into an SDK configuration of your own.
    ///
    /// Give that configuration static credentials: with the SDK's default chain, the requests for credentials would
    /// come here too.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess {
            door: Door::new(self.clone()),
        })
    }
}

/// The SDK's idea of the time: this SQS's.
struct Time(SqsLocal);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sqs-local's time")
    }
}

impl aws_smithy_async::time::TimeSource for Time {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

#[derive(Debug, Clone)]
struct InProcess {
    door: Door,
}

impl HttpClient for InProcess {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            door: self.door.clone(),
            read_timeout: settings.read_timeout(),
        })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    door: Door,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (door, read_timeout) = (self.door.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let (parts, body) = request.into_parts();
            // Reading the whole body first tells the SDK's stalled-stream protection that the upload is done: else it
            // ends long polls after some seconds.
            let body = body.collect().await.map_err(ConnectorError::io)?.to_bytes();
            let base_url = base_url(&parts.uri);
            let incoming = Incoming {
                uri: &parts.uri,
                headers: &parts.headers,
                body: &body,
            };
            let answer = door.answer(incoming, base_url, std::future::pending());
            let answer = match read_timeout {
                Some(time) => tokio::time::timeout(time, answer)
                    .await
                    .map_err(|late| ConnectorError::timeout(late.into()))?,
                None => answer.await,
            };
            match answer {
                Some(response) => {
                    let response = response.map(|body: Bytes| SdkBody::from(body));
                    HttpResponse::try_from(response)
                        .map_err(|error| ConnectorError::other(error.into(), None))
                }
                None => Err(ConnectorError::io(
                    "the connection was closed before an answer was received".into(),
                )),
            }
        })
    }
}

/// Scheme and authority of the endpoint the SDK thinks it talks to.
fn base_url(uri: &http::Uri) -> Arc<str> {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri
        .authority()
        .map_or("sqs.us-east-1.amazonaws.com", |authority| authority.as_str());
    format!("{scheme}://{authority}").into()
}
