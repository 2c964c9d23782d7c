//! One queue: its messages, where each of them stands, and what moves when time passes.
//!
//! Every message is in one of three states: delayed, visible or in flight. Timers and the order of delivery are
//! indexes over the slab that holds the messages, so that no operation looks at more messages than it touches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Millis;
use super::config::Config;
use super::dedup::{DedupKey, Window};
use super::fair::Fair;
use super::lanes::Lanes;
use super::receipt::Receipt;
use super::slab::Slab;
use crate::api::{MessageId, Payload};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not yet to be received.
    Delayed { until: Millis },
    /// To be received.
    Visible,
    /// Received and hidden.
    InFlight { until: Millis },
}

/// A message in its queue.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) payload: Arc<Payload>,
    pub(crate) serial: u64,
    /// When it was sent, or for a moved message when it was first sent.
    pub(crate) sent: Millis,
    pub(crate) first_received: Option<Millis>,
    /// When it was last received: what the 12 hours count from.
    pub(crate) received: Millis,
    /// How often it was received, in all queues it has been in.
    pub(crate) receives: u32,
    /// How often it was received in this queue.
    pub(crate) turn: u32,
    pub(crate) state: State,
    /// Its group (FIFO) or tenant (standard).
    pub(crate) lane: Option<u32>,
    pub(crate) source_arn: Option<Arc<str>>,
}

#[derive(Debug)]
enum Order {
    Standard(Fair),
    Fifo(Lanes),
}

/// What a FIFO queue answers to a message that it has already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) id: MessageId,
    pub(crate) sequence: Option<u128>,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Never given to another queue.
    pub(crate) number: u32,
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
    pub(crate) account: Arc<str>,
    pub(crate) region: Arc<str>,
    pub(crate) config: Config,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Millis,
    pub(crate) modified: Millis,
    pub(crate) purged: Option<Millis>,
    pub(crate) deduplication: Window<DedupKey, Known>,
    /// The deduplication scope in force, and the one that will be at a later time.
    pub(crate) scope: (bool, Option<(Millis, bool)>),
    pub(crate) attempts: Window<Box<str>, (Millis, Vec<Receipt>)>,
    store: Slab<Entry>,
    order: Order,
    timers: BTreeSet<(Millis, u64, u32)>,
    ages: BTreeSet<(Millis, u64, u32)>,
    serials: u64,
    delayed: usize,
    in_flight: usize,
}

/// How a queue's messages are spread over the three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: usize,
    pub(crate) delayed: usize,
    pub(crate) in_flight: usize,
}

