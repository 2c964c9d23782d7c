//! The query protocol's requests.

use http::Uri;

use crate::api::Operation;
use crate::error::{Error, ErrorKind};

pub(super) fn read(_uri: &Uri, _body: &[u8]) -> Result<Operation, Error> {
    Err(Error::new(
        ErrorKind::InvalidAction,
        "The query protocol is not served yet.",
    ))
}
