//! The macros of sqs-worker. Use them through that crate, which documents them where they are re-exported.

mod attr;
mod from_ref;
mod handler;
mod message;
mod spans;

use proc_macro::TokenStream;

/// Makes an async function a handler that can be mounted by its name.
#[proc_macro_attribute]
pub fn handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand(attribute.into(), &item.into()).into()
}

/// Makes the marked methods of an `impl` block handlers that can be mounted together, by the type's name.
#[proc_macro_attribute]
pub fn handlers(attribute: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand_group(attribute.into(), &item.into()).into()
}

/// Derives `Message`: the wire name of a payload, its version, its key and its group.
#[proc_macro_derive(Message, attributes(message))]
pub fn message(item: TokenStream) -> TokenStream {
    message::expand(item.into()).into()
}

/// Derives `FromRef` for each field of a state, so that handlers can ask for the field with `State<..>`.
#[proc_macro_derive(FromRef, attributes(from_ref))]
pub fn from_ref(item: TokenStream) -> TokenStream {
    from_ref::expand(item.into()).into()
}