impl Queue {
    pub(crate) fn new(
        number: u32,
        name: &str,
        arn: String,
        caller: &crate::api::Caller,
        config: Config,
        now: Millis,
    ) -> Self {
        Self {
            number,
            name: name.into(),
            arn: arn.into(),
            account: Arc::clone(&caller.account),
            region: Arc::clone(&caller.region),
            tags: BTreeMap::new(),
            created: now,
            modified: now,
            purged: None,
            deduplication: Window::default(),
            scope: (config.deduplication_per_group, None),
            attempts: Window::default(),
            store: Slab::default(),
            order: if config.fifo {
                Order::Fifo(Lanes::default())
            } else {
                Order::Standard(Fair::default())
            },
            timers: BTreeSet::new(),
            ages: BTreeSet::new(),
            serials: 0,
            delayed: 0,
            in_flight: 0,
            config,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let visible = self.store.len() - self.delayed - self.in_flight;
        Counts {
            visible,
            delayed: self.delayed,
            in_flight: self.in_flight,
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many receives could find something now.
    pub(crate) fn receivable(&self) -> usize {
        match &self.order {
            Order::Standard(fair) => fair.ready(),
            Order::Fifo(lanes) => lanes.open(),
        }
    }

    /// When the next message becomes visible by itself.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.timers.first().map(|(due, ..)| *due)
    }

    /// Does what is due: delays and visibility timeouts end, old messages expire.
    pub(crate) fn settle(&mut self, now: Millis) {
        while let Some(&(due, _, place)) = self.timers.first()
            && due <= now
        {
            self.show(place);
        }
        let retention = Millis::from(self.config.retention) * 1000;
        while let Some(&(sent, _, place)) = self.ages.first()
            && sent + retention <= now
        {
            self.remove(place);
        }
    }

    /// Adds a message.
    pub(crate) fn add(&mut self, payload: Arc<Payload>, sent: Millis, delayed_until: Option<Millis>) -> u32 {
        let serial = self.serials;
        self.serials += 1;
        let place = self.store.insert(Entry {
            payload,
            serial,
            sent,
            first_received: None,
            received: 0,
            receives: 0,
            turn: 0,
            state: delayed_until.map_or(State::Visible, |until| State::Delayed { until }),
            lane: None,
            source_arn: None,
        });
        self.index(place);
        place
    }

    /// Puts a message that was just stored into all indexes.
    fn index(&mut self, place: u32) {
        let Some(entry) = self.store.get_mut(place) else {
            return;
        };
        let (serial, group) = (entry.serial, &entry.payload.group);
        let lane = match &mut self.order {
            Order::Standard(fair) => group.as_ref().map(|group| fair.enter(group)),
            Order::Fifo(lanes) => Some(lanes.enter(group.as_ref().unwrap_or(&Arc::default()), serial, place)),
        };
        entry.lane = lane;
        self.ages.insert((entry.sent, serial, place));
        match entry.state {
            State::Visible => self.ready(place),
            State::Delayed { until } => {
                self.timers.insert((until, serial, place));
                self.delayed += 1;
            }
            State::InFlight { until } => {
                self.timers.insert((until, serial, place));
                self.in_flight += 1;
                if let Order::Standard(fair) = &mut self.order {
                    fair.took_off(lane);
                }
            }
        }
        self.refresh(lane);
    }

    /// How many messages were ever added.
    #[cfg(feature = "server")]
    pub(crate) fn serials(&self) -> u64 {
        self.serials
    }

    /// Fills an empty queue with the messages of another time, given in the order of their serials.
    #[cfg(feature = "server")]
    pub(crate) fn restore(&mut self, entries: Vec<(u32, Entry)>, serials: u64) -> Result<(), String> {
        let places: Vec<u32> = entries.iter().map(|(place, _)| *place).collect();
        let last = entries.last().map_or(0, |(_, entry)| entry.serial + 1);
        self.serials = serials.max(last);
        self.store.restore(entries)?;
        for place in places {
            self.index(place);
        }
        Ok(())
    }

    /// Adds a message that comes from another queue, with its history.
    pub(crate) fn adopt(
        &mut self,
        payload: Arc<Payload>,
        from: &Entry,
        sent: Millis,
        source_arn: Option<Arc<str>>,
    ) {
        let place = self.add(payload, sent, None);
        if let Some(entry) = self.store.get_mut(place) {
            entry.receives = from.receives;
            entry.first_received = from.first_received;
            entry.source_arn = source_arn;
        }
    }

    pub(crate) fn get(&self, place: u32) -> Option<&Entry> {
        self.store.get(place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        self.store.iter()
    }

    /// The message a receipt is for, if it is still here.
    pub(crate) fn find(&self, receipt: &Receipt) -> Option<&Entry> {
        self.store
            .get(receipt.place)
            .filter(|entry| entry.serial == receipt.serial)
    }

    /// The place of the next message to receive of a standard queue.
    pub(crate) fn next_standard(&mut self) -> Option<u32> {
        match &mut self.order {
            Order::Standard(fair) => fair.next(self.in_flight),
            Order::Fifo(_) => None,
        }
    }

    /// The group whose turn it is; call [`refresh`](Self::refresh) when done with it.
    pub(crate) fn next_group(&mut self) -> Option<u32> {
        match &mut self.order {
            Order::Standard(_) => None,
            Order::Fifo(lanes) => lanes.take_turn(),
        }
    }

    /// The message after this one in a group, if it is visible.
    pub(crate) fn next_in_group(&self, group: u32, after: Option<u64>) -> Option<(u64, u32)> {
        let Order::Fifo(lanes) = &self.order else {
            return None;
        };
        let (serial, place) = lanes.after(group, after)?;
        (self.store.get(place)?.state == State::Visible).then_some((serial, place))
    }

    /// Takes a visible message into flight until a time.
    pub(crate) fn take(&mut self, place: u32, now: Millis, until: Millis) -> Option<&Entry> {
        let entry = self.store.get_mut(place)?;
        entry.turn += 1;
        entry.receives += 1;
        entry.received = now;
        entry.first_received.get_or_insert(now);
        self.hide(place, until);
        self.store.get(place)
    }

    /// Hides a message until a time, whether or not it was hidden.
    pub(crate) fn hide(&mut self, place: u32, until: Millis) {
        let Some(entry) = self.store.get_mut(place) else {
            return;
        };
        let (serial, lane, before) = (entry.serial, entry.lane, entry.state);
        entry.state = State::InFlight { until };
        match before {
            State::InFlight { until: before } => {
                self.timers.remove(&(before, serial, place));
            }
            State::Delayed { until: before } => {
                self.timers.remove(&(before, serial, place));
                self.delayed -= 1;
                self.in_flight += 1;
            }
            State::Visible => {
                self.in_flight += 1;
                if let Order::Standard(fair) = &mut self.order {
                    fair.remove(lane, serial);
                }
            }
        }
        if let Order::Standard(fair) = &mut self.order
            && !matches!(before, State::InFlight { .. })
        {
            fair.took_off(lane);
        }
        self.timers.insert((until, serial, place));
        self.refresh(lane);
    }

    /// Makes a message visible now.
    pub(crate) fn show(&mut self, place: u32) {
        let Some(entry) = self.store.get_mut(place) else {
            return;
        };
        let (serial, lane, before) = (entry.serial, entry.lane, entry.state);
        entry.state = State::Visible;
        match before {
            State::Visible => return,
            State::Delayed { until } => {
                self.timers.remove(&(until, serial, place));
                self.delayed -= 1;
            }
            State::InFlight { until } => {
                self.timers.remove(&(until, serial, place));
                self.landed(lane);
            }
        }
        self.ready(place);
        self.refresh(lane);
    }

    /// Takes a message out of the queue.
    pub(crate) fn remove(&mut self, place: u32) -> Option<Entry> {
        let entry = self.store.remove(place)?;
        self.ages.remove(&(entry.sent, entry.serial, place));
        match entry.state {
            State::Visible => {
                if let Order::Standard(fair) = &mut self.order {
                    fair.remove(entry.lane, entry.serial);
                }
            }
            State::Delayed { until } => {
                self.timers.remove(&(until, entry.serial, place));
                self.delayed -= 1;
            }
            State::InFlight { until } => {
                self.timers.remove(&(until, entry.serial, place));
                self.landed(entry.lane);
            }
        }
        match (&mut self.order, entry.lane) {
            (Order::Standard(fair), Some(tenant)) => fair.leave(tenant),
            (Order::Fifo(lanes), Some(group)) => {
                lanes.leave(group, entry.serial);
                self.refresh(entry.lane);
            }
            (_, None) => {}
        }
        Some(entry)
    }

    /// Takes all messages out, and forgets what was sent lately.
    pub(crate) fn clear(&mut self, now: Millis) {
        self.purged = Some(now);
        self.store = Slab::default();
        self.order = if self.config.fifo {
            Order::Fifo(Lanes::default())
        } else {
            Order::Standard(Fair::default())
        };
        self.timers.clear();
        self.ages.clear();
        self.deduplication.clear();
        self.attempts.clear();
        self.delayed = 0;
        self.in_flight = 0;
    }

    /// Opens or closes a FIFO group after one of its messages changed.
    pub(crate) fn refresh(&mut self, lane: Option<u32>) {
        let (Order::Fifo(lanes), Some(group)) = (&mut self.order, lane) else {
            return;
        };
        let visible = lanes
            .head(group)
            .and_then(|place| self.store.get(place))
            .is_some_and(|entry| entry.state == State::Visible);
        lanes.refresh(group, visible);
    }

    fn ready(&mut self, place: u32) {
        if let (Order::Standard(fair), Some(entry)) = (&mut self.order, self.store.get(place)) {
            fair.add(entry.lane, entry.serial, place);
        }
    }

    fn landed(&mut self, lane: Option<u32>) {
        self.in_flight -= 1;
        if let Order::Standard(fair) = &mut self.order {
            fair.landed(lane);
        }
    }

    #[cfg(test)]
    pub(super) fn has_timer(&self, until: Millis, serial: u64, place: u32) -> bool {
        self.timers.contains(&(until, serial, place))
    }

    #[cfg(test)]
    pub(super) fn check_indexes(&self, visible: usize) {
        assert_eq!(
            self.timers.len(),
            self.delayed + self.in_flight,
            "no timer of {} is left over",
            self.name
        );
        assert_eq!(
            self.ages.len(),
            self.store.len(),
            "every message of {} has its age",
            self.name
        );
        match &self.order {
            Order::Standard(fair) => {
                assert_eq!(fair.ready(), visible, "what is visible in {} is ready", self.name);
            }
            Order::Fifo(lanes) => {
                lanes.check(|place| self.get(place).is_some_and(|e| e.state == State::Visible));
            }
        }
    }
}
