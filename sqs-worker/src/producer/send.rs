//! One message on its way, with what it needs beside the payload.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use super::{QueueProducer, SendError, Sent, outgoing::Outgoing};

/// A message about to be sent; await it. From [`QueueProducer::send`].
///
/// # Cancel safety
///
/// Dropping the future leaves it unknown whether the message was sent.
#[derive(Debug)]
#[must_use = "a message is sent when this is awaited"]
pub struct Send<'a> {
    producer: &'a QueueProducer,
    outgoing: Result<Outgoing, SendError>,
}

impl<'a> Send<'a> {
    pub(super) fn new(producer: &'a QueueProducer, outgoing: Result<Outgoing, SendError>) -> Self {
        Self { producer, outgoing }
    }

    /// Hides the message for this long, rounded up to whole seconds: 15 minutes at most. FIFO queues have a delay of
    /// the whole queue only, and refuse this one.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.edit(|outgoing| outgoing.delay = Some(delay));
        self
    }

    /// The message group, in place of the payload's own: what a FIFO queue keeps in order, or the tenant of a fair
    /// queue.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.edit(|outgoing| outgoing.group = Some(group.into()));
        self
    }

    /// The deduplication id, in place of the payload's key. FIFO queues only; others ignore it.
    pub fn deduplication_id(mut self, id: impl Into<String>) -> Self {
        self.edit(|outgoing| outgoing.deduplication_id = Some(id.into()));
        self
    }

    /// Adds a text attribute. SQS takes ten attributes, of which the framework needs one or two.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.edit(|outgoing| outgoing.attribute(name.into(), value.into()));
        self
    }

    fn edit(&mut self, change: impl FnOnce(&mut Outgoing)) {
        if let Ok(outgoing) = &mut self.outgoing {
            change(outgoing);
        }
    }
}

impl<'a> IntoFuture for Send<'a> {
    type Output = Result<Sent, SendError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + std::marker::Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let report = self.producer.send_outgoing(vec![self.outgoing]).await;
            let mut results = report.into_results();
            results
                .pop()
                .unwrap_or_else(|| unreachable!("one message has one result"))
        })
    }
}
