//! Who holds which message until when: the leases of one queue.
//!
//! A pure state machine. It knows the instants at which something must happen to a lease (renew it, or accept that it
//! is lost) and is told what happened; the runner makes the calls.
//!
//! The rules that hold here:
//! * A deadline counts from the instant the request was *sent*, so that it is never later than SQS's own.
//! * Only a confirmed renewal moves a deadline; a failed one is tried again before it.
//! * No renewal passes twelve hours from the receive ([ChangeMessageVisibility]).
//! * A lease that is being settled is not renewed any more: the two calls must not race.
//!
//! [ChangeMessageVisibility]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

pub(crate) use super::ids::Id;
use super::ids::IdMap;

/// The longest that SQS hides a message, counted from its receive.
pub(crate) const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// The leases of one queue and the instants at which they need something.
#[derive(Debug)]
pub(crate) struct Leases {
    visibility: Duration,
    held: IdMap<Lease>,
    /// The places of those that have not been moved since they were granted, in order, and of some that have left: most
    /// leases end before anything is due, and then it is cheaper to forget their places later, many at once.
    granted: VecDeque<(Instant, Id)>,
    /// The places of all others.
    moved: BTreeSet<(Instant, Id)>,
}

#[derive(Debug)]
struct Lease {
    /// SQS shows the message again at this instant at the earliest.
    deadline: Instant,
    /// Twelve hours after the receive.
    limit: Instant,
    /// Its place on the timeline.
    next: Instant,
    /// Which is among those that have been moved.
    moved: bool,
    /// A renewal is under way.
    renewing: bool,
    /// Renewals are to hide the message until this instant at least, because its handler asked for it and SQS has not
    /// confirmed it yet.
    until: Option<Instant>,
    /// Being settled: not renewed any more.
    settling: bool,
}

/// What the timeline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Extend the message's visibility now, by this much.
    Renew(Id, Duration),
    /// The deadline has passed: the message may be with somebody else.
    Lost(Id),
}

impl Leases {
    pub(crate) fn new(visibility: Duration) -> Self {
        Self {
            visibility,
            held: IdMap::default(),
            granted: VecDeque::new(),
            moved: BTreeSet::new(),
        }
    }

    /// A message was received by a request sent at `sent`. Granting again replaces the lease: the newest handle wins.
    pub(crate) fn grant(&mut self, id: Id, sent: Instant) {
        self.end(id);
        let deadline = sent + self.visibility;
        let limit = sent + MAX_VISIBILITY;
        let next = self.renew_at(deadline, limit);
        let moved = self.granted.back().is_some_and(|(last, _)| next < *last);
        let lease = Lease {
            deadline,
            limit,
            next,
            moved,
            renewing: false,
            until: None,
            settling: false,
        };
        self.held.insert(id, lease);
        if moved {
            self.moved.insert((next, id));
        } else {
            self.granted.push_back((next, id));
        }
    }

