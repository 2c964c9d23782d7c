//! The query protocol's answers.

use crate::api::Answer;
use crate::error::Error;

pub(super) fn write(_operation: &str, _answer: &Answer, _request_id: &str) -> Vec<u8> {
    Vec::new()
}

pub(super) fn write_error(error: &Error, _request_id: &str) -> Vec<u8> {
    error.to_string().into_bytes()
}
