//! A queue's settings: their names, ranges and defaults.
//!
//! Source: SQS API reference, `CreateQueue` and `SetQueueAttributes`; the error texts are recorded answers of AWS.

use std::collections::BTreeMap;

use super::redrive::{Redrive, RedriveAllow};
use crate::error::{Error, ErrorKind};

/// One mebibyte: the largest message and the largest batch since August 2025.
pub(crate) const MAX_MESSAGE_SIZE: u32 = 1_048_576;

/// The settings of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) fifo: bool,
    pub(crate) delay: u32,
    pub(crate) max_size: u32,
    pub(crate) retention: u32,
    pub(crate) wait: u32,
    pub(crate) visibility: u32,
    pub(crate) policy: Option<String>,
    pub(crate) redrive: Option<Redrive>,
    pub(crate) redrive_allow: Option<RedriveAllow>,
    pub(crate) kms_key: Option<String>,
    pub(crate) kms_reuse: u32,
    pub(crate) managed_sse: bool,
    pub(crate) content_deduplication: bool,
    pub(crate) deduplication_per_group: bool,
    pub(crate) throughput_per_group: bool,
    /// Whether to accept what AWS refuses.
    pub(crate) lenient: bool,
}

/// Settings anybody may read and set, in the order in which differences are reported.
const SETTABLE: [&str; 11] = [
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
];

