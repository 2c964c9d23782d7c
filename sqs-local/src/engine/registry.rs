//! Which queues there are, by account, region and name.

use std::collections::{BTreeMap, HashMap};

use super::queue::Queue;
use super::{Millis, QueueNumber, parse_arn};
use crate::api::Caller;
use crate::error::Error;

/// The queues of one account in one region.
#[derive(Debug)]
struct Space {
    account: Box<str>,
    region: Box<str>,
    names: BTreeMap<Box<str>, QueueNumber>,
    deleted: BTreeMap<Box<str>, Millis>,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    spaces: Vec<Space>,
    queues: HashMap<QueueNumber, Queue>,
    numbers: QueueNumber,
}

impl Registry {
    /// The number of the queue that a URL names.
    pub(crate) fn resolve(&self, caller: &Caller, url: Option<&str>) -> Result<QueueNumber, Error> {
        let url = url
            .filter(|url| !url.is_empty())
            .ok_or_else(|| Error::missing("QueueUrl"))?;
        let (region, account, name) = parse_url(url).ok_or_else(Error::no_queue)?;
        self.find(
            account.unwrap_or(&caller.account),
            region.unwrap_or(&caller.region),
            name,
        )
        .ok_or_else(Error::no_queue)
    }

    /// The number of the queue that an ARN names.
    pub(crate) fn resolve_arn(&self, arn: &str) -> Option<QueueNumber> {
        let (account, region, name) = parse_arn(arn)?;
        self.find(account, region, name)
    }

    pub(crate) fn find(&self, account: &str, region: &str, name: &str) -> Option<QueueNumber> {
        self.space(account, region)?.names.get(name).copied()
    }

    pub(crate) fn get(&self, number: QueueNumber) -> Option<&Queue> {
        self.queues.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: QueueNumber) -> Option<&mut Queue> {
        self.queues.get_mut(&number)
    }

    /// The queues of an account in a region whose names come after `after`, by name.
    pub(crate) fn list<'a>(
        &'a self,
        account: &str,
        region: &str,
        prefix: &'a str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'a Queue> + 'a {
        use std::ops::Bound;
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.to_owned()),
            _ => Bound::Included(prefix.to_owned()),
        };
        self.space(account, region)
            .into_iter()
            .flat_map(move |space| {
                let from = match &from {
                    Bound::Excluded(name) => Bound::Excluded(name.as_str()),
                    Bound::Included(name) => Bound::Included(name.as_str()),
                    Bound::Unbounded => Bound::Unbounded,
                };
                space.names.range::<str, _>((from, Bound::Unbounded))
            })
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter_map(|(_, number)| self.queues.get(number))
    }

    /// All queues, by the order of their creation.
    pub(crate) fn all(&self) -> Vec<&Queue> {
        let mut queues: Vec<_> = self.queues.values().collect();
        queues.sort_unstable_by_key(|queue| queue.number);
        queues
    }

    /// A number for a new queue.
    pub(crate) fn new_number(&mut self) -> QueueNumber {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn insert(&mut self, queue: Queue) {
        let space = self.space_mut(&queue.account, &queue.region);
        space.deleted.remove(&*queue.name);
        space.names.insert((&*queue.name).into(), queue.number);
        self.queues.insert(queue.number, queue);
    }

    /// Adds a queue that has its number already.
    #[cfg(feature = "server")]
    pub(crate) fn restore(&mut self, queue: Queue) {
        self.numbers = self.numbers.max(queue.number);
        self.insert(queue);
    }

    pub(crate) fn remove(&mut self, number: QueueNumber, now: Millis) -> Option<Queue> {
        let queue = self.queues.remove(&number)?;
        let space = self.space_mut(&queue.account, &queue.region);
        space.names.remove(&*queue.name);
        space.deleted.retain(|_, deleted| *deleted + 60_000 > now);
        space.deleted.insert((&*queue.name).into(), now);
        Some(queue)
    }

    /// When a queue of this name was deleted, if it was lately.
    pub(crate) fn deleted(&self, account: &str, region: &str, name: &str) -> Option<Millis> {
        self.space(account, region)?.deleted.get(name).copied()
    }

    fn space(&self, account: &str, region: &str) -> Option<&Space> {
        self.spaces
            .iter()
            .find(|space| &*space.account == account && &*space.region == region)
    }

    fn space_mut(&mut self, account: &str, region: &str) -> &mut Space {
        let found = self
            .spaces
            .iter()
            .position(|space| &*space.account == account && &*space.region == region);
        let index = found.unwrap_or_else(|| {
            self.spaces.push(Space {
                account: account.into(),
                region: region.into(),
                names: BTreeMap::new(),
                deleted: BTreeMap::new(),
            });
            self.spaces.len() - 1
        });
        &mut self.spaces[index]
    }
}

/// The region and the account, if they are there, and the name in a queue URL: `/account/name`, or
/// `/queue/region/account/name` where the host does not tell the region.
fn parse_url(url: &str) -> Option<(Option<&str>, Option<&str>, &str)> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url,
    };
    let mut segments = path.trim_matches('/').rsplit('/');
    let name = segments.next().filter(|name| !name.is_empty())?;
    let (account, region) = (segments.next(), segments.next());
    Some((region.filter(|_| segments.next() == Some("queue")), account, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_url_names_the_account_and_the_queue() {
        let url = |url| parse_url(url);
        let orders = |region, account| Some((region, account, "orders"));
        assert_eq!(
            url("http://localhost:9324/000000000000/orders"),
            orders(None, Some("000000000000"))
        );
        assert_eq!(
            url("http://localhost:9324/queue/eu-west-1/1/orders"),
            orders(Some("eu-west-1"), Some("1"))
        );
        assert_eq!(
            url("http://localhost:9324/some/proxy/1/orders"),
            orders(None, Some("1"))
        );
        assert_eq!(url("/1/orders"), orders(None, Some("1")));
        assert_eq!(url("orders"), orders(None, None));
        assert_eq!(url("http://localhost:9324/"), None);
        assert_eq!(url("http://localhost:9324"), None);
    }
}
