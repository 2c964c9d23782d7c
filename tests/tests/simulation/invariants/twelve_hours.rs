//! No visibility change asks for more than is left of the twelve hours that SQS grants from the receive.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, index::Index};
use crate::history::{Answer, Asked, Handle, What};

const LONGEST: Duration = Duration::from_secs(12 * 3_600);

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut received: BTreeMap<Handle, Duration> = BTreeMap::new();
    for event in index.events() {
        match &event.what {
            What::Did(_, Answer::Received(messages)) => {
                received.extend(messages.iter().map(|delivered| (delivered.handle, event.at)));
            }
            What::Asked(_, Asked::Hide(changes)) => {
                for (handle, time) in changes {
                    let Some(since) = received.get(handle) else {
                        continue;
                    };
                    if event.at + *time > *since + LONGEST {
                        let what =
                            format!("{} hides {handle:?} for {time:?}, past twelve hours", event.actor);
                        found.add(event.at, what);
                    }
                }
            }
            _ => {}
        }
    }
}
