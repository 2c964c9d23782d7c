//! The wire: HTTP requests to operations, answers to HTTP responses.
//!
//! Codecs only translate. Which protocol a request speaks is seen from its headers, and its answer speaks the same.

mod form;
#[cfg(test)]
mod fuzz;
mod json;
mod query;
mod query_json;
mod render;
mod xml;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};

use crate::api::{Answer, Caller, Operation, Request};
use crate::error::{Error, ErrorKind};
use crate::local::Home;

/// The protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// AWS JSON 1.0: `x-amz-target` and a JSON body.
    Json,
    /// The query protocol: a form in the body or the URL, XML answers.
    Query,
    /// The query protocol with answers in JSON, for who accepts nothing else.
    QueryJson,
}

/// A request as it came in, with its whole body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

impl Incoming<'_> {
    fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The protocol this request speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        let json = |kind: &str| kind.starts_with("application/x-amz-json");
        if self.headers.contains_key("x-amz-target") || self.header(header::CONTENT_TYPE).is_some_and(json) {
            Protocol::Json
        } else if self.header(header::ACCEPT) == Some("application/json") {
            Protocol::QueryJson
        } else {
            Protocol::Query
        }
    }

    /// What the request asks, and who asks.
    pub(crate) fn read(&self, home: &Home, base_url: Arc<str>) -> Result<Request, Error> {
        let caller = self.caller(home, base_url);
        let operation = if self.protocol() == Protocol::Json {
            json::read(self.header("x-amz-target").unwrap_or_default(), self.body)?
        } else {
            query::read(self.uri, self.body)?
        };
        Ok(Request { caller, operation })
    }

    /// The caller: its region from the scope of the signature, its account from an access key of twelve digits.
    fn caller(&self, home: &Home, base_url: Arc<str>) -> Caller {
        let scope = self
            .header(header::AUTHORIZATION)
            .and_then(|value| value.split_once("Credential="))
            .or_else(|| {
                self.uri
                    .query()
                    .and_then(|query| query.split_once("X-Amz-Credential="))
            })
            .map(|(_, rest)| rest.split([',', '&', ' ']).next().unwrap_or_default());
        let mut parts = scope
            .into_iter()
            .flat_map(|scope| scope.split('/').flat_map(|part| part.split("%2F")));
        let key = parts.next().unwrap_or_default();
        // It becomes part of ARNs and URLs, so it must look like one.
        let plain = |region: &&str| {
            !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let region = parts.nth(1).filter(plain);
        let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
        let or_home = |value: Option<&str>, home: &Arc<str>| match value {
            Some(value) if *value != **home => Arc::from(value),
            _ => Arc::clone(home),
        };
        let region = or_home(region, &home.region);
        // AWS has the region in the host; one server has one host for all, so it goes into the path.
        let base_url = if region == home.region || base_url.contains(".amazonaws.com") {
            base_url
        } else {
            format!("{base_url}/queue/{region}").into()
        };
        Caller {
            account: or_home(Some(key).filter(|_| is_account), &home.account),
            region,
            trace_id: self.header("x-amzn-trace-id").map(Arc::from),
            base_url,
        }
    }
}

/// The answer as HTTP.
pub(crate) fn respond(
    protocol: Protocol,
    operation: &'static str,
    result: &Result<Answer, Error>,
    request_id: &str,
) -> Response<Bytes> {
    let status = result.as_ref().err().map_or(200, |error| error.kind().status());
    let body = match (protocol, result) {
        (Protocol::Json, Ok(answer)) => json::write(answer),
        (Protocol::Json, Err(error)) => json::write_error(error),
        (Protocol::QueryJson, Err(error)) if error.kind() != ErrorKind::UnknownOperation => {
            query_json::write_error(error, request_id)
        }
        (Protocol::QueryJson, Ok(answer)) => query_json::write(operation, answer, request_id),
        (Protocol::Query, Ok(answer)) => xml::write(operation, answer, request_id),
        (Protocol::Query | Protocol::QueryJson, Err(error)) => xml::write_error(error, request_id),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let content_type = match protocol {
        Protocol::Json => "application/x-amz-json-1.0",
        Protocol::Query => "text/xml",
        Protocol::QueryJson => "application/json",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Err(error) = result {
        headers.insert("x-amzn-query-error", query_error(error.kind()));
    }
    response
}

fn query_error(kind: ErrorKind) -> HeaderValue {
    let fault = if kind.is_sender_fault() {
        "Sender"
    } else {
        "Receiver"
    };
    HeaderValue::from_str(&format!("{};{fault}", kind.code()))
        .unwrap_or(HeaderValue::from_static("InternalFailure;Receiver"))
}

/// The name of an operation for answers in XML.
pub(crate) fn name_of(request: &Result<Request, Error>) -> &'static str {
    request
        .as_ref()
        .map_or("Unknown", |request| Operation::name(&request.operation))
}