    /// Everything that is due. Renewals that come due within a tenth of the visibility time-out are taken along, so
    /// that leases that started close together share a call.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        if self.next_at().is_none_or(|first| first > now) {
            return due;
        }
        let horizon = now + self.visibility / 10;
        let granted = self.granted.iter().filter(|place| self.is_granted(place));
        let mut soon: Vec<(Instant, Id)> = granted
            .take_while(|(at, _)| *at <= horizon)
            .chain(self.moved.iter().take_while(|(at, _)| *at <= horizon))
            .copied()
            .collect();
        soon.sort_unstable();
        for (_, id) in soon {
            let Some(lease) = self.held.get_mut(&id) else {
                continue;
            };
            if lease.deadline <= now {
                due.push(Due::Lost(id));
                self.end(id);
            } else if !lease.renewing && !lease.settling && lease.next < lease.deadline {
                // Never less than there is: what the handler was told stays true.
                let least = lease
                    .until
                    .map_or(lease.deadline, |until| until.max(lease.deadline));
                let least = whole_seconds_up(least - now);
                let extension = whole_seconds(self.visibility.max(least).min(lease.limit - now));
                lease.renewing = true;
                let deadline = lease.deadline;
                self.schedule(id, deadline);
                due.push(Due::Renew(id, extension));
            } else if lease.settling && lease.next < lease.deadline {
                let deadline = lease.deadline;
                self.schedule(id, deadline);
            }
        }
        due
    }

    /// SQS confirmed a renewal by `extension`, asked for at `sent`.
    pub(crate) fn renewed(&mut self, id: Id, sent: Instant, extension: Duration) {
        let Some(lease) = self.held.get_mut(&id) else {
            return;
        };
        if !std::mem::take(&mut lease.renewing) {
            return;
        }
        lease.deadline = sent + extension;
        // In whole seconds, the twelve hours may end up to one earlier.
        let at_limit = lease.limit.saturating_duration_since(lease.deadline) < Duration::from_secs(1);
        lease.until = lease.until.filter(|until| *until > lease.deadline && !at_limit);
        let next = if lease.settling {
            lease.deadline
        } else if lease.until.is_some() {
            // Asked for while this renewal was under way.
            sent
        } else {
            let (deadline, limit) = (lease.deadline, lease.limit);
            self.renew_at(deadline, limit)
        };
        self.schedule(id, next);
    }

    /// The handler asks that the message stay hidden until this instant at least: the next renewal does that, and it
    /// is due now. Never beyond the twelve hours, and never less than there is.
    pub(crate) fn extend(&mut self, id: Id, until: Instant, now: Instant) {
        let Some(lease) = self.held.get_mut(&id) else {
            return;
        };
        let until = until.min(lease.limit);
        if lease.settling || until <= lease.deadline {
            return;
        }
        lease.until = Some(lease.until.map_or(until, |asked| asked.max(until)));
        if !lease.renewing {
            self.schedule(id, now);
        }
    }

    /// A renewal failed and may be tried again.
    pub(crate) fn renewal_failed(&mut self, id: Id, now: Instant) {
        let Some(lease) = self.held.get_mut(&id) else {
            return;
        };
        if !std::mem::take(&mut lease.renewing) || lease.settling {
            return;
        }
        let left = lease.deadline.saturating_duration_since(now);
        let pause = (left / 4).clamp(Duration::from_millis(100), Duration::from_secs(5));
        let next = (now + pause).min(lease.deadline);
        self.schedule(id, next);
    }

    /// Whether a renewal of this lease is under way.
    pub(crate) fn is_renewing(&self, id: Id) -> bool {
        self.held.get(&id).is_some_and(|lease| lease.renewing)
    }

    /// The message is being settled: no renewal any more; the deadline still counts.
    pub(crate) fn settle(&mut self, id: Id) {
        let Some(lease) = self.held.get_mut(&id) else {
            return;
        };
        // Its place on the timeline stays: most are settled before it comes, and then it is moved on.
        lease.settling = true;
    }

    /// The lease is over: settled, lost or given up.
    pub(crate) fn end(&mut self, id: Id) {
        if let Some(lease) = self.held.remove(&id) {
            self.leave(lease.next, id, lease.moved);
        }
    }

    /// When SQS may show the message again, as far as it is known.
    pub(crate) fn deadline(&self, id: Id) -> Option<Instant> {
        self.held.get(&id).map(|lease| lease.deadline)
    }

    /// The most that the message may be hidden from `now` on.
    pub(crate) fn budget(&self, id: Id, now: Instant) -> Duration {
        self.held
            .get(&id)
            .map_or(Duration::ZERO, |lease| lease.limit.saturating_duration_since(now))
    }

    /// When [`due`](Self::due) has something next.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let (granted, moved) = (self.granted.front(), self.moved.first());
        granted.into_iter().chain(moved).map(|(at, _)| *at).min()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// A third of the visibility time-out before the deadline: room for several tries. A lease that ends with its
    /// twelve hours is not renewed any more, and its next event is its end.
    fn renew_at(&self, deadline: Instant, limit: Instant) -> Instant {
        if limit.saturating_duration_since(deadline) < Duration::from_secs(1) {
            return deadline;
        }
        deadline - self.visibility / 3
    }

    fn schedule(&mut self, id: Id, next: Instant) {
        let Some(lease) = self.held.get_mut(&id) else {
            return;
        };
        let (was, moved) = (
            std::mem::replace(&mut lease.next, next),
            std::mem::replace(&mut lease.moved, true),
        );
        self.leave(was, id, moved);
        self.moved.insert((next, id));
    }

    /// A place is free. The first of those that were granted is always one that counts, so that it says what is next.
    fn leave(&mut self, at: Instant, id: Id, moved: bool) {
        if moved {
            self.moved.remove(&(at, id));
            return;
        }
        while let Some(first) = self.granted.front()
            && !self.is_granted(first)
        {
            self.granted.pop_front();
        }
        // Behind a first one that stays for long.
        if self.granted.len() > 2 * self.held.len() + 100 {
            let held = &self.held;
            self.granted.retain(|place| is_granted(held, place));
        }
    }

    /// Whether a lease still has this place.
    fn is_granted(&self, place: &(Instant, Id)) -> bool {
        is_granted(&self.held, place)
    }
}

