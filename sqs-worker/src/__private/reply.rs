//! Whether a request is answered, found out of types that may be anything.
//!
//! An inherent constant goes before one of a trait: `Probe::<M>::IS_REQUEST` is `true` where `M` is a request, and
//! falls back to the trait's `false` where it is not, without an error.

use std::marker::PhantomData;

use crate::{handler::Reply, message::Request};

/// Asks about the type `T`.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<M: Request> Probe<M> {
    /// It is a request.
    pub const IS_REQUEST: bool = true;
}

impl<R> Probe<Reply<R>> {
    /// It is a reply.
    pub const REPLIES: bool = true;
}

impl<R, E> Probe<Result<Reply<R>, E>> {
    /// It is a reply.
    pub const REPLIES: bool = true;
}

/// The answers about every other type.
pub trait Otherwise {
    /// It is no request.
    const IS_REQUEST: bool = false;
    /// It is no reply.
    const REPLIES: bool = false;
}

impl<T> Otherwise for Probe<T> {}
