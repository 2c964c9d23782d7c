//! What the macros accept, beside what they refuse (`tests/ui`): each module has attributes and names of its own.
#![cfg(feature = "macros")]

mod every_extractor;
mod every_return;
mod everywhere;
mod no_implicit_prelude;
mod renamed_crate;
mod shadowed_prelude;
