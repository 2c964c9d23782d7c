//! `#[handler]` and `#[handlers]`: the functions untouched, something to mount them by, and their settings.

mod emit;
mod free;
mod group;
mod settings;
mod signature;
mod spec;

pub(crate) use self::{free::expand, group::expand as expand_group};
