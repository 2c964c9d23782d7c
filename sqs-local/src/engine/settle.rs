//! `DeleteMessage` and `ChangeMessageVisibility`, single and in batches.

use super::queue::{Queue, State};
use super::receipt::Receipt;
use super::{Engine, Millis, batch};
use crate::api::{
    Answer, Caller, ChangeMessageVisibility, ChangeMessageVisibilityBatch, DeleteMessage, DeleteMessageBatch,
    FailedEntry, MessageId,
};
use crate::error::{Error, ErrorKind};

/// Twelve hours: how long a message may be in flight after one receive.
///
/// Source: SQS API reference, `ChangeMessageVisibility`.
const LONGEST_FLIGHT: u32 = 43_200;

impl Engine {
    pub(super) fn delete_message(
        &mut self,
        caller: &Caller,
        request: DeleteMessage,
        now: Millis,
    ) -> Result<Answer, Error> {
        let how = self.how(true);
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let settled = delete(queue, how, request.receipt_handle)?;
        let number = queue.number;
        self.touched.insert(number);
        Ok(Answer::Settled(settled))
    }

    pub(super) fn delete_message_batch(
        &mut self,
        caller: &Caller,
        request: DeleteMessageBatch,
        now: Millis,
    ) -> Result<Answer, Error> {
        let how = self.how(false);
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let results = batch::check(request.entries)?.into_iter().map(|entry| {
            (
                entry.id.unwrap_or_default(),
                delete(queue, how, entry.receipt_handle),
            )
        });
        let answer = settled_batch(results);
        let number = queue.number;
        self.touched.insert(number);
        Ok(answer)
    }

    pub(super) fn change_visibility(
        &mut self,
        caller: &Caller,
        request: ChangeMessageVisibility,
        now: Millis,
    ) -> Result<Answer, Error> {
        let how = self.how(true);
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let settled = change(
            queue,
            how,
            request.receipt_handle,
            request.visibility_timeout,
            now,
        )?;
        let number = queue.number;
        self.touched.insert(number);
        Ok(Answer::Settled(settled))
    }

    pub(super) fn change_visibility_batch(
        &mut self,
        caller: &Caller,
        request: ChangeMessageVisibilityBatch,
        now: Millis,
    ) -> Result<Answer, Error> {
        let how = self.how(false);
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let results = batch::check(request.entries)?.into_iter().map(|entry| {
            (
                entry.id.unwrap_or_default(),
                change(queue, how, entry.receipt_handle, entry.visibility_timeout, now),
            )
        });
        let answer = settled_batch(results);
        let number = queue.number;
        self.touched.insert(number);
        Ok(answer)
    }
}

/// How handles are read and taken.
#[derive(Clone, Copy)]
struct How {
    key: u64,
    lenient: bool,
    /// Whether the request is for one message and not a batch.
    single: bool,
}

impl Engine {
    fn how(&self, single: bool) -> How {
        How {
            key: self.handle_key,
            lenient: self.limits.lenient,
            single,
        }
    }
}

fn settled_batch(results: impl Iterator<Item = (String, Result<Option<MessageId>, Error>)>) -> Answer {
    let (mut successful, mut failed) = (Vec::with_capacity(10), Vec::new());
    for (id, result) in results {
        match result {
            Ok(message) => successful.push((id, message)),
            Err(error) => failed.push(FailedEntry::new(id, &error)),
        }
    }
    Answer::SettledBatch { successful, failed }
}

fn receipt(queue: &Queue, how: How, handle: Option<&str>) -> Result<Receipt, Error> {
    let handle = handle.ok_or_else(|| Error::missing("ReceiptHandle"))?;
    Receipt::decode(handle, how.key)
        .filter(|receipt| receipt.queue == queue.number)
        .ok_or_else(|| {
            // Two texts are known: this one was recorded on AWS for a handle that could be Base64, and is known of batches.
            let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            let text = if !how.single || handle.bytes().all(base64) {
                format!("The input receipt handle \"{handle}\" is not a valid receipt handle.")
            } else {
                "The input receipt handle is invalid.".to_owned()
            };
            Error::new(ErrorKind::ReceiptHandleIsInvalid, text)
        })
}

/// Deletes a message if the handle is that of its last receive.
///
/// An older handle is accepted without effect on a standard queue. A FIFO queue refuses it, and also the last handle
/// once the visibility timeout has ended. A message that is gone already is no error.
///
/// Source: SQS API reference, `DeleteMessage`; recorded answers for FIFO.
fn delete(queue: &mut Queue, how: How, handle: Option<String>) -> Result<Option<MessageId>, Error> {
    let receipt = receipt(queue, how, handle.as_deref())?;
    let Some(entry) = queue.find(&receipt) else {
        return Ok(None);
    };
    let latest = entry.turn == receipt.turn;
    let in_flight = matches!(entry.state, State::InFlight { .. });
    if queue.config.fifo && !(latest && in_flight) {
        let handle = handle.unwrap_or_default();
        return Err(Error::invalid_value(
            "ReceiptHandle",
            handle,
            "The receipt handle has expired.",
        ));
    }
    if !latest && !how.lenient {
        return Ok(None);
    }
    Ok(queue.remove(receipt.place).map(|entry| entry.payload.id))
}

/// Hides a message for so many seconds from now, or shows it.
///
/// A standard queue takes any handle of the message, also after the timeout has ended; a FIFO queue only the last one
/// and in time. Source: SQS API reference, `ChangeMessageVisibility`; recorded answers.
fn change(
    queue: &mut Queue,
    how: How,
    handle: Option<String>,
    timeout: Option<i32>,
    now: Millis,
) -> Result<Option<MessageId>, Error> {
    let receipt = receipt(queue, how, handle.as_deref())?;
    let timeout = timeout.ok_or_else(|| Error::missing("VisibilityTimeout"))?;
    let Some(seconds) = u32::try_from(timeout)
        .ok()
        .filter(|seconds| *seconds <= LONGEST_FLIGHT)
    else {
        return Err(Error::invalid_value(
            "VisibilityTimeout",
            timeout,
            "VisibilityTimeout must be an integer between 0 and 43200.",
        ));
    };
    let fifo = queue.config.fifo;
    let usable = |entry: &&super::queue::Entry| {
        !fifo || (entry.turn == receipt.turn && matches!(entry.state, State::InFlight { .. }))
    };
    let Some(entry) = queue.find(&receipt).filter(usable) else {
        let handle = handle.unwrap_or_default();
        let reason = "Message does not exist or is not available for visibility timeout change.";
        return Err(Error::invalid_value("ReceiptHandle", handle, reason));
    };
    let until = now + Millis::from(seconds) * 1000;
    if until > entry.received + Millis::from(LONGEST_FLIGHT) * 1000 {
        return Err(Error::invalid_value(
            "VisibilityTimeout",
            timeout,
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
        ));
    }
    let id = entry.payload.id;
    if seconds == 0 {
        queue.show(receipt.place);
    } else {
        queue.hide(receipt.place, until);
    }
    Ok(Some(id))
}
