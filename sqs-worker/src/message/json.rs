//! JSON bodies, the default.

use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, CodecError};

/// The JSON codec: what every message uses unless it says otherwise.
///
/// An error names the value that is wrong by its path. The path costs a second pass, taken only when the
/// first one failed.
///
/// ```
/// use sqs_worker::message::{Codec, Json};
///
/// let error = Json.decode::<Vec<u32>>("[1, true]").unwrap_err();
/// assert_eq!(error.path(), Some("[1]"));
/// assert_eq!(error.reason(), "invalid type: boolean `true`, expected u32");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

impl Codec for Json {
    const CONTENT_TYPE: &'static str = "application/json";

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, CodecError> {
        serde_json::to_string(value).map_err(|error| located(&error, None))
    }

    fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, CodecError> {
        serde_json::from_str(body).map_err(|error| explain::<T>(body, &error))
    }
}

/// Reads the body again, keeping track of where it is.
fn explain<T: DeserializeOwned>(body: &str, first: &serde_json::Error) -> CodecError {
    let mut reader = serde_json::Deserializer::from_str(body);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => located(first, None), // characters after the value: only the whole read sees them
        Err(error) => {
            let path = error.path().to_string();
            located(error.inner(), (path != ".").then_some(path))
        }
    }
}

fn located(error: &serde_json::Error, path: Option<String>) -> CodecError {
    let text = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let mut located = CodecError::new(text.strip_suffix(&suffix).unwrap_or(&text));
    if error.line() > 0 {
        located = located.at_position(error.line(), error.column());
    }
    match path {
        Some(path) => located.at_path(path),
        None => located,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Order {
        lines: Vec<Line>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Line {
        sku: String,
    }

    fn error(body: &str) -> String {
        Json.decode::<Order>(body).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path_line_and_column() {
        assert_eq!(
            error("{\"lines\": [{\"sku\": \"a\"},\n {\"sku\": 5}]}"),
            "at `lines[1].sku`: invalid type: integer `5`, expected a string (line 2, column 10)"
        );
    }

    #[test]
    fn a_missing_field_is_named_in_the_value_that_lacks_it() {
        assert_eq!(
            error("{\"lines\": [{}]}"),
            "at `lines[0]`: missing field `sku` (line 1, column 13)"
        );
    }

    #[test]
    fn a_body_that_is_not_json_has_no_path() {
        assert_eq!(error("hello"), "expected value (line 1, column 1)");
    }

    #[test]
    fn characters_after_the_value_are_an_error() {
        assert_eq!(
            error("{\"lines\": []} x"),
            "trailing characters (line 1, column 15)"
        );
    }
}
