//! A queue's name, URL or ARN.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// What names a queue: its name, its URL or its ARN. All three are accepted wherever a queue is asked for.
///
/// # Examples
///
/// ```
/// use sqs_worker::QueueRef;
///
/// for text in [
///     "orders.fifo",
///     "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo",
///     "arn:aws:sqs:eu-west-1:123456789012:orders.fifo",
/// ] {
///     let queue: QueueRef = text.parse()?;
///     assert_eq!(queue.name(), "orders.fifo");
///     assert!(queue.is_fifo());
/// }
/// # Ok::<(), sqs_worker::QueueRefError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueRef {
    name: String,
    account: Option<String>,
    url: Option<String>,
}

/// A text that cannot name a queue.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueueRefError {
    /// The name has characters or a length that SQS does not take.
    #[error(
        "`{0}` cannot be a queue's name: use 1 to 80 letters, digits, hyphens and underscores, and `.fifo` at the \
         end for a FIFO queue"
    )]
    Name(String),
    /// An ARN of something else, or an incomplete one.
    #[error("`{0}` is not a queue's ARN: it looks like `arn:aws:sqs:REGION:ACCOUNT:NAME`")]
    Arn(String),
    /// A URL whose path does not end in an account and a name.
    #[error("`{0}` is not a queue's URL: it looks like `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`")]
    Url(String),
}

impl QueueRef {
    /// The name alone, without account or region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The twelve-digit account that owns the queue, if an ARN said so.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The URL, if that is how the queue was named.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Whether this is a FIFO queue: SQS decides it by the name's ending.
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

impl FromStr for QueueRef {
    type Err = QueueRefError;

    fn from_str(text: &str) -> Result<Self, QueueRefError> {
        let text = text.trim();
        if text.starts_with("arn:") {
            let parts: Vec<&str> = text.split(':').collect();
            return match parts[..] {
                ["arn", _, "sqs", _, account, name] if is_name(name) && !account.is_empty() => Ok(Self {
                    name: name.into(),
                    account: Some(account.into()),
                    url: None,
                }),
                _ => Err(QueueRefError::Arn(text.into())),
            };
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let path: Vec<&str> = text.trim_end_matches('/').split('/').skip(3).collect();
            return match path[..] {
                [.., _account, name] if is_name(name) => Ok(Self {
                    name: name.into(),
                    account: None,
                    url: Some(text.into()),
                }),
                _ => Err(QueueRefError::Url(text.into())),
            };
        }
        if is_name(text) {
            Ok(Self {
                name: text.into(),
                account: None,
                url: None,
            })
        } else {
            Err(QueueRefError::Name(text.into()))
        }
    }
}

fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    !stem.is_empty()
        && name.len() <= 80
        && stem
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl fmt::Display for QueueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_gives_name_and_account() {
        let queue: QueueRef = "arn:aws-cn:sqs:cn-north-1:123456789012:orders".parse().unwrap();
        assert_eq!((queue.name(), queue.account()), ("orders", Some("123456789012")));
        assert!(!queue.is_fifo());
    }

    #[test]
    fn a_local_servers_url_is_a_url() {
        let queue: QueueRef = "http://127.0.0.1:9324/000000000000/orders/".parse().unwrap();
        assert_eq!(queue.name(), "orders");
    }

    #[test]
    fn texts_that_name_no_queue_say_what_one_looks_like() {
        for (text, hint) in [
            ("", "1 to 80 letters"),
            ("ord ers", "1 to 80 letters"),
            ("orders.", "1 to 80 letters"),
            (".fifo", "1 to 80 letters"),
            ("arn:aws:sns:eu-west-1:123456789012:orders", "arn:aws:sqs:"),
            ("arn:aws:sqs:eu-west-1:123456789012", "arn:aws:sqs:"),
            (
                "https://sqs.eu-west-1.amazonaws.com/orders",
                "amazonaws.com/ACCOUNT/NAME",
            ),
        ] {
            let error = text.parse::<QueueRef>().unwrap_err().to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
        assert!("a".repeat(81).parse::<QueueRef>().is_err());
        assert!("a".repeat(80).parse::<QueueRef>().is_ok());
    }
}
