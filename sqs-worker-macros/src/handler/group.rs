//! `#[handlers]` on an `impl` block: each method marked `#[handler]` is one.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ImplItem, ImplItemFn, Item, ItemImpl, Meta, Path, Type, spanned::Spanned};

use super::{
    emit::{self, Emitted, State},
    settings::Settings,
    signature::{self, Place, Signature},
};
use crate::{
    attr::{Entries, Errors, Known, known},
    spans::ours,
};

const KEYS: &[Known] = &[
    known("state", "state = App"),
    known("crate", "crate = my_crate::sqs_worker"),
];

/// What the attribute on the block says.
struct Block {
    state: Option<Type>,
    krate: Option<Path>,
}

/// The methods come back as they were written, without their `#[handler]`.
pub(crate) fn expand(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut keys = Entries::parse(attribute, KEYS, &mut errors);
    let block = Block {
        state: keys.ty("state", &mut errors),
        krate: keys.path("crate", &mut errors),
    };
    let (item, rest) = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(mut item)) => {
            let rest = group(&mut item, &block, &mut errors);
            (quote!(#item), rest)
        }
        Ok(other) => {
            errors.push(
                signature::keyword(&other),
                "`#[handlers]` marks an `impl` block: `#[handlers] impl Orders { .. }`",
            );
            (item.clone(), TokenStream::new())
        }
        Err(error) => {
            errors.add(error);
            (item.clone(), TokenStream::new())
        }
    };
    let errors = errors.into_tokens();
    quote!(#item #rest #errors)
}

fn group(item: &mut ItemImpl, block: &Block, errors: &mut Errors) -> TokenStream {
    if let Some((path, _)) = &item.trait_ {
        errors.push(
            path.span(),
            "`#[handlers]` marks the `impl` block of a type itself, not of a trait for it",
        );
    }
    if !item.generics.params.is_empty() {
        let text = "a service of handlers cannot be generic: its messages' wire names stand for fixed types";
        errors.push(item.generics.span(), text);
    }
    let is_fit = errors.is_empty();
    let service = (*item.self_ty).clone();
    let state = State::of(block.state.as_ref());
    let krate = block
        .krate
        .as_ref()
        .map_or_else(|| quote!(::sqs_worker), |path| quote!(#path));
    let (mut bounds, mut checks, mut entries, mut found) = (Vec::new(), Vec::new(), Vec::new(), false);
    for method in methods(item) {
        let Some(attribute) = take_attribute(method) else {
            continue;
        };
        found = true;
        if let Some(cfg) = emit::cfgs(&method.attrs).first() {
            let text = "a handler method is there always or never: what it asks for is asked of the whole service; move it to \
                        a service of its own, under this condition";
            errors.over(cfg, text);
            continue;
        }
        let Some(tokens) = arguments(attribute, errors) else {
            continue;
        };
        let mut settings = Settings::parse(tokens, errors);
        settings.inherit(block.krate.as_ref(), errors);
        let Some(signature) = Signature::check(&method.sig, Place::Method, &settings, errors) else {
            continue;
        };
        let emitted = Emitted::new(&method.sig.ident, Some(&service), &signature, &settings, &state);
        bounds.extend(emitted.bounds.clone());
        checks.push(emitted.checks.clone());
        entries.push(entry(&emitted, &krate, &state));
    }
    if !found {
        let text = "no method here is a handler: mark one `#[handler(queue = \"orders\")]`";
        errors.push(item.impl_token.span, text);
    }
    if !is_fit {
        return TokenStream::new();
    }
    let state_bounds = state.bounds(item.impl_token.span);
    let (generics, state) = (&state.generics, &state.ty);
    let cfgs = emit::cfgs(&item.attrs);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        const _: () = {
            #(#checks)*

            #[automatically_derived]
            impl #generics #krate::handler::HandlerGroup<#state> for #service
            where
                #state_bounds,
                #(#bounds,)*
            {
                fn entries() -> #krate::__private::Vec<#krate::handler::HandlerEntry<#state>> {
                    let mut __entries = #krate::__private::Vec::new();
                    #(#entries)*
                    __entries
                }
            }
        };
    }
}

fn methods(item: &mut ItemImpl) -> impl Iterator<Item = &mut ImplItemFn> {
    item.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    })
}

/// Takes `#[handler]` or `#[sqs_worker::handler]` off a method.
fn take_attribute(method: &mut ImplItemFn) -> Option<Attribute> {
    let is_ours = |attribute: &Attribute| {
        attribute
            .path()
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "handler")
    };
    let index = method.attrs.iter().position(is_ours)?;
    Some(method.attrs.remove(index))
}

fn arguments(attribute: Attribute, errors: &mut Errors) -> Option<TokenStream> {
    match attribute.meta {
        Meta::Path(_) => Some(TokenStream::new()),
        Meta::List(list) => Some(list.tokens),
        Meta::NameValue(pair) => {
            errors.push(
                pair.span(),
                "`#[handler]` takes a list: `#[handler(queue = \"orders\")]`",
            );
            None
        }
    }
}

fn entry(emitted: &Emitted, krate: &TokenStream, state: &State) -> TokenStream {
    let Emitted {
        spec,
        build,
        build_batch,
        ..
    } = emitted;
    let state = &state.ty;
    let (the_spec, the_state) = (ours("spec"), ours("state"));
    // The settings are written at each place: a constant beside them would not see the bounds of the `impl`.
    quote! {
        __entries.push(#krate::handler::HandlerEntry {
            spec: #spec,
            build: |#the_state: #state| {
                let #the_spec = &#spec;
                #build
            },
            build_batch: |#the_state: #state| {
                let #the_spec = &#spec;
                #build_batch
            },
        });
    }
}
