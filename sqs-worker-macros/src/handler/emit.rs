//! What stands beside the function.
//!
//! All paths are absolute, so that a user's own `Result`, `Ok` or `Option`, or no prelude at all, changes nothing.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Ident, ItemFn, Type, spanned::Spanned};

use super::{Settings, Signature};
use crate::attr::duration_tokens;

/// The mount token, its settings and its service.
pub(super) fn handler(function: &ItemFn, signature: &Signature, settings: &Settings) -> TokenStream {
    let krate = settings.krate();
    let name = &function.sig.ident;
    let payload = &signature.payload;
    let cfgs = cfgs(function);
    let token = token(function);
    let state = State::of(settings);
    let (generics, state) = (&state.generics, &state.ty);

    // A bound that names no type parameter is checked where it stands, once, and taken for granted in the body: so
    // each error appears once and under its own type.
    let mut bounds = vec![quote_spanned!(payload.span()=> #payload: #krate::message::Message)];
    for ty in &signature.extractors {
        bounds.push(quote_spanned!(ty.span()=> #ty: #krate::handler::FromDelivery<#state>));
    }
    if let Some(output) = &signature.output {
        bounds.push(quote_spanned!(output.span()=> #output: #krate::handler::IntoOutcome<#payload>));
    }
    if let Some(idempotent) = settings
        .idempotent
        .as_ref()
        .filter(|idempotent| idempotent.key.is_none())
    {
        bounds.push(quote_spanned!(idempotent.span=> #payload: #krate::message::Keyed));
    }
    let spec = spec(function, signature, settings);
    quote! {
        #token
        #(#cfgs)*
        #[doc(hidden)]
        const _: () = {
            #[automatically_derived]
            impl #generics #krate::handler::HandlerDef<#state> for #name
            where
                #state: ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static,
                #(#bounds,)*
            {
                const SPEC: #krate::handler::HandlerSpec = #spec;

                fn build(state: #state) -> #krate::handler::BoxHandler {
                    #krate::__private::build(&<Self as #krate::handler::HandlerDef<#state>>::SPEC, #name, state)
                }
            }
        };
    }
}

/// A token that can be named but never runs, so that a wrong signature is one error and not also one at each mount.
pub(super) fn placeholder(function: &ItemFn, settings: &Settings) -> TokenStream {
    let krate = settings.krate();
    let name = &function.sig.ident;
    let cfgs = cfgs(function);
    let token = token(function);
    let text = name.to_string();
    quote! {
        #token
        #(#cfgs)*
        #[doc(hidden)]
        const _: () = {
            #[automatically_derived]
            impl<__State> #krate::handler::HandlerDef<__State> for #name {
                const SPEC: #krate::handler::HandlerSpec = #krate::handler::HandlerSpec::new(#text, "");

                fn build(_: __State) -> #krate::handler::BoxHandler {
                    ::core::unreachable!()
                }
            }
        };
    }
}

/// The worker's state: the one that the attribute names, or any.
struct State {
    generics: TokenStream,
    ty: TokenStream,
}

impl State {
    fn of(settings: &Settings) -> Self {
        match &settings.state {
            Some(ty) => Self {
                generics: TokenStream::new(),
                ty: quote!(#ty),
            },
            None => {
                let parameter = format_ident!("__State", span = Span::mixed_site());
                Self {
                    generics: quote!(<#parameter>),
                    ty: quote!(#parameter),
                }
            }
        }
    }
}

/// A braced struct: it is in the namespace of types only, so the function keeps its name among the values.
fn token(function: &ItemFn) -> TokenStream {
    let (vis, name) = (&function.vis, &function.sig.ident);
    let cfgs = cfgs(function);
    let doc = format!(" Mounts the handler [`{name}()`]: `.handler::<{name}>()`.");
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(non_camel_case_types, missing_debug_implementations)]
        #vis struct #name {}
    }
}

fn cfgs(function: &ItemFn) -> Vec<&Attribute> {
    function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}

fn spec(function: &ItemFn, signature: &Signature, settings: &Settings) -> TokenStream {
    let krate = settings.krate();
    let handler = quote!(#krate::handler);
    let payload = &signature.payload;
    let message = quote!(<#payload as #krate::message::Message>);
    let name = bare(&function.sig.ident);
    let mut spec = quote! {
        #handler::HandlerSpec::new(#name, #message::NAME)
            .at(::core::module_path!(), ::core::file!(), ::core::line!())
            .messages(#message::NAMES)
            .version(#message::VERSION)
    };
    if let Some(queue) = &settings.queue {
        spec.extend(quote!(.queue(#queue)));
    }
    if let Some(concurrency) = settings.concurrency {
        let concurrency = usize::try_from(concurrency).unwrap_or(usize::MAX);
        spec.extend(quote!(.concurrency(#concurrency)));
    }
    if let Some(visibility) = settings.visibility {
        let visibility = duration_tokens(visibility);
        spec.extend(quote!(.visibility(#visibility)));
    }
    if let Some(timeout) = settings.timeout {
        let timeout = duration_tokens(timeout);
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
    }
    if let Some(output) = &signature.output {
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
            quote_spanned!(key.span()=> |delivery| #krate::__private::key_by::<#payload, _>(delivery, #key))
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
    let size = usize::try_from(batch.size).unwrap_or(usize::MAX);
    let mut spec = quote!(#handler::BatchSpec::new(#size));
    if let Some(linger) = batch.linger.map(duration_tokens) {
        spec.extend(quote!(.linger(#linger)));
    }
    if let Some(bytes) = batch.bytes {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        spec.extend(quote!(.bytes(#bytes)));
    }
    Some(spec)
}

/// The name without `r#`.
fn bare(name: &Ident) -> String {
    syn::ext::IdentExt::unraw(name).to_string()
}
