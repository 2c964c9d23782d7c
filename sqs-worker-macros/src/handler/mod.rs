//! `#[handler]`: the function untouched, a type of its name to mount it by, and its settings.

mod emit;
mod settings;
mod signature;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use self::{settings::Settings, signature::Signature};
use crate::attr::Errors;

/// The function always comes back as it was written, also beside an error: whoever types in it keeps completion
/// and type checks.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let settings = Settings::parse(attribute, &mut errors);
    let rest = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => match Signature::check(&function, &settings, &mut errors) {
            Some(signature) => emit::handler(&function, &signature, &settings),
            None => emit::placeholder(&function, &settings),
        },
        Ok(other) => {
            errors.push(
                signature::keyword(&other),
                "`#[handler]` marks an async function: `#[handler(queue = \"orders\")] async fn charge(order: OrderPlaced)`",
            );
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
