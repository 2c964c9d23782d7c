//! `#[derive(Message)]`.

mod attributes;
mod enums;
mod structs;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, spanned::Spanned};

use crate::attr::Errors;

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    if let Some(parameter) = input.generics.params.first() {
        let text = "a message cannot be generic: its wire name stands for one type; write a struct for each payload, with \
                    owned fields";
        errors.push(parameter.span(), text);
        return errors.into_tokens();
    }
    let derived = match &input.data {
        Data::Struct(data) => structs::derive(&input, data, &mut errors),
        Data::Enum(data) => enums::derive(&input, data, &mut errors),
        Data::Union(data) => {
            let text = "a union cannot be a message: derive `Message` for a struct or an enum";
            errors.push(data.union_token.span, text);
            TokenStream::new()
        }
    };
    let errors = errors.into_tokens();
    quote!(#derived #errors)
}
