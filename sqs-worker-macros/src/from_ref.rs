//! `#[derive(FromRef)]`: one part of the state for each field.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Member, spanned::Spanned};

use crate::attr::{Entries, Errors, Known, known};

const STATE_KEYS: &[Known] = &[known("crate", "crate = my_crate::sqs_worker")];
const FIELD_KEYS: &[Known] = &[known("skip", "skip")];

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let mut keys = Entries::parse(TokenStream::new(), STATE_KEYS, &mut errors);
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("from_ref"))
    {
        if let Some(list) = errors.take(attribute.meta.require_list()) {
            keys.extend(list.tokens.clone(), &mut errors);
        }
    }
    let krate = keys
        .path("crate", &mut errors)
        .map_or_else(|| quote!(::sqs_worker), |path| quote!(#path));
    let Data::Struct(data) = &input.data else {
        errors.push(
            input.ident.span(),
            "`FromRef` is derived for structs: the fields are what handlers may ask for",
        );
        return errors.into_tokens();
    };
    if !input.generics.params.is_empty() {
        errors.push(
            input.generics.span(),
            "`FromRef` cannot be derived for a generic state; write `impl FromRef<State<T>> for Part` by hand",
        );
        return errors.into_tokens();
    }
    let state = &input.ident;
    let mut impls = TokenStream::new();
    let mut seen: Vec<&syn::Type> = Vec::new();
    for (index, field) in data.fields.iter().enumerate() {
        if skipped(field, &mut errors) {
            continue;
        }
        let ty = &field.ty;
        if seen.contains(&ty) {
            errors.push(
                ty.span(),
                "two fields of one type cannot be told apart by `State<..>`; wrap one in a type of its own, or mark it \
                 `#[from_ref(skip)]`",
            );
            continue;
        }
        seen.push(ty);
        let member = field
            .ident
            .clone()
            .map_or_else(|| Member::from(index), Member::Named);
        impls.extend(quote_spanned! {ty.span()=>
            #[automatically_derived]
            impl #krate::handler::FromRef<#state> for #ty {
                fn from_ref(__state: &#state) -> Self {
                    ::core::clone::Clone::clone(&__state.#member)
                }
            }
        });
    }
    impls.extend(errors.into_tokens());
    impls
}

fn skipped(field: &syn::Field, errors: &mut Errors) -> bool {
    let mut skip = false;
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("from_ref"))
    {
        if let Some(list) = errors.take(attribute.meta.require_list()) {
            skip |= Entries::parse(list.tokens.clone(), FIELD_KEYS, errors)
                .flag("skip", errors)
                .is_some();
        }
    }
    skip
}