fn is_granted(held: &IdMap<Lease>, (at, id): &(Instant, Id)) -> bool {
    held.get(id)
        .is_some_and(|lease| !lease.moved && lease.next == *at)
}

/// SQS counts visibility in whole seconds; rounding down keeps our deadline before its own.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// Rounded up, a delay never ends too early.
pub(crate) fn whole_seconds_up(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(30);
    const SECOND: Duration = Duration::from_secs(1);

    fn granted(ids: impl IntoIterator<Item = Id>, sent: Instant) -> Leases {
        let mut leases = Leases::new(VISIBILITY);
        ids.into_iter().for_each(|id| leases.grant(id, sent));
        leases
    }

    #[test]
    fn the_deadline_counts_from_the_request_not_from_the_answer() {
        let sent = Instant::now();
        assert_eq!(granted([1], sent).deadline(1), Some(sent + VISIBILITY));
    }

    #[test]
    fn a_lease_is_renewed_a_third_before_its_deadline() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        assert_eq!(leases.due(sent + SECOND * 19), []);
        assert_eq!(leases.due(sent + SECOND * 20), [Due::Renew(1, VISIBILITY)]);
        assert_eq!(leases.due(sent + SECOND * 20), [], "one renewal at a time");
    }

    #[test]
    fn only_a_confirmed_renewal_moves_the_deadline() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.due(sent + SECOND * 20);
        assert_eq!(leases.deadline(1), Some(sent + VISIBILITY));
        leases.renewed(1, sent + SECOND * 20, VISIBILITY);
        assert_eq!(leases.deadline(1), Some(sent + SECOND * 50));
        assert_eq!(leases.due(sent + SECOND * 40), [Due::Renew(1, VISIBILITY)]);
    }

    #[test]
    fn a_failed_renewal_is_tried_again_before_the_deadline() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.due(sent + SECOND * 20);
        leases.renewal_failed(1, sent + SECOND * 20);
        let again = leases.next_at().unwrap();
        assert!(
            again > sent + SECOND * 20 && again < sent + SECOND * 25,
            "{:?}",
            again - sent
        );
        assert_eq!(leases.due(again), [Due::Renew(1, VISIBILITY)]);
    }

    #[test]
    fn a_lease_whose_renewals_all_fail_is_lost_at_its_deadline() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        let mut tries = 0;
        loop {
            let at = leases.next_at().unwrap();
            match leases.due(at)[..] {
                [Due::Renew(1, _)] => leases.renewal_failed(1, at),
                [Due::Lost(1)] => break assert_eq!(at, sent + VISIBILITY),
                ref other => panic!("{other:?}"),
            }
            tries += 1;
        }
        assert!((3..200).contains(&tries), "{tries}");
        assert_eq!(leases.next_at(), None);
    }

    #[test]
    fn a_renewal_that_never_answers_ends_in_a_lost_lease() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.due(sent + SECOND * 20);
        assert_eq!(leases.next_at(), Some(sent + VISIBILITY));
        assert_eq!(leases.due(sent + VISIBILITY), [Due::Lost(1)]);
        leases.renewed(1, sent + SECOND * 20, VISIBILITY);
        assert_eq!(leases.deadline(1), None, "a late answer does not bring it back");
    }

    #[test]
    fn no_renewal_passes_twelve_hours_from_the_receive() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        let mut last = sent;
        loop {
            let at = leases.next_at().unwrap();
            match leases.due(at)[..] {
                [Due::Renew(1, extension)] => {
                    assert!(at + extension <= sent + MAX_VISIBILITY);
                    leases.renewed(1, at, extension);
                    last = at;
                }
                [Due::Lost(1)] => break assert!(at <= sent + MAX_VISIBILITY && at >= last),
                ref other => panic!("{other:?}"),
            }
        }
        assert!(last > sent + MAX_VISIBILITY - VISIBILITY);
    }

    #[test]
    fn a_lease_of_twelve_hours_is_never_renewed() {
        let sent = Instant::now();
        let mut leases = Leases::new(MAX_VISIBILITY);
        leases.grant(1, sent);
        assert_eq!(leases.next_at(), Some(sent + MAX_VISIBILITY));
    }

    #[test]
    fn a_lease_being_settled_is_left_alone_until_its_deadline() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.settle(1);
        assert_eq!(leases.due(sent + SECOND * 29), []);
        assert_eq!(leases.due(sent + VISIBILITY), [Due::Lost(1)]);
    }

    #[test]
    fn a_renewal_that_was_under_way_when_settling_began_still_counts() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.due(sent + SECOND * 20);
        leases.settle(1);
        assert!(leases.is_renewing(1));
        leases.renewed(1, sent + SECOND * 20, VISIBILITY);
        assert_eq!(
            (leases.is_renewing(1), leases.next_at()),
            (false, Some(sent + SECOND * 50))
        );
    }

    #[test]
    fn leases_that_come_due_together_are_renewed_together() {
        let sent = Instant::now();
        let mut leases = granted(0..5, sent);
        (5..10).for_each(|id| leases.grant(id, sent + SECOND * 2));
        leases.grant(10, sent + SECOND * 10);
        assert_eq!(leases.due(sent + SECOND * 20).len(), 10);
    }

    #[test]
    fn a_message_received_again_starts_a_new_lease() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.grant(1, sent + SECOND * 25);
        assert_eq!(leases.deadline(1), Some(sent + SECOND * 55));
        assert_eq!((leases.len(), leases.next_at()), (1, Some(sent + SECOND * 45)));
    }

    #[test]
    fn a_handler_that_asks_for_more_gets_it_at_once_and_in_one_renewal() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.extend(1, sent + SECOND * 300, sent + SECOND);
        leases.extend(1, sent + SECOND * 200, sent + SECOND);
        assert_eq!(leases.next_at(), Some(sent + SECOND));
        assert_eq!(leases.due(sent + SECOND), [Due::Renew(1, SECOND * 299)]);
        leases.renewed(1, sent + SECOND, SECOND * 299);
        assert_eq!(leases.deadline(1), Some(sent + SECOND * 300));
        assert_eq!(leases.next_at(), Some(sent + SECOND * 290));
    }

    #[test]
    fn a_failed_renewal_is_tried_again_with_what_was_asked_for_and_never_with_less_than_there_is() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.extend(1, sent + SECOND * 300, sent);
        assert_eq!(leases.due(sent), [Due::Renew(1, SECOND * 300)]);
        leases.renewed(1, sent, SECOND * 300);
        leases.extend(1, sent + SECOND * 400, sent + SECOND);
        assert_eq!(leases.due(sent + SECOND), [Due::Renew(1, SECOND * 399)]);
        leases.renewal_failed(1, sent + SECOND);
        let again = leases.next_at().unwrap();
        assert_eq!(leases.due(again), [Due::Renew(1, sent + SECOND * 400 - again)]);
        leases.renewed(1, again, sent + SECOND * 400 - again);
        assert_eq!(leases.next_at(), Some(sent + SECOND * 390));
    }

    #[test]
    fn the_timeline_always_begins_with_the_lease_that_needs_something_first() {
        let (start, mut rng) = (Instant::now(), StdRng::seed_from_u64(1));
        let (mut leases, mut now) = (granted([], start), start);
        for id in 0..5_000 {
            now += Duration::from_millis(rng.random_range(0..400));
            leases.grant(id, now - Duration::from_millis(rng.random_range(0..2_000)));
            // Few live long.
            let other = id - rng.random_range(0..60).min(id);
            match rng.random_range(0..12) {
                0 => leases.extend(other, now + SECOND * rng.random_range(30..90), now),
                1 => leases.grant(other, now),
                2 => leases.settle(other),
                3 => {}
                _ => leases.end(other),
            }
            for due in leases.due(now) {
                match due {
                    Due::Renew(id, extension) if rng.random() => leases.renewed(id, now, extension),
                    Due::Renew(id, _) => leases.renewal_failed(id, now),
                    Due::Lost(id) => assert_eq!(leases.deadline(id), None),
                }
            }
            assert_eq!(
                leases.next_at(),
                leases.held.values().map(|lease| lease.next).min()
            );
            assert!(leases.next_at().is_none_or(|next| next > now));
            assert!(leases.granted.len() <= 2 * leases.len() + 101);
        }
        assert!(leases.len() > 50, "{}", leases.len());
        (0..5_000).for_each(|id| leases.end(id));
        assert!(leases.granted.is_empty() && leases.moved.is_empty());
    }

    #[test]
    fn asking_for_less_than_there_is_changes_nothing() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.extend(1, sent + SECOND * 30, sent);
        assert_eq!(leases.next_at(), Some(sent + SECOND * 20));
    }

    #[test]
    fn asking_for_more_than_twelve_hours_gets_what_is_left_of_them() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.extend(1, sent + MAX_VISIBILITY * 2, sent + SECOND);
        assert_eq!(
            leases.due(sent + SECOND),
            [Due::Renew(1, MAX_VISIBILITY - SECOND)]
        );
    }

    #[test]
    fn asking_for_more_at_the_end_of_the_twelve_hours_changes_nothing() {
        let sent = Instant::now();
        let mut leases = Leases::new(MAX_VISIBILITY);
        leases.grant(1, sent);
        leases.extend(1, sent + MAX_VISIBILITY * 2, sent + SECOND);
        assert_eq!(leases.next_at(), Some(sent + MAX_VISIBILITY));
    }

    #[test]
    fn what_is_asked_for_during_a_renewal_is_asked_of_the_next() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.due(sent + SECOND * 20);
        leases.extend(1, sent + SECOND * 120, sent + SECOND * 20);
        leases.renewed(1, sent + SECOND * 20, VISIBILITY);
        assert_eq!(leases.due(sent + SECOND * 21), [Due::Renew(1, SECOND * 99)]);
    }

    #[test]
    fn an_ended_lease_asks_for_nothing() {
        let sent = Instant::now();
        let mut leases = granted([1], sent);
        leases.end(1);
        assert_eq!((leases.next_at(), leases.due(sent + SECOND * 60)), (None, vec![]));
    }
}
