//! The messages that may start and wait for a free handler, and which of them is next.

use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::lease::Id;

/// The messages of one queue that wait for a free handler.
///
/// The one of the highest rank is next, and of equals the one that came first. A message that has waited for the
/// patience given at the start goes before all others, so that a stream of important ones starves nobody. A tenant
/// that has as many handlers as it may is passed over.
#[derive(Debug)]
pub(crate) struct Ready {
    /// In the order in which they start. Most come at the end and leave at the front.
    waiting: VecDeque<Waiting>,
    patience: Duration,
    tenants: Tenants,
}

#[derive(Debug)]
struct Waiting {
    place: Place,
    since: Instant,
    tenant: Option<Arc<str>>,
}

/// Ids grow with time: the first came first.
type Place = (Reverse<i64>, Id);

/// How many handlers each tenant has, where there is a limit.
#[derive(Debug, Default)]
struct Tenants {
    limit: Option<usize>,
    counts: HashMap<Arc<str>, Count>,
}

#[derive(Debug, Default)]
struct Count {
    running: usize,
    waiting: usize,
}

impl Ready {
    /// `limit` is the most handlers at once that one tenant may have.
    pub(crate) fn new(patience: Duration, limit: Option<usize>) -> Self {
        Self {
            waiting: VecDeque::new(),
            patience,
            tenants: Tenants {
                limit,
                counts: HashMap::new(),
            },
        }
    }

    /// Whether a message of this tenant would only wait behind as many of its own as may run at once: there is no
    /// use in holding it.
    pub(crate) fn is_crowded(&self, tenant: &str) -> bool {
        let Some(limit) = self.tenants.limit else {
            return false;
        };
        self.tenants
            .counts
            .get(tenant)
            .is_some_and(|count| count.running >= limit && count.waiting >= limit)
    }

    /// A message waits from now on.
    pub(crate) fn push(&mut self, id: Id, rank: i64, tenant: Option<&Arc<str>>, now: Instant) {
        let tenant = tenant.filter(|_| self.tenants.limit.is_some()).cloned();
        if let Some(tenant) = &tenant {
            self.tenants.counts.entry(tenant.clone()).or_default().waiting += 1;
        }
        let place = (Reverse(rank), id);
        let index = match self.waiting.back() {
            Some(last) if place < last.place => self.index(place),
            _ => self.waiting.len(),
        };
        let since = now;
        self.waiting.insert(index, Waiting { place, since, tenant });
    }

    /// Where this one is, or would have to be.
    fn index(&self, place: Place) -> usize {
        self.waiting.partition_point(|waiting| waiting.place < place)
    }

    /// Takes the next that may start; its tenant has one handler more from now on, until [`ended`](Self::ended).
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Id> {
        let next = self.out_of_patience(now).or_else(|| {
            let mut waiting = self.waiting.iter();
            let next = waiting.find(|waiting| self.tenants.may_start(waiting))?;
            Some(next.place)
        })?;
        if let Some(tenant) = self.take(next)?.tenant {
            self.tenants.counts.entry(tenant).or_default().running += 1;
        }
        Some(next.1)
    }

    /// The one that has waited longest, if that is too long and others would overtake it.
    fn out_of_patience(&self, now: Instant) -> Option<Place> {
        let (highest, lowest) = (self.waiting.front()?, self.waiting.back()?);
        if highest.place.0 == lowest.place.0 {
            return None;
        }
        self.waiting
            .iter()
            .filter(|waiting| now.saturating_duration_since(waiting.since) >= self.patience)
            .filter(|waiting| self.tenants.may_start(waiting))
            .min_by_key(|waiting| (waiting.since, waiting.place.1))
            .map(|waiting| waiting.place)
    }

    /// A message of this rank leaves without having started, if it is here at all.
    pub(crate) fn remove(&mut self, id: Id, rank: i64) {
        if let Some(tenant) = self.take((Reverse(rank), id)).and_then(|waiting| waiting.tenant) {
            self.tenants.tidy(&tenant);
        }
    }

    /// A handler of this tenant has ended.
    pub(crate) fn ended(&mut self, tenant: &Arc<str>) {
        if let Some(count) = self.tenants.counts.get_mut(tenant) {
            count.running = count.running.saturating_sub(1);
            self.tenants.tidy(tenant);
        }
    }

