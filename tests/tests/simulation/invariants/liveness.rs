//! When nothing goes wrong any more and every handler succeeds, whatever is left comes to an end: nobody waits for
//! ever for something that was forgotten.

use super::{Found, index::Index};
use crate::history::What;

pub(super) fn check(index: &Index<'_>, found: &mut Found) {
    for event in index.events() {
        if let What::Stuck(left) = &event.what {
            found.add(
                event.at,
                format!("{left:?} are still in their queues, long after"),
            );
        }
    }
}
