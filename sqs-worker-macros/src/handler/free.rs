//! `#[handler]` on a function by itself.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, ItemFn};

use super::{
    emit::{self, Emitted, State},
    settings::Settings,
    signature::{self, Place, Signature},
};
use crate::{attr::Errors, spans::ours};

/// The function always comes back as it was written, also beside an error: whoever types in it keeps completion
/// and type checks.
pub(crate) fn expand(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let settings = Settings::parse(attribute, &mut errors);
    let rest = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => beside(&function, &settings, &mut errors),
        Ok(Item::Impl(block)) => {
            let text = "an `impl` block is marked `#[handlers]`, and the methods in it that are handlers `#[handler]`";
            errors.push(block.impl_token.span, text);
            TokenStream::new()
        }
        Ok(other) => {
            let text = "`#[handler]` marks an async function: `#[handler(queue = \"orders\")] async fn charge(order: \
                        OrderPlaced)`";
            errors.push(signature::keyword(&other), text);
            TokenStream::new()
        }
        Err(error) => {
            errors.add(error);
            TokenStream::new()
        }
    };
    let errors = errors.into_tokens();
    quote!(#item #rest #errors)
}

fn beside(function: &ItemFn, settings: &Settings, errors: &mut Errors) -> TokenStream {
    match Signature::check(&function.sig, Place::Free, settings, errors) {
        Some(signature) => handler(function, &signature, settings),
        // Nothing but items of an `impl` may stand beside a method.
        None if function.sig.receiver().is_some() => TokenStream::new(),
        None => placeholder(function, settings),
    }
}

/// The mount token, its settings and its service.
fn handler(function: &ItemFn, signature: &Signature, settings: &Settings) -> TokenStream {
    let krate = settings.krate();
    let name = &function.sig.ident;
    let token = emit::token(&function.vis, name, &function.attrs);
    let cfgs = emit::cfgs(&function.attrs);
    let state = State::of(settings.state.as_ref());
    let Emitted {
        bounds,
        checks,
        spec,
        build,
        build_batch,
    } = Emitted::new(name, None, signature, settings, &state);
    let state_bounds = state.bounds(name.span());
    let (generics, state) = (&state.generics, &state.ty);
    let (the_spec, the_state) = (ours("spec"), ours("state"));
    quote! {
        #token
        #(#cfgs)*
        #[doc(hidden)]
        const _: () = {
            #checks

            #[automatically_derived]
            impl #generics #krate::handler::HandlerDef<#state> for #name
            where
                #state_bounds,
                #(#bounds,)*
            {
                const SPEC: #krate::handler::HandlerSpec = #spec;

                fn build(#the_state: #state) -> #krate::handler::BoxHandler {
                    let #the_spec = &<Self as #krate::handler::HandlerDef<#state>>::SPEC;
                    #build
                }

                fn build_batch(#the_state: #state) -> ::core::option::Option<#krate::handler::BoxBatchHandler> {
                    let #the_spec = &<Self as #krate::handler::HandlerDef<#state>>::SPEC;
                    #build_batch
                }
            }
        };
    }
}

/// A token that can be named but never runs, so that a wrong signature is one error and not one more at each mount.
fn placeholder(function: &ItemFn, settings: &Settings) -> TokenStream {
    let krate = settings.krate();
    let name = &function.sig.ident;
    let token = emit::token(&function.vis, name, &function.attrs);
    let cfgs = emit::cfgs(&function.attrs);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands before the first thing that is not the user's.
    fn expanded(attribute: &str, item: &str) -> (String, String) {
        let item: TokenStream = item.parse().unwrap();
        let expanded = expand(attribute.parse().unwrap(), &item).to_string();
        let own = item.to_string();
        let rest = expanded
            .strip_prefix(&own)
            .expect("the function comes first, as it was written");
        (own, rest.to_owned())
    }

    const FUNCTION: &str =
        "/// Charges. \n pub async fn charge(order: OrderPlaced) -> Outcome { let x = ; Outcome::ack() }";

    #[test]
    fn the_function_comes_back_untouched_beside_a_wrong_attribute() {
        let function = FUNCTION.replace("let x = ;", "");
        for attribute in [
            "quue = \"orders\"",
            "queue",
            "queue = \"orders\" concurrency = 4",
            ", ,",
            "visibility = \"13h\"",
        ] {
            let (_, rest) = expanded(attribute, &function);
            assert!(rest.contains("compile_error"), "{attribute}");
            assert!(
                rest.contains("pub struct charge"),
                "it can still be mounted: {attribute}"
            );
        }
    }

    #[test]
    fn a_function_that_cannot_be_parsed_comes_back_too() {
        let (_, rest) = expanded("queue = \"orders\"", FUNCTION);
        assert!(rest.contains("compile_error"));
    }

    #[test]
    fn a_right_attribute_adds_no_error() {
        let (_, rest) = expanded("queue = \"orders\"", &FUNCTION.replace("let x = ;", ""));
        assert!(!rest.contains("compile_error"), "{rest}");
    }
}