    /// How many of them could start if there were handlers enough.
    pub(crate) fn startable(&self) -> usize {
        if self.tenants.limit.is_none() {
            return self.waiting.len();
        }
        let may_start = |waiting: &&Waiting| self.tenants.may_start(waiting);
        self.waiting.iter().filter(may_start).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn take(&mut self, place: Place) -> Option<Waiting> {
        let index = match self.waiting.front() {
            Some(first) if place <= first.place => 0,
            Some(_) => self.index(place),
            None => return None,
        };
        if self.waiting.get(index)?.place != place {
            return None;
        }
        let waiting = self.waiting.remove(index)?;
        if let Some(count) = waiting
            .tenant
            .as_ref()
            .and_then(|tenant| self.tenants.counts.get_mut(tenant))
        {
            count.waiting = count.waiting.saturating_sub(1);
        }
        Some(waiting)
    }
}

impl Tenants {
    fn may_start(&self, waiting: &Waiting) -> bool {
        let (Some(limit), Some(tenant)) = (self.limit, &waiting.tenant) else {
            return true;
        };
        self.counts.get(tenant).is_none_or(|count| count.running < limit)
    }

    /// Forgets a tenant that has nothing here.
    fn tidy(&mut self, tenant: &Arc<str>) {
        if self
            .counts
            .get(tenant)
            .is_some_and(|count| count.running == 0 && count.waiting == 0)
        {
            self.counts.remove(tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn drain(ready: &mut Ready, now: Instant) -> Vec<Id> {
        std::iter::from_fn(|| ready.pop(now)).collect()
    }

    #[test]
    fn the_highest_rank_is_next_and_of_equals_the_first() {
        let now = Instant::now();
        let mut ready = Ready::new(PATIENCE, None);
        for (id, rank) in [(1, 0), (2, 5), (3, -1), (4, 5)] {
            ready.push(id, rank, None, now);
        }
        assert_eq!(drain(&mut ready, now), [2, 4, 1, 3]);
    }

    #[test]
    fn whoever_has_waited_long_enough_goes_first() {
        let now = Instant::now();
        let mut ready = Ready::new(PATIENCE, None);
        ready.push(1, 0, None, now);
        ready.push(2, 9, None, now + PATIENCE / 2);
        assert_eq!(drain(&mut ready, now + PATIENCE), [1, 2]);
    }

    #[test]
    fn a_tenant_at_its_limit_is_passed_over_until_one_of_its_handlers_ends() {
        let now = Instant::now();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut ready = Ready::new(PATIENCE, Some(1));
        for (id, tenant) in [(1, &a), (2, &a), (3, &b)] {
            ready.push(id, 0, Some(tenant), now);
        }
        assert_eq!(ready.startable(), 3);
        assert_eq!(drain(&mut ready, now), [1, 3]);
        assert_eq!((ready.startable(), ready.len()), (0, 1));
        ready.ended(&a);
        assert_eq!(drain(&mut ready, now + PATIENCE * 2), [2]);
    }

    #[test]
    fn a_tenant_may_hold_as_many_waiting_as_may_run() {
        let now = Instant::now();
        let tenant: Arc<str> = "a".into();
        let mut ready = Ready::new(PATIENCE, Some(2));
        for id in 0..4 {
            assert!(!ready.is_crowded("a"));
            ready.push(id, 0, Some(&tenant), now);
            if id < 2 {
                ready.pop(now);
            }
        }
        assert!(ready.is_crowded("a") && !ready.is_crowded("b"));
        ready.remove(3, 0);
        assert!(!ready.is_crowded("a"));
    }

    #[test]
    fn a_tenant_that_has_nothing_here_is_forgotten() {
        let now = Instant::now();
        let tenant: Arc<str> = "a".into();
        let mut ready = Ready::new(PATIENCE, Some(2));
        ready.push(1, 0, Some(&tenant), now);
        ready.push(2, 0, Some(&tenant), now);
        ready.pop(now);
        ready.remove(2, 0);
        ready.ended(&tenant);
        assert!(ready.tenants.counts.is_empty() && ready.waiting.is_empty());
    }
}
