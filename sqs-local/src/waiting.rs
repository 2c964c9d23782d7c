//! Long polls: who waits at which queue, and whose turn it is.
//!
//! A waiting poll stands in its queue's line until it has a message, its time is up, or its caller is gone. When a
//! message may have become receivable, the first in line is woken and tries; nothing is handed over before it runs, so
//! a poll whose caller disconnected cannot swallow a message. The first in line also watches the queue's next timer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::engine::{Engine, Millis, QueueNumber};

/// The lines at all queues.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    lines: HashMap<QueueNumber, Line>,
    tickets: u64,
}

#[derive(Debug, Default)]
struct Line {
    polls: BTreeMap<u64, Poll>,
    /// When the first in line will look again by itself.
    armed: Option<Millis>,
}

#[derive(Debug)]
struct Poll {
    bell: Arc<Notify>,
    rung: bool,
}

impl Lines {
    /// Stands at the end of a line.
    pub(crate) fn join(&mut self, queue: QueueNumber) -> (u64, Arc<Notify>) {
        self.tickets += 1;
        let bell = Arc::new(Notify::new());
        let poll = Poll {
            bell: Arc::clone(&bell),
            rung: false,
        };
        self.lines
            .entry(queue)
            .or_default()
            .polls
            .insert(self.tickets, poll);
        (self.tickets, bell)
    }

    /// Leaves a line; the next one takes over the watch, and the turn if there was one.
    pub(crate) fn leave(&mut self, queue: QueueNumber, ticket: u64, engine: &mut Engine, now: Millis) {
        let Some(line) = self.lines.get_mut(&queue) else {
            return;
        };
        let was_first = line
            .polls
            .first_key_value()
            .is_some_and(|(first, _)| *first == ticket);
        line.polls.remove(&ticket);
        if was_first {
            line.armed = None;
        }
        if line.polls.is_empty() {
            self.lines.remove(&queue);
            return;
        }
        self.wake(queue, engine, now);
    }

    /// Whether anybody stands in this line.
    pub(crate) fn is_occupied(&self, queue: QueueNumber) -> bool {
        self.lines.contains_key(&queue)
    }

    /// Whether nobody stands before this ticket.
    pub(crate) fn is_first(&self, queue: QueueNumber, ticket: u64) -> bool {
        let first = self
            .lines
            .get(&queue)
            .and_then(|line| line.polls.first_key_value());
        first.is_some_and(|(first, _)| *first == ticket)
    }

    /// A poll looked and found nothing: it waits for the bell again, the first one until `due` at most.
    pub(crate) fn rest(&mut self, queue: QueueNumber, ticket: u64, due: Option<Millis>) {
        let first = self.is_first(queue, ticket);
        let Some(line) = self.lines.get_mut(&queue) else {
            return;
        };
        if let Some(poll) = line.polls.get_mut(&ticket) {
            poll.rung = false;
        }
        if first {
            line.armed = due;
        }
    }

    /// Rings for as many polls as may find something, and for the first if it has to look earlier than it knows.
    pub(crate) fn wake(&mut self, queue: QueueNumber, engine: &mut Engine, now: Millis) {
        let Some(line) = self.lines.get_mut(&queue) else {
            return;
        };
        let exists = engine.exists(queue);
        let receivable = if exists {
            engine.receivable(queue, now)
        } else {
            usize::MAX
        };
        for poll in line.polls.values_mut().take(receivable).filter(|poll| !poll.rung) {
            poll.rung = true;
            poll.bell.notify_one();
        }
        if receivable == 0 {
            let due = engine.next_due(queue);
            let earlier = match (due, line.armed) {
                (Some(due), Some(armed)) => due < armed,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if earlier && let Some((_, first)) = line.polls.first_key_value() {
                first.bell.notify_one();
            }
        }
    }

    /// Rings for everybody: the clock was moved.
    pub(crate) fn wake_all(&mut self) {
        for poll in self.lines.values().flat_map(|line| line.polls.values()) {
            poll.bell.notify_one();
        }
    }

    /// How many polls wait.
    pub(crate) fn len(&self) -> usize {
        self.lines.values().map(|line| line.polls.len()).sum()
    }
}
