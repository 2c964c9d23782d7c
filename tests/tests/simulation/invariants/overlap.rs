//! Two calls about one message are never under way at once: a renewal that overtakes a retry's delay would undo it.

use std::collections::BTreeMap;

use super::{Found, index::Index};
use crate::history::{Actor, Asked, Handle, What};

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    let mut under_way: BTreeMap<(Actor, Handle), usize> = BTreeMap::new();
    for event in index.events() {
        let actor = event.actor;
        match &event.what {
            What::Asked(number, asked) => {
                for handle in handles(asked) {
                    if under_way.insert((actor, handle), *number).is_some() {
                        found.add(
                            event.at,
                            format!("{actor} asks {number} about {handle:?}, which another call is about"),
                        );
                    }
                }
            }
            What::Saw(number, _) => {
                for handle in handles(index.requests[number].asked) {
                    if under_way.get(&(actor, handle)) == Some(number) {
                        under_way.remove(&(actor, handle));
                    }
                }
            }
            _ => {}
        }
    }
}

fn handles(asked: &Asked) -> Vec<Handle> {
    match asked {
        Asked::Delete(handles) => handles.clone(),
        Asked::Hide(changes) => changes.iter().map(|(handle, _)| *handle).collect(),
        _ => Vec::new(),
    }
}
