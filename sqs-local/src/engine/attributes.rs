//! `GetQueueAttributes` and `SetQueueAttributes`.

use std::collections::BTreeMap;

use super::config::{Config, READ_ONLY};
use super::queue::Queue;
use super::{Engine, Millis};
use crate::api::{Answer, Caller, GetQueueAttributes, SetQueueAttributes};
use crate::error::{Error, ErrorKind};

/// How long a change of some settings takes to reach all of SQS.
///
/// Source: SQS API reference, `SetQueueAttributes` ("can take up to 60 seconds to propagate"). Recorded answers show that
/// a new deduplication scope is not in force at once; the other settings are applied at once here.
const PROPAGATION: Millis = 60_000;

impl Engine {
    pub(super) fn get_attributes(
        &mut self,
        caller: &Caller,
        request: &GetQueueAttributes,
        now: Millis,
    ) -> Result<Answer, Error> {
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let names = request.attribute_names.as_deref().unwrap_or_default();
        if let Some(name) = names.iter().find(|name| *name != "All" && !Config::knows(name)) {
            return Err(Error::new(
                ErrorKind::InvalidAttributeName,
                format!("Unknown Attribute {name}."),
            ));
        }
        let all = names.iter().any(|name| name == "All");
        let wanted = |name: &str| all || names.iter().any(|wanted| wanted == name);
        let attributes: BTreeMap<_, _> = READ_ONLY
            .iter()
            .map(|name| (*name, read_only(queue, name)))
            .chain(queue.config.shown())
            .filter(|(name, _)| wanted(name))
            .collect();
        Ok(Answer::Attributes(attributes))
    }

    pub(super) fn set_attributes(
        &mut self,
        caller: &Caller,
        request: &SetQueueAttributes,
        now: Millis,
    ) -> Result<Answer, Error> {
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        if request.attributes.is_empty() {
            return Err(Error::missing("Attribute.Name"));
        }
        let config = queue.config.changed(&request.attributes)?;
        let (number, arn) = (queue.number, queue.arn.clone());
        if request.attributes.contains_key("RedrivePolicy") {
            self.check_redrive(&arn, &config)?;
        }
        let queue = self.registry.get_mut(number).ok_or_else(Error::no_queue)?;
        if config.deduplication_per_group != queue.config.deduplication_per_group {
            queue.scope = (
                queue.scope_now(now),
                Some((now + PROPAGATION, config.deduplication_per_group)),
            );
        }
        queue.config = config;
        queue.modified = now;
        self.touched.insert(number);
        Ok(Answer::Done)
    }
}

impl Queue {
    /// Whether deduplication ids count within their group only, at this time.
    pub(super) fn scope_now(&mut self, now: Millis) -> bool {
        if let (_, Some((from, scope))) = self.scope
            && from <= now
        {
            self.scope = (scope, None);
        }
        self.scope.0
    }
}

fn read_only(queue: &Queue, name: &str) -> String {
    let counts = queue.counts();
    match name {
        "ApproximateNumberOfMessages" => counts.visible.to_string(),
        "ApproximateNumberOfMessagesDelayed" => counts.delayed.to_string(),
        "ApproximateNumberOfMessagesNotVisible" => counts.in_flight.to_string(),
        "CreatedTimestamp" => (queue.created / 1000).to_string(),
        "LastModifiedTimestamp" => (queue.modified / 1000).to_string(),
        _ => queue.arn.to_string(),
    }
}