/// Settings that FIFO queues have besides.
const FIFO_ONLY: [&str; 4] = [
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

/// What `GetQueueAttributes` also knows, but nobody can set.
pub(crate) const READ_ONLY: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

impl Config {
    pub(crate) fn new(fifo: bool) -> Self {
        Self {
            fifo,
            delay: 0,
            max_size: MAX_MESSAGE_SIZE,
            retention: 345_600,
            wait: 0,
            visibility: 30,
            policy: None,
            redrive: None,
            redrive_allow: None,
            kms_key: None,
            kms_reuse: 300,
            managed_sse: true,
            content_deduplication: false,
            deduplication_per_group: false,
            throughput_per_group: false,
            lenient: false,
        }
    }

    /// The settings of a new queue.
    pub(crate) fn create(
        name: &str,
        attributes: &BTreeMap<String, String>,
        lenient: bool,
    ) -> Result<Self, Error> {
        let fifo = match attributes.get("FifoQueue") {
            None => false,
            Some(value) if lenient => value.eq_ignore_ascii_case("true"),
            Some(value) if value.eq_ignore_ascii_case("true") => true,
            Some(value) if value.eq_ignore_ascii_case("false") => {
                return Err(unknown("FifoQueue"));
            }
            Some(_) => return Err(Error::invalid_attribute("FifoQueue")),
        };
        check_name(name, fifo)?;
        let mut config = Self {
            lenient,
            ..Self::new(fifo)
        };
        for (name, value) in attributes.iter().filter(|(name, _)| *name != "FifoQueue") {
            config.set(name, value)?;
        }
        config.check_throughput()?;
        check_encryption(attributes)?;
        Ok(config)
    }

    /// The settings after a change; the queue keeps its own when there is anything wrong with it.
    pub(crate) fn changed(&self, attributes: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut config = self.clone();
        for (name, value) in attributes {
            config.set(name, value)?;
        }
        config.check_throughput()?;
        check_encryption(attributes)?;
        Ok(config)
    }

    fn check_throughput(&self) -> Result<(), Error> {
        if self.throughput_per_group && !self.deduplication_per_group {
            return Err(Error::new(
                ErrorKind::InvalidAttributeValue,
                "The perMessageGroupId value of FifoThroughputLimit is allowed only when the value of \
                 DeduplicationScope is messageGroup.",
            ));
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        // Callers that end a name with a space mean the name.
        let name = name.trim();
        match name {
            "DelaySeconds" => self.delay = number(name, value, 0, 900)?,
            "MaximumMessageSize" => self.max_size = number(name, value, 1024, MAX_MESSAGE_SIZE)?,
            "MessageRetentionPeriod" => {
                self.retention = number(name, value, if self.lenient { 1 } else { 60 }, 1_209_600)?;
            }
            "ReceiveMessageWaitTimeSeconds" => self.wait = number(name, value, 0, 20)?,
            "VisibilityTimeout" => self.visibility = number(name, value, 0, 43_200)?,
            "Policy" => self.policy = policy(value)?,
            "RedrivePolicy" => self.redrive = Redrive::parse(value)?,
            "RedriveAllowPolicy" => self.redrive_allow = RedriveAllow::parse(value)?,
            "KmsMasterKeyId" => {
                self.kms_key = (!value.is_empty()).then(|| value.to_owned());
                if self.kms_key.is_some() {
                    self.managed_sse = false;
                }
            }
            "KmsDataKeyReusePeriodSeconds" => self.kms_reuse = number(name, value, 60, 86_400)?,
            "SqsManagedSseEnabled" => {
                self.managed_sse = boolean(name, value)?;
                if self.managed_sse {
                    self.kms_key = None;
                }
            }
            "FifoQueue" if !self.fifo => return Err(unknown(name)),
            "FifoQueue" => {
                if !value.eq_ignore_ascii_case("true") {
                    return Err(Error::new(
                        ErrorKind::InvalidAttributeValue,
                        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
                    ));
                }
            }
            "ContentBasedDeduplication" if self.fifo => self.content_deduplication = boolean(name, value)?,
            "DeduplicationScope" if self.fifo => {
                self.deduplication_per_group = choice(name, value, "queue", "messageGroup")?;
            }
            "FifoThroughputLimit" if self.fifo => {
                self.throughput_per_group = choice(name, value, "perQueue", "perMessageGroupId")?;
            }
            "DeduplicationScope" | "FifoThroughputLimit" => {
                return Err(Error::new(
                    ErrorKind::InvalidAttributeName,
                    format!("You can specify the {name} only when FifoQueue is set to true."),
                ));
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// Whether an attribute of this name exists on any queue.
    pub(crate) fn knows(name: &str) -> bool {
        SETTABLE.contains(&name) || FIFO_ONLY.contains(&name) || READ_ONLY.contains(&name)
    }

    /// The settings as `GetQueueAttributes` shows them.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        SETTABLE
            .into_iter()
            .chain(FIFO_ONLY)
            .filter_map(|name| Some((name, self.show(name)?)))
    }

    fn show(&self, name: &str) -> Option<String> {
        Some(match name {
            "DelaySeconds" => self.delay.to_string(),
            "MaximumMessageSize" => self.max_size.to_string(),
            "MessageRetentionPeriod" => self.retention.to_string(),
            "Policy" => self.policy.clone()?,
            "ReceiveMessageWaitTimeSeconds" => self.wait.to_string(),
            "VisibilityTimeout" => self.visibility.to_string(),
            "RedrivePolicy" => self.redrive.as_ref()?.text.clone(),
            "RedriveAllowPolicy" => self.redrive_allow.as_ref()?.text.clone(),
            "KmsMasterKeyId" => self.kms_key.clone()?,
            "KmsDataKeyReusePeriodSeconds" => {
                self.kms_key.as_ref()?;
                self.kms_reuse.to_string()
            }
            "SqsManagedSseEnabled" => self.managed_sse.to_string(),
            _ if !self.fifo => return None,
            "FifoQueue" => "true".to_owned(),
            "ContentBasedDeduplication" => self.content_deduplication.to_string(),
            "DeduplicationScope" => if self.deduplication_per_group {
                "messageGroup"
            } else {
                "queue"
            }
            .to_owned(),
            "FifoThroughputLimit" => if self.throughput_per_group {
                "perMessageGroupId"
            } else {
                "perQueue"
            }
            .to_owned(),
            _ => return None,
        })
    }

    /// The first of these attributes in which a queue to be created would differ from this one.
    pub(crate) fn difference(
        &self,
        asked: &Self,
        attributes: &BTreeMap<String, String>,
    ) -> Option<&'static str> {
        SETTABLE
            .into_iter()
            .chain(FIFO_ONLY)
            .filter(|name| attributes.contains_key(*name))
            .find(|name| self.show(name) != asked.show(name))
    }
}

/// One kind of encryption at a time.
fn check_encryption(attributes: &BTreeMap<String, String>) -> Result<(), Error> {
    let kms = attributes
        .get("KmsMasterKeyId")
        .is_some_and(|key| !key.is_empty());
    let managed = attributes
        .get("SqsManagedSseEnabled")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if kms && managed {
        return Err(Error::new(
            ErrorKind::InvalidAttributeName,
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ));
    }
    Ok(())
}

fn unknown(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidAttributeName,
        format!("Unknown Attribute {name}."),
    )
}

fn number(name: &str, value: &str, min: u32, max: u32) -> Result<u32, Error> {
    value
        .parse()
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| Error::invalid_attribute(name))
}

fn boolean(name: &str, value: &str) -> Result<bool, Error> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Error::invalid_attribute(name)),
    }
}

fn choice(name: &str, value: &str, no: &str, yes: &str) -> Result<bool, Error> {
    match value {
        _ if value == yes => Ok(true),
        _ if value == no => Ok(false),
        _ => Err(Error::invalid_attribute(name)),
    }
}

fn policy(value: &str) -> Result<Option<String>, Error> {
    if value.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value) {
        Ok(_) => Ok(Some(value.to_owned())),
        Err(_) => Err(Error::invalid_attribute("Policy")),
    }
}

fn check_name(name: &str, fifo: bool) -> Result<(), Error> {
    let stem = if fifo {
        name.strip_suffix(".fifo").unwrap_or_default()
    } else {
        name
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !stem.is_empty() && name.len() <= 80 && stem.bytes().all(allowed) {
        return Ok(());
    }
    let reason = if fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with \
         .fifo suffix and be 1 to 80 in length."
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    };
    Err(Error::new(ErrorKind::InvalidParameterValue, reason))
}
