//! What a FIFO queue remembers for five minutes: deduplication ids and receive attempts.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use super::Millis;

/// Five minutes. Source: SQS API reference, `SendMessage`, `MessageDeduplicationId`.
pub(crate) const WINDOW: Millis = 5 * 60 * 1000;

/// Values that are forgotten five minutes after they were put in. Putting one in again starts its time anew.
#[derive(Debug)]
pub(crate) struct Window<K, V> {
    known: HashMap<K, (Millis, V)>,
    oldest: VecDeque<(Millis, K)>,
}

impl<K, V> Default for Window<K, V> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            oldest: VecDeque::new(),
        }
    }
}

impl<K: Eq + Hash + Clone, V> Window<K, V> {
    pub(crate) fn get(&mut self, key: &K, now: Millis) -> Option<&mut V> {
        self.forget(now);
        self.known.get_mut(key).map(|(_, value)| value)
    }

    pub(crate) fn put(&mut self, key: K, value: V, now: Millis) {
        self.forget(now);
        self.known.insert(key.clone(), (now, value));
        self.oldest.push_back((now, key));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.known.remove(key);
    }

    /// What is remembered, and since when.
    #[cfg(feature = "server")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, Millis, &V)> {
        self.known
            .iter()
            .map(|(key, (since, value))| (key, *since, value))
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.oldest.clear();
    }

    fn forget(&mut self, now: Millis) {
        while let Some((since, _)) = self.oldest.front()
            && since + WINDOW <= now
        {
            let Some((since, key)) = self.oldest.pop_front() else {
                return;
            };
            if self.known.get(&key).is_some_and(|(known, _)| *known == since) {
                self.known.remove(&key);
            }
        }
    }
}

/// A deduplication id, within its group if the queue's scope is the group.
pub(crate) type DedupKey = (Option<Arc<str>>, Arc<str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_after_five_minutes_and_not_before() {
        let mut window = Window::default();
        window.put("a", 1, 1000);
        assert_eq!(window.get(&"a", 1000 + WINDOW - 1), Some(&mut 1));
        assert_eq!(window.get(&"a", 1000 + WINDOW), None);
    }

    #[test]
    fn putting_it_in_again_starts_the_time_anew() {
        let mut window = Window::default();
        window.put("a", 1, 0);
        window.put("a", 2, 10);
        assert_eq!(window.get(&"a", WINDOW), Some(&mut 2));
        assert_eq!(window.get(&"a", WINDOW + 10), None);
    }
}
