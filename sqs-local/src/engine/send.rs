//! `SendMessage` and `SendMessageBatch`.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::config::{Config, MAX_MESSAGE_SIZE};
use super::digest::{Hex, md5, md5_of};
use super::queue::Known;
use super::{Engine, Millis, QueueNumber, batch, check, shared};
use crate::api::{
    Answer, Caller, FailedEntry, MessageId, Payload, SendEntry, SendMessage, SendMessageBatch, SentEntry,
    SentMessage,
};
use crate::error::{Error, ErrorKind};

impl Engine {
    pub(super) fn send_message(
        &mut self,
        caller: &Caller,
        request: SendMessage,
        now: Millis,
    ) -> Result<Answer, Error> {
        let mut request = request;
        let queue = self.queue(caller, request.queue_url.take().as_deref(), now)?;
        let (number, entry) = (queue.number, request.into_entry());
        check_fifo(&queue.config, &entry, ErrorKind::MissingParameter)?;
        let size = check::size(&entry);
        let limit = queue.config.max_size as usize;
        if size > limit {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                format!(
                    "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
                ),
            ));
        }
        self.send(caller, number, entry, now).map(Answer::Sent)
    }

    pub(super) fn send_message_batch(
        &mut self,
        caller: &Caller,
        request: SendMessageBatch,
        now: Millis,
    ) -> Result<Answer, Error> {
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let entries = batch::check(request.entries)?;
        let (number, limit) = (queue.number, queue.config.max_size as usize);
        for entry in &entries {
            check_fifo(&queue.config, entry, ErrorKind::InvalidParameterValue)?;
        }
        let total: usize = entries.iter().map(check::size).sum();
        if total > MAX_MESSAGE_SIZE as usize {
            return Err(Error::new(
                ErrorKind::BatchRequestTooLong,
                format!(
                    "Batch requests cannot be longer than {MAX_MESSAGE_SIZE} bytes. You have sent {total} bytes."
                ),
            ));
        }
        let (mut successful, mut failed) = (Vec::with_capacity(entries.len()), Vec::new());
        for mut entry in entries {
            let id = entry.id.take().unwrap_or_default();
            let sent = if check::size(&entry) > limit {
                let text = format!(
                    "One or more parameters cannot be validated. Reason: Message must be shorter than {limit} bytes."
                );
                Err(Error::new(ErrorKind::InvalidParameterValue, text))
            } else {
                self.send(caller, number, entry, now)
            };
            match sent {
                Ok(message) => successful.push(SentEntry { id, message }),
                Err(error) => failed.push(FailedEntry::new(id, &error)),
            }
        }
        Ok(Answer::SentBatch { successful, failed })
    }

    fn send(
        &mut self,
        caller: &Caller,
        number: QueueNumber,
        entry: SendEntry,
        now: Millis,
    ) -> Result<SentMessage, Error> {
        let body = entry
            .message_body
            .filter(|body| !body.is_empty())
            .ok_or_else(|| Error::missing("MessageBody"))?;
        if !check::has_allowed_characters(&body) {
            return Err(Error::new(
                ErrorKind::InvalidMessageContents,
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
                 #xFFFD | #x10000 to #x10FFFF",
            ));
        }
        if let Some(attributes) = &entry.message_attributes {
            check::attributes(attributes)?;
        }
        let trace_header = check::trace_header(entry.message_system_attributes.as_ref())?
            .or(caller.trace_id.as_deref())
            .map(Into::into);
        let system_attributes_md5 = entry
            .message_system_attributes
            .as_ref()
            .filter(|attributes| !attributes.is_empty())
            .map(md5_of);
        let attributes = entry
            .message_attributes
            .filter(|attributes| !attributes.is_empty());
        let attributes_md5 = attributes.as_ref().map(md5_of);

        let queue = self.registry.get(number).ok_or_else(Error::no_queue)?;
        let fifo = queue.config.fifo;
        let delay = delay(&queue.config, entry.delay_seconds)?;
        let group = entry.message_group_id.as_deref().map(shared);
        let deduplication_id = match entry.message_deduplication_id {
            Some(id) => Some(Arc::from(id)),
            None if fifo => Some(Arc::from(content_hash(&body))),
            None => None,
        };
        let id = self.new_message_id();
        let sequence = fifo.then(|| self.next_sequence());
        let body_md5 = md5(body.as_bytes());
        let mut sent = SentMessage {
            message_id: id,
            sequence_number: sequence,
            duplicate: false,
            body_md5,
            attributes_md5,
            system_attributes_md5,
        };

        let queue = self.registry.get_mut(number).ok_or_else(Error::no_queue)?;
        if let (true, Some(deduplication_id)) = (fifo, &deduplication_id) {
            let per_group = queue.scope_now(now);
            let key = (group.clone().filter(|_| per_group), Arc::clone(deduplication_id));
            if let Some(known) = queue.deduplication.get(&key, now) {
                (sent.message_id, sent.sequence_number, sent.duplicate) = (known.id, known.sequence, true);
                return Ok(sent);
            }
            queue.deduplication.put(key, Known { id, sequence }, now);
        }
        let payload = Payload {
            id,
            body: body.into_boxed_str(),
            body_md5,
            attributes: attributes.map(Box::new),
            trace_header,
            group,
            deduplication_id,
            sequence,
            sender: Arc::clone(&caller.account),
        };
        queue.add(
            Arc::new(payload),
            now,
            (delay > 0).then(|| now + Millis::from(delay) * 1000),
        );
        self.touched.insert(number);
        Ok(sent)
    }

    /// The same message under a new name, for a queue that takes it over from another.
    pub(super) fn renamed(
        &mut self,
        payload: &Arc<Payload>,
        id: MessageId,
        fifo: bool,
        deduplication_id: Option<Arc<str>>,
    ) -> Arc<Payload> {
        let sequence = fifo.then(|| self.next_sequence());
        Arc::new(Payload {
            id,
            body: payload.body.clone(),
            body_md5: payload.body_md5,
            attributes: payload.attributes.clone(),
            trace_header: payload.trace_header.clone(),
            group: payload.group.clone(),
            deduplication_id,
            sequence,
            sender: Arc::clone(&payload.sender),
        })
    }
}

