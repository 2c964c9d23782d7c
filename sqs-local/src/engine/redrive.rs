//! Dead-letter settings: where messages go after how many receives, and who may send them here.
//!
//! Source: SQS API reference, `SetQueueAttributes`, `RedrivePolicy` and `RedriveAllowPolicy`.

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};

/// A `RedrivePolicy`.
#[derive(Debug, Clone)]
pub(crate) struct Redrive {
    pub(crate) target_arn: String,
    pub(crate) max_receives: u32,
    /// As `GetQueueAttributes` shows it.
    pub(crate) text: String,
}

impl Redrive {
    /// Reads a policy; an empty one takes the policy away.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Error> {
        if text.is_empty() {
            return Ok(None);
        }
        let refused = |reason: &str| Error::invalid_value("RedrivePolicy", text, reason);
        let Ok(map) = serde_json::from_str::<Map<String, Value>>(text) else {
            return Err(refused("Redrive policy is not a valid JSON map."));
        };
        let missing = |name| {
            refused(&format!(
                "Redrive policy does not contain mandatory attribute: {name}."
            ))
        };
        let target = map
            .get("deadLetterTargetArn")
            .and_then(Value::as_str)
            .ok_or_else(|| missing("deadLetterTargetArn"))?;
        let count = map
            .get("maxReceiveCount")
            .ok_or_else(|| missing("maxReceiveCount"))?;
        let max_receives = match count {
            Value::Number(number) => number.as_u64(),
            Value::String(number) => number.parse().ok(),
            _ => None,
        };
        let Some(max_receives) = max_receives
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=1000).contains(n))
        else {
            return Err(refused(&format!(
                "Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both inclusive.",
                count
                    .as_str()
                    .map_or_else(|| count.to_string(), ToOwned::to_owned)
            )));
        };
        if target.split(':').count() != 6 || !target.starts_with("arn:") {
            return Err(refused(&format!(
                "Invalid value for deadLetterTargetArn: {target}."
            )));
        }
        let shown = match count {
            Value::Number(_) => text.to_owned(),
            _ => json!({"deadLetterTargetArn": target, "maxReceiveCount": max_receives}).to_string(),
        };
        Ok(Some(Self {
            target_arn: target.to_owned(),
            max_receives,
            text: shown,
        }))
    }

    pub(crate) fn refused(&self, reason: &str) -> Error {
        Error::invalid_value("RedrivePolicy", &self.text, reason)
    }
}

/// A `RedriveAllowPolicy`.
#[derive(Debug, Clone)]
pub(crate) struct RedriveAllow {
    permission: Permission,
    /// As `GetQueueAttributes` shows it.
    pub(crate) text: String,
}

#[derive(Debug, Clone)]
enum Permission {
    All,
    Nobody,
    Sources(Vec<String>),
}

impl RedriveAllow {
    /// Reads a policy; an empty one takes the policy away.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Error> {
        if text.is_empty() {
            return Ok(None);
        }
        let refused = || {
            Error::new(
                ErrorKind::InvalidAttributeValue,
                "Invalid value for the parameter RedriveAllowPolicy. Reason: Redrive allow policy is not a valid JSON map \
                 with a redrivePermission of allowAll, denyAll or byQueue (with 1 to 10 sourceQueueArns).",
            )
        };
        let map = serde_json::from_str::<Map<String, Value>>(text).map_err(|_| refused())?;
        let sources: Vec<String> = match map.get("sourceQueueArns") {
            None => Vec::new(),
            Some(Value::Array(arns)) => arns
                .iter()
                .map(|arn| arn.as_str().map(ToOwned::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(refused)?,
            Some(_) => return Err(refused()),
        };
        let permission = match map.get("redrivePermission").and_then(Value::as_str) {
            Some("allowAll") if sources.is_empty() => Permission::All,
            Some("denyAll") if sources.is_empty() => Permission::Nobody,
            Some("byQueue") if (1..=10).contains(&sources.len()) => Permission::Sources(sources),
            _ => return Err(refused()),
        };
        Ok(Some(Self {
            permission,
            text: text.to_owned(),
        }))
    }

    /// Whether the queue of this ARN may use this one as its dead-letter queue.
    pub(crate) fn allows(&self, source_arn: &str) -> bool {
        match &self.permission {
            Permission::All => true,
            Permission::Nobody => false,
            Permission::Sources(arns) => arns.iter().any(|arn| arn == source_arn),
        }
    }
}
