//! What the macros' expansions need. No part of the API: it changes without notice.

mod batch;
mod handler;
mod message;
mod names;
mod reply;

pub use std::{string::String, vec::Vec};

pub(crate) use self::batch::panic_text;
pub use self::{
    batch::{batch_of_one, build_batch},
    handler::{build, key_by, key_of},
    message::{FieldText, encode, no_variant, text, upcast},
    names::{are_disjoint, count_names, join_names},
    reply::{Otherwise, Probe},
};
