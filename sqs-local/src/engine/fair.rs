//! Which message of a standard queue is next: the oldest, but quiet tenants before noisy ones.
//!
//! Messages with a group id belong to a tenant; messages without one are each their own. A tenant is noisy while it
//! has at least 30 messages in flight and these are more than a tenth of all in flight. Its messages wait until no
//! quiet tenant has any.
//!
//! Source: SQS Developer Guide, "Amazon SQS fair queues", "how it works in detail". AWS's second criterion (more than
//! a tenth of recent processing time) is not reproduced.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::slab::Slab;

/// Messages ready to be received, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Fair {
    /// Messages without a tenant: serial to place.
    plain: BTreeMap<u64, u32>,
    tenants: Slab<Tenant>,
    by_name: HashMap<Arc<str>, u32>,
    /// Tenants with ready messages by the serial of the first. Which of the two is decided when a message is taken.
    quiet: BTreeSet<(u64, u32)>,
    noisy: BTreeSet<(u64, u32)>,
    ready: usize,
}

#[derive(Debug)]
struct Tenant {
    name: Arc<str>,
    ready: BTreeMap<u64, u32>,
    in_flight: usize,
    alive: usize,
}

impl Tenant {
    fn is_noisy(&self, in_flight: usize) -> bool {
        self.in_flight >= 30 && self.in_flight * 10 > in_flight
    }
}

impl Fair {
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// A message was added to the queue, ready or not; returns its tenant.
    pub(crate) fn enter(&mut self, name: &Arc<str>) -> u32 {
        let tenant = *self.by_name.entry(Arc::clone(name)).or_insert_with(|| {
            self.tenants.insert(Tenant {
                name: Arc::clone(name),
                ready: BTreeMap::new(),
                in_flight: 0,
                alive: 0,
            })
        });
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.alive += 1;
        }
        tenant
    }

    /// A message that is not ready left the queue.
    pub(crate) fn leave(&mut self, tenant: u32) {
        let Some(found) = self.tenants.get_mut(tenant) else {
            return;
        };
        found.alive -= 1;
        if found.alive == 0
            && let Some(gone) = self.tenants.remove(tenant)
        {
            self.by_name.remove(&gone.name);
        }
    }

    pub(crate) fn add(&mut self, tenant: Option<u32>, serial: u64, place: u32) {
        self.ready += 1;
        let Some((tenant, found)) = tenant.and_then(|tenant| Some((tenant, self.tenants.get_mut(tenant)?)))
        else {
            self.plain.insert(serial, place);
            return;
        };
        let first = found.ready.first_key_value().map(|(serial, _)| *serial);
        found.ready.insert(serial, place);
        match first {
            Some(first) if first < serial => {}
            Some(first) => {
                let side = if self.noisy.remove(&(first, tenant)) {
                    &mut self.noisy
                } else {
                    &mut self.quiet
                };
                side.remove(&(first, tenant));
                side.insert((serial, tenant));
            }
            None => {
                self.quiet.insert((serial, tenant));
            }
        }
    }

    /// Takes a certain message that is ready.
    pub(crate) fn remove(&mut self, tenant: Option<u32>, serial: u64) {
        let Some((tenant, found)) = tenant.and_then(|tenant| Some((tenant, self.tenants.get_mut(tenant)?)))
        else {
            self.ready -= usize::from(self.plain.remove(&serial).is_some());
            return;
        };
        let first = found.ready.first_key_value().map(|(serial, _)| *serial);
        self.ready -= usize::from(found.ready.remove(&serial).is_some());
        if first == Some(serial) {
            let next = found.ready.first_key_value().map(|(serial, _)| *serial);
            let side = if self.noisy.remove(&(serial, tenant)) {
                &mut self.noisy
            } else {
                &mut self.quiet
            };
            side.remove(&(serial, tenant));
            side.extend(next.map(|next| (next, tenant)));
        }
    }

    /// The place of the next message, if there is one; it stays until [`remove`](Self::remove)d.
    pub(crate) fn next(&mut self, in_flight: usize) -> Option<u32> {
        self.sort_out(in_flight);
        let plain = self
            .plain
            .first_key_value()
            .map(|(serial, place)| (*serial, *place));
        let quiet = self.quiet.first().copied();
        match (plain, quiet) {
            (Some((serial, place)), Some((other, _))) if serial < other => Some(place),
            (_, Some((_, tenant))) => self.first_of(tenant),
            (Some((_, place)), None) => Some(place),
            (None, None) => self.noisy.first().and_then(|(_, tenant)| self.first_of(*tenant)),
        }
    }

    fn first_of(&self, tenant: u32) -> Option<u32> {
        self.tenants
            .get(tenant)?
            .ready
            .first_key_value()
            .map(|(_, place)| *place)
    }

    /// Puts tenants on the side where they belong now. At most nine can be noisy at a time, so this is a short walk.
    fn sort_out(&mut self, in_flight: usize) {
        let noisy =
            |tenants: &Slab<Tenant>, tenant: u32| tenants.get(tenant).is_some_and(|t| t.is_noisy(in_flight));
        if !self.noisy.is_empty() {
            let calm: Vec<_> = self
                .noisy
                .iter()
                .filter(|(_, tenant)| !noisy(&self.tenants, *tenant))
                .copied()
                .collect();
            for entry in calm {
                self.noisy.remove(&entry);
                self.quiet.insert(entry);
            }
        }
        while let Some(&entry) = self
            .quiet
            .first()
            .filter(|(_, tenant)| noisy(&self.tenants, *tenant))
        {
            self.quiet.remove(&entry);
            self.noisy.insert(entry);
        }
    }

    pub(crate) fn took_off(&mut self, tenant: Option<u32>) {
        if let Some(tenant) = tenant.and_then(|tenant| self.tenants.get_mut(tenant)) {
            tenant.in_flight += 1;
        }
    }

    pub(crate) fn landed(&mut self, tenant: Option<u32>) {
        if let Some(tenant) = tenant.and_then(|tenant| self.tenants.get_mut(tenant)) {
            tenant.in_flight = tenant.in_flight.saturating_sub(1);
        }
    }
}
