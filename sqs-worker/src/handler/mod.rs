//! From a delivery to an outcome: handlers, what they take, what they return, and how messages find them.
//!
//! ```text
//! Delivery -> Router -> decode -> extract -> the function -> Outcome | HandlerError
//! ```
//!
//! | item | one sentence |
//! |---|---|
//! | [`Delivery`] | one received message |
//! | [`Handler`] | an async function over a payload |
//! | [`FromDelivery`] | what such a function may take beside the payload |
//! | [`IntoOutcome`] | what it may return |
//! | [`Outcome`], [`HandlerError`] | what becomes of the message |
//! | [`HandlerDef`], [`HandlerSpec`] | a handler with its settings: what `#[handler]` makes |
//! | [`Router`] | finds the handler by the message's wire name |

mod batch;
mod def;
mod delivery;
mod error;
mod extensions;
mod extract;
mod fake;
mod function;
mod into_outcome;
mod lease;
mod outcome;
mod reply;
mod result_ext;
mod router;
mod service;
mod spec;

pub(crate) use self::service::{boxed_as, timed};
pub(crate) use self::{
    batch::BatchPanicked,
    lease::{LeaseState, Wish},
};
pub use self::{
    batch::{BatchRejection, BoxBatchHandler, FromBatch, IntoBatchOutcome},
    def::{HandlerDef, HandlerEntry, HandlerGroup},
    delivery::Delivery,
    error::{BoxError, Disposition, HandlerError, IntoHandlerError},
    extensions::Extensions,
    extract::{
        Attempt, CorrelationId, Deadline, DeduplicationId, Extension, FirstReceivedAt, FromDelivery, FromRef,
        Group, Header, HeaderRejection, MessageId, MissingExtension, MissingMetadata, NamedAttribute,
        OptionalFromDelivery, QueueName, Raw, ReceiveCount, SentAt, SentAttributes, State,
    },
    fake::FakeDelivery,
    function::Handler,
    into_outcome::IntoOutcome,
    lease::{Lease, LeaseLost},
    outcome::Outcome,
    reply::{Reply, ReplyMessage},
    result_ext::{Classify, ResultExt},
    router::{Place, Router, RouterError, Unroutable},
    service::{BoxHandler, DEFAULT_TIMEOUT, TimedOut, boxed},
    spec::{BatchSpec, HandlerSpec, IdempotencySpec, RetrySpec},
};