/// What must be there on a FIFO queue, and what must not be on the one or the other kind.
fn check_fifo(config: &Config, entry: &SendEntry, missing: ErrorKind) -> Result<(), Error> {
    if let Some(group) = &entry.message_group_id {
        check::id("MessageGroupId", group)?;
    }
    if let Some(id) = &entry.message_deduplication_id {
        check::id("MessageDeduplicationId", id)?;
    }
    const OTHER_KIND: &str = "The request include parameter that is not valid for this queue type.";
    if !config.fifo && config.lenient {
        return Ok(());
    }
    if !config.fifo {
        return match &entry.message_deduplication_id {
            Some(id) => Err(Error::invalid_value("MessageDeduplicationId", id, OTHER_KIND)),
            None => Ok(()),
        };
    }
    if entry.message_group_id.is_none() {
        return Err(Error::new(
            missing,
            "The request must contain the parameter MessageGroupId.",
        ));
    }
    if entry.message_deduplication_id.is_none() && !config.content_deduplication {
        return Err(Error::new(
            ErrorKind::InvalidParameterValue,
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    match entry.delay_seconds {
        Some(delay) if delay != 0 => Err(Error::invalid_value("DelaySeconds", delay, OTHER_KIND)),
        _ => Ok(()),
    }
}

/// The seconds a message is delayed. A FIFO queue takes its own delay only.
fn delay(config: &Config, asked: Option<i32>) -> Result<u32, Error> {
    match asked {
        Some(seconds) if !config.fifo => match u32::try_from(seconds) {
            Ok(seconds @ 0..=900) => Ok(seconds),
            _ => Err(Error::invalid_value(
                "DelaySeconds",
                seconds,
                "DelaySeconds must be >= 0 and <= 900.",
            )),
        },
        _ => Ok(config.delay),
    }
}

/// SHA-256 of the body (and of nothing else), in hexadecimal.
fn content_hash(body: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    let halves = [0, 16].map(|at| {
        let half: [u8; 16] = std::array::from_fn(|i| hash[at + i]);
        Hex(half).to_string()
    });
    halves.concat()
}
