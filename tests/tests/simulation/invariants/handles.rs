//! A deletion is sent with the newest receipt handle that the worker has: an older one deletes nothing.

use std::collections::BTreeMap;

use super::{Found, index::Index};
use crate::history::{Actor, Answer, Asked, Msg, What};

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut newest: BTreeMap<(Actor, Msg), u32> = BTreeMap::new();
    for event in index.events() {
        match &event.what {
            What::Saw(_, Answer::Received(messages)) => {
                for delivered in messages {
                    let receive = newest.entry((event.actor, delivered.handle.message)).or_default();
                    *receive = delivered.handle.receive.max(*receive);
                }
            }
            What::Asked(_, Asked::Delete(handles)) => {
                for handle in handles {
                    let newest = newest
                        .get(&(event.actor, handle.message))
                        .copied()
                        .unwrap_or_default();
                    if handle.receive < newest {
                        let what = format!("{} deletes by {handle:?}, and has #{newest}", event.actor);
                        found.add(event.at, what);
                    }
                }
            }
            _ => {}
        }
    }
}
