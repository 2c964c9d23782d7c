//! Operations on queues as a whole: create, find, list, delete, purge, tag.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::config::Config;
use super::queue::Queue;
use super::{Engine, Millis, arn};
use crate::api::{
    Answer, Caller, CreateQueue, GetQueueUrl, ListDeadLetterSourceQueues, ListQueues, OnQueue, TagQueue,
    UntagQueue,
};
use crate::error::{Error, ErrorKind};

/// How long a queue's name is taken after its deletion, and how far apart purges must be.
///
/// Source: SQS API reference, `CreateQueue` and `PurgeQueue`.
const COOLDOWN: Millis = 60_000;

impl Engine {
    pub(super) fn create_queue(
        &mut self,
        caller: &Caller,
        request: &CreateQueue,
        now: Millis,
    ) -> Result<Answer, Error> {
        let name = request
            .queue_name
            .as_deref()
            .ok_or_else(|| Error::missing("QueueName"))?;
        let config = Config::create(name, &request.attributes, self.limits.lenient)?;
        let url = queue_url(caller, &caller.account, name);
        if let Some(queue) = self
            .registry
            .find(&caller.account, &caller.region, name)
            .and_then(|number| self.registry.get(number))
        {
            return match queue.config.difference(&config, &request.attributes) {
                None => Ok(Answer::QueueUrl(url)),
                Some(attribute) => Err(Error::new(
                    ErrorKind::QueueNameExists,
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        let deleted = self.registry.deleted(&caller.account, &caller.region, name);
        if self.limits.cooldown && deleted.is_some_and(|deleted| deleted + COOLDOWN > now) {
            return Err(Error::new(
                ErrorKind::QueueDeletedRecently,
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            ));
        }
        check_tags(name, &request.tags)?;
        let arn = arn(&caller.account, &caller.region, name);
        self.check_redrive(&arn, &config)?;
        let mut queue = Queue::new(self.registry.new_number(), name, arn, caller, config, now);
        queue.tags.clone_from(&request.tags);
        self.registry.insert(queue);
        Ok(Answer::QueueUrl(url))
    }

    /// A dead-letter queue must exist, be of the same kind, and let this queue use it.
    pub(super) fn check_redrive(&self, arn: &str, config: &Config) -> Result<(), Error> {
        let Some(redrive) = &config.redrive else {
            return Ok(());
        };
        let target = self
            .registry
            .resolve_arn(&redrive.target_arn)
            .and_then(|number| self.registry.get(number));
        let Some(target) = target else {
            return Err(redrive.refused("Dead letter target does not exist."));
        };
        if target.config.fifo != config.fifo {
            return Err(redrive.refused("Dead-letter queue must be same type of queue as the source."));
        }
        if target
            .config
            .redrive_allow
            .as_ref()
            .is_some_and(|allow| !allow.allows(arn))
        {
            return Err(redrive
                .refused("Dead letter target's redrive allow policy does not permit this source queue."));
        }
        Ok(())
    }

    pub(super) fn get_queue_url(&self, caller: &Caller, request: &GetQueueUrl) -> Result<Answer, Error> {
        let name = request
            .queue_name
            .as_deref()
            .ok_or_else(|| Error::missing("QueueName"))?;
        let account = request
            .owner
            .as_deref()
            .filter(|owner| !owner.is_empty())
            .unwrap_or(&caller.account);
        self.registry
            .find(account, &caller.region, name)
            .ok_or_else(Error::no_queue)?;
        Ok(Answer::QueueUrl(queue_url(caller, account, name)))
    }

    pub(super) fn list_queues(&self, caller: &Caller, request: &ListQueues) -> Result<Answer, Error> {
        let prefix = request.queue_name_prefix.as_deref().unwrap_or_default();
        let after = request.next_token.as_deref().map(read_token).transpose()?;
        let queues = self
            .registry
            .list(&caller.account, &caller.region, prefix, after.as_deref());
        let (urls, next_token) = page(caller, queues, request.max_results)?;
        Ok(Answer::QueueUrls { urls, next_token })
    }

    pub(super) fn list_sources(
        &mut self,
        caller: &Caller,
        request: &ListDeadLetterSourceQueues,
    ) -> Result<Answer, Error> {
        let number = self.registry.resolve(caller, request.queue_url.as_deref())?;
        let arn = self.registry.get(number).ok_or_else(Error::no_queue)?.arn.clone();
        let after = request.next_token.as_deref().map(read_token).transpose()?;
        let queues = self
            .registry
            .list(&caller.account, &caller.region, "", after.as_deref())
            .filter(|queue| {
                queue
                    .config
                    .redrive
                    .as_ref()
                    .is_some_and(|redrive| *redrive.target_arn == *arn)
            });
        let (urls, next_token) = page(caller, queues, request.max_results)?;
        Ok(Answer::DeadLetterSources { urls, next_token })
    }

    pub(super) fn delete_queue(
        &mut self,
        caller: &Caller,
        request: &OnQueue,
        now: Millis,
    ) -> Result<Answer, Error> {
        let number = self.registry.resolve(caller, request.queue_url.as_deref())?;
        self.registry.remove(number, now);
        self.touched.insert(number);
        Ok(Answer::Done)
    }

    pub(super) fn purge_queue(
        &mut self,
        caller: &Caller,
        request: &OnQueue,
        now: Millis,
    ) -> Result<Answer, Error> {
        let cooldown = self.limits.cooldown;
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        if cooldown && queue.purged.is_some_and(|purged| purged + COOLDOWN > now) {
            return Err(Error::new(
                ErrorKind::PurgeQueueInProgress,
                format!(
                    "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                    queue.name
                ),
            ));
        }
        queue.clear(now);
        Ok(Answer::Done)
    }

    pub(super) fn tag_queue(&mut self, caller: &Caller, request: TagQueue) -> Result<Answer, Error> {
        let number = self.registry.resolve(caller, request.queue_url.as_deref())?;
        let queue = self.registry.get_mut(number).ok_or_else(Error::no_queue)?;
        if request.tags.is_empty() {
            return Err(Error::missing("Tags"));
        }
        let mut tags = queue.tags.clone();
        tags.extend(request.tags);
        check_tags(&queue.name, &tags)?;
        queue.tags = tags;
        Ok(Answer::Done)
    }

    pub(super) fn untag_queue(&mut self, caller: &Caller, request: UntagQueue) -> Result<Answer, Error> {
        let number = self.registry.resolve(caller, request.queue_url.as_deref())?;
        let queue = self.registry.get_mut(number).ok_or_else(Error::no_queue)?;
        if request.tag_keys.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "Tag keys must be between 1 and 128 characters in length.",
            ));
        }
        for key in request.tag_keys {
            queue.tags.remove(&key);
        }
        Ok(Answer::Done)
    }

    pub(super) fn list_tags(&self, caller: &Caller, request: &OnQueue) -> Result<Answer, Error> {
        let number = self.registry.resolve(caller, request.queue_url.as_deref())?;
        Ok(Answer::Tags(
            self.registry
                .get(number)
                .ok_or_else(Error::no_queue)?
                .tags
                .clone(),
        ))
    }
}

pub(super) fn queue_url(caller: &Caller, account: &str, name: &str) -> String {
    format!("{}/{account}/{name}", caller.base_url)
}

/// At most fifty tags, keys of up to 128 characters, values of up to 256.
///
/// Source: SQS Developer Guide, "cost allocation tags".
fn check_tags(queue: &str, tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() > 50 {
        return Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("Too many tags added for queue {queue}."),
        ));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("Tag {key:?}: keys have 1 to 128 characters, values up to 256."),
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!("Tag key {key:?} starts with 'aws:', which is reserved."),
            ));
        }
    }
    Ok(())
}

/// Up to `max` URLs (1 to 1000; 1000 and no token if nobody asked for pages) and where the next page starts.
fn page<'a>(
    caller: &Caller,
    queues: impl Iterator<Item = &'a Queue>,
    max: Option<i32>,
) -> Result<(Vec<String>, Option<String>), Error> {
    let limit = match max {
        None => 1000,
        Some(max @ 1..=1000) => max.unsigned_abs() as usize,
        Some(max) => {
            return Err(Error::invalid_value(
                "MaxResults",
                max,
                "Must be an integer between 1 and 1000.",
            ));
        }
    };
    let mut queues = queues.peekable();
    let (mut urls, mut last) = (Vec::new(), None);
    while urls.len() < limit
        && let Some(queue) = queues.next()
    {
        urls.push(queue_url(caller, &queue.account, &queue.name));
        last = Some(queue);
    }
    let more = max.is_some() && queues.peek().is_some();
    Ok((
        urls,
        last.filter(|_| more)
            .map(|queue| STANDARD.encode(queue.name.as_bytes())),
    ))
}

fn read_token(token: &str) -> Result<String, Error> {
    STANDARD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidParameterValue, "Invalid or expired next token."))
}
