//! `#[derive(Message)]`.

mod attributes;
mod structs;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, spanned::Spanned};

use self::attributes::Container;
use crate::attr::Errors;

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let container = Container::parse(&input, &mut errors);
    check_generics(&input, &mut errors);
    let derived = match &input.data {
        Data::Struct(data) => structs::derive(&input, data, &container, &mut errors),
        Data::Enum(data) => {
            errors.push(data.enum_token.span, "`Message` cannot be derived for enums yet");
            TokenStream::new()
        }
        Data::Union(data) => {
            errors.push(
                data.union_token.span,
                "a union cannot be a message: derive `Message` for a struct or an enum",
            );
            TokenStream::new()
        }
    };
    if errors.is_empty() {
        derived
    } else {
        let errors = errors.into_tokens();
        quote!(#derived #errors)
    }
}

fn check_generics(input: &DeriveInput, errors: &mut Errors) {
    if !input.generics.params.is_empty() {
        errors.push(
            input.generics.span(),
            "a message cannot be generic: its wire name stands for one type; write a struct for each payload",
        );
    }
}
