//! What stands beside the function.
//!
//! All paths are absolute, so that a user's own `Result`, `Ok` or `Option`, or no prelude at all, changes nothing.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Ident, Type, Visibility};

use super::{settings::Settings, signature::Signature, spec};
use crate::spans::{at, bound, ours, under};

/// A handler ready to be written down.
pub(super) struct Emitted {
    /// What has to hold for its types, each bound under the type it is about.
    pub(super) bounds: Vec<TokenStream>,
    /// What has to hold beside them, as items.
    pub(super) checks: TokenStream,
    /// `HandlerSpec`.
    pub(super) spec: TokenStream,
    /// `BoxHandler`, from the bindings `__spec` and `__state`.
    pub(super) build: TokenStream,
    /// `Option<BoxBatchHandler>`, from the same.
    pub(super) build_batch: TokenStream,
}

/// The worker's state: the type that the attribute names, or a parameter for any.
pub(super) struct State {
    pub(super) generics: TokenStream,
    pub(super) ty: TokenStream,
    named: Option<Type>,
}

impl State {
    pub(super) fn of(named: Option<&Type>) -> Self {
        match named {
            Some(ty) => Self {
                generics: TokenStream::new(),
                ty: quote!(#ty),
                named: Some(ty.clone()),
            },
            None => {
                let parameter = ours("State");
                Self {
                    generics: quote!(<#parameter>),
                    ty: quote!(#parameter),
                    named: None,
                }
            }
        }
    }

    /// What every state has to be: shown at the type where the attribute names it, else at `span`.
    pub(super) fn bounds(&self, span: Span) -> TokenStream {
        let ty = &self.ty;
        let bounds = quote!(::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static);
        match &self.named {
            Some(named) => bound(named, &bounds),
            None => at(span, quote!(#ty: #bounds)),
        }
    }
}

impl Emitted {
    /// `service` is the type of `&self` for a method.
    pub(super) fn new(
        name: &Ident,
        service: Option<&Type>,
        signature: &Signature,
        settings: &Settings,
        state: &State,
    ) -> Self {
        let krate = settings.krate();
        let payload = &signature.payload;
        let call = Call::new(name, service, signature, &krate);
        let (types, binding, body) = (&call.types, &call.binding, &call.body);
        let (spec, given, messages) = (ours("spec"), ours("state"), ours("messages"));
        let (build, build_batch) = if settings.batch.is_some() {
            let batch = quote! {
                #krate::__private::build_batch(
                    #spec,
                    #given,
                    |#messages: #krate::__private::Vec<#payload>, #binding: #types| #body,
                )
            };
            let build = quote!(#krate::__private::batch_of_one(#batch));
            (build, quote!(::core::option::Option::Some(#batch)))
        } else {
            let build = quote! {
                #krate::__private::build(#spec, #given, |#messages: #payload, #binding: #types| #body)
            };
            let none = quote!({
                let _ = (#spec, #given);
                ::core::option::Option::None
            });
            (build, none)
        };
        Self {
            bounds: bounds(service, signature, settings, &state.ty),
            checks: reply_check(name, signature, settings),
            spec: spec::spec(name, signature, settings),
            build: at(name.span(), build),
            build_batch: at(name.span(), build_batch),
        }
    }
}

/// The call of the function, from the messages and a tuple of what was extracted.
struct Call {
    types: TokenStream,
    binding: TokenStream,
    body: TokenStream,
}

impl Call {
    fn new(name: &Ident, service: Option<&Type>, signature: &Signature, krate: &TokenStream) -> Self {
        let extractors = &signature.extractors;
        let names: Vec<Ident> = (0..extractors.len())
            .map(|index| ours(&format!("extracted_{index}")))
            .collect();
        let (messages, this) = (ours("messages"), ours("this"));
        match service {
            None => Self {
                types: quote!((#(#extractors,)*)),
                binding: quote!((#(#names,)*)),
                body: quote!(#name(#messages, #(#names),*)),
            },
            Some(service) => Self {
                types: quote!((#krate::handler::State<#service>, #(#extractors,)*)),
                binding: quote!((#krate::handler::State(#this), #(#names,)*)),
                body: quote!(async move { #this.#name(#messages, #(#names),*).await }),
            },
        }
    }
}

/// A bound that names no type parameter is checked where it stands, once, and taken for granted in the body: so each
/// error appears once and under its own type.
fn bounds(
    service: Option<&Type>,
    signature: &Signature,
    settings: &Settings,
    state: &TokenStream,
) -> Vec<TokenStream> {
    let krate = settings.krate();
    let payload = &signature.payload;
    let is_batch = settings.batch.is_some();
    let mut bounds = vec![bound(payload, &quote!(#krate::message::Message))];
    if let Some(service) = service {
        bounds.push(bound(service, &quote!(#krate::handler::FromRef<#state>)));
        bounds.push(bound(service, &quote!(::core::marker::Send)));
    }
    let extractor = if is_batch {
        quote!(FromBatch)
    } else {
        quote!(FromDelivery)
    };
    for ty in &signature.extractors {
        bounds.push(bound(ty, &quote!(#krate::handler::#extractor<#state>)));
    }
    if let Some(output) = &signature.output {
        let outcome = if is_batch {
            quote!(#krate::handler::IntoBatchOutcome)
        } else {
            quote!(#krate::handler::IntoOutcome<#payload>)
        };
        bounds.push(bound(output, &outcome));
    }
    if let Some(idempotent) = settings
        .idempotent
        .as_ref()
        .filter(|idempotent| idempotent.key.is_none())
    {
        let keyed = quote!(#payload: #krate::message::Keyed);
        bounds.push(at(idempotent.span, keyed));
    }
    bounds
}

/// A request is answered, unless the attribute says that it is not.
fn reply_check(name: &Ident, signature: &Signature, settings: &Settings) -> TokenStream {
    let Some(output) = signature.output.as_ref().filter(|_| !settings.no_reply) else {
        return TokenStream::new();
    };
    let (krate, payload) = (settings.krate(), &signature.payload);
    let (name, payload_text) = (name.to_string(), payload.to_token_stream().to_string());
    let text = format!(
        "`{payload_text}` is a request, and `{name}` does not answer it: return its `Reply<..>`, or a `Result` of that; \
         a handler that only looks on says `no_reply`"
    );
    let check = quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::Otherwise as _;
            ::core::assert!(
                !#krate::__private::Probe::<#payload>::IS_REQUEST || #krate::__private::Probe::<#output>::REPLIES,
                #text
            );
        };
    };
    under(output, check)
}

/// The mount token: a braced struct, which is in the namespace of types only, so that the function keeps its name
/// among the values.
pub(super) fn token(vis: &Visibility, name: &Ident, attributes: &[Attribute]) -> TokenStream {
    let cfgs = cfgs(attributes);
    let doc = format!(" Mounts the handler `{name}`: `.handler::<{name}>()`.");
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(non_camel_case_types, missing_debug_implementations)]
        #vis struct #name {}
    }
}

/// The conditions under which the function is there at all.
pub(super) fn cfgs(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}
