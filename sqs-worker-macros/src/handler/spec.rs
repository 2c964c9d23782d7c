//! The expression that makes a handler's `HandlerSpec`, in a constant.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type, ext::IdentExt, spanned::Spanned};

use super::{settings::Settings, signature::Signature};
use crate::{
    attr::duration_tokens,
    spans::{at, ours},
};

pub(super) fn spec(name: &Ident, signature: &Signature, settings: &Settings) -> TokenStream {
    let krate = settings.krate();
    let handler = quote!(#krate::handler);
    let payload = &signature.payload;
    let message = quote!(<#payload as #krate::message::Message>);
    let text = name.unraw().to_string();
    // `line!()` gives the line of the outermost expansion: that of the attribute.
    let mut spec = quote! {
        #handler::HandlerSpec::new(#text, #message::NAME)
            .at(::core::module_path!(), ::core::file!(), ::core::line!())
            .messages(#message::NAMES)
            .version(#message::VERSION)
    };
    if let Some(queue) = &settings.queue {
        spec.extend(quote!(.queue(#queue)));
    }
    if let Some(concurrency) = settings.concurrency.map(size) {
        spec.extend(quote!(.concurrency(#concurrency)));
    }
    if let Some(visibility) = settings.visibility.map(duration_tokens) {
        spec.extend(quote!(.visibility(#visibility)));
    }
    if let Some(timeout) = settings.timeout.map(duration_tokens) {
        spec.extend(quote!(.timeout(#timeout)));
    }
    if let Some(retry) = retry(settings, &handler) {
        spec.extend(quote!(.retry(#retry)));
    }
    if let Some(idempotency) = idempotency(settings, payload) {
        spec.extend(quote!(.idempotent(#idempotency)));
    }
    if let Some(queue) = &settings.dead_letter {
        spec.extend(quote!(.dead_letter(#queue)));
    }
    if let Some(batch) = batch(settings, &handler) {
        spec.extend(quote!(.batch(#batch)));
    } else if let Some(output) = &signature.output {
        spec.extend(quote!(.replies(<#output as #handler::IntoOutcome<#payload>>::REPLIES)));
    }
    spec
}

fn retry(settings: &Settings, handler: &TokenStream) -> Option<TokenStream> {
    let retry = settings.retry.as_ref()?;
    let mut spec = quote!(#handler::RetrySpec::new());
    if let Some(max) = retry.max {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        spec.extend(quote!(.max(#max)));
    }
    if let Some(base) = retry.base.map(duration_tokens) {
        spec.extend(quote!(.base(#base)));
    }
    if let Some(cap) = retry.cap.map(duration_tokens) {
        spec.extend(quote!(.cap(#cap)));
    }
    Some(spec)
}

fn idempotency(settings: &Settings, payload: &Type) -> Option<TokenStream> {
    let idempotent = settings.idempotent.as_ref()?;
    let krate = settings.krate();
    let key = match &idempotent.key {
        None => quote!(#krate::__private::key_of::<#payload>),
        Some(key) => {
            let (closure, delivery) = (key.span(), ours("delivery"));
            let call = at(closure, quote!(#krate::__private::key_by::<#payload, _>));
            quote!(|#delivery| #call(#delivery, #key))
        }
    };
    let mut spec = quote!(#krate::handler::IdempotencySpec::new(#key));
    if let Some(scope) = &idempotent.scope {
        spec.extend(quote!(.scope(#scope)));
    }
    if let Some(ttl) = idempotent.ttl.map(duration_tokens) {
        spec.extend(quote!(.ttl(#ttl)));
    }
    Some(spec)
}

fn batch(settings: &Settings, handler: &TokenStream) -> Option<TokenStream> {
    let batch = settings.batch.as_ref()?;
    let most = size(batch.size);
    let mut spec = quote!(#handler::BatchSpec::new(#most));
    if let Some(linger) = batch.linger.map(duration_tokens) {
        spec.extend(quote!(.linger(#linger)));
    }
    if let Some(bytes) = batch.bytes.map(size) {
        spec.extend(quote!(.bytes(#bytes)));
    }
    Some(spec)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
