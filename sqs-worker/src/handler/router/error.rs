//! Where handlers are mounted, and what can be wrong with that.

use std::{fmt, panic::Location};

/// Where a handler comes from: its name, and the file and line of its `#[handler]` or its `.route(..)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The handler's name.
    pub handler: &'static str,
    /// The source file, empty when unknown.
    pub file: &'static str,
    /// The line in the file, 0 when unknown.
    pub line: u32,
}

impl Place {
    /// The caller of the function that is marked `#[track_caller]`.
    #[track_caller]
    pub(super) fn caller(handler: &'static str) -> Self {
        let caller = Location::caller();
        Self {
            handler,
            file: caller.file(),
            line: caller.line(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.file {
            "" => write!(f, "`{}`", self.handler),
            file => write!(f, "`{}` ({file}:{})", self.handler, self.line),
        }
    }
}

/// Handlers that cannot be told apart, found when the router is built and before any message comes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterError {
    /// Two handlers take the same wire name.
    #[error(
        "message `{name}` has two handlers: {first} and {second}; give one of the messages another name, or mount \
         them on workers of their own"
    )]
    Duplicate {
        /// The wire name.
        name: String,
        /// The handler that was mounted first.
        first: Place,
        /// The handler that was mounted second.
        second: Place,
    },
    /// There is no handler.
    #[error("the router has no handler; mount one with `.handler::<name>()` or `.route(function)`")]
    Empty,
    /// The handler for unnamed messages is not mounted.
    #[error(
        "messages without a name are to go to the handler of `{message}`, and none is mounted; see {place}"
    )]
    UnnamedNotMounted {
        /// The message whose handler was chosen.
        message: &'static str,
        /// Where it was chosen.
        place: Place,
    },
}
