//! An enum: a set of messages that one handler takes, told apart by their wire names.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DataEnum, DeriveInput, Fields, Ident, Type, Variant, spanned::Spanned};

use super::{
    attributes::{OnEnum, refuse_on_variant},
    structs::joined,
};
use crate::{attr::Errors, spans::bound};

/// A variant and the message it holds.
struct Holds<'a> {
    variant: &'a Ident,
    message: &'a Type,
}

pub(super) fn derive(input: &DeriveInput, data: &DataEnum, errors: &mut Errors) -> TokenStream {
    let on = OnEnum::parse(&input.attrs, errors);
    let before = errors.len();
    let holds: Vec<_> = data
        .variants
        .iter()
        .filter_map(|variant| held(variant, errors))
        .collect();
    if data.variants.is_empty() {
        errors.push(
            input.ident.span(),
            "an enum of messages needs a variant: `Placed(OrderPlaced)`",
        );
    }
    for (index, one) in holds.iter().enumerate() {
        if holds[..index].iter().any(|other| other.message == one.message) {
            let text = "another variant holds this message already: its wire name can mean one variant only";
            errors.over(one.message, text);
        }
    }
    if errors.len() > before {
        return TokenStream::new();
    }
    let (krate, ident) = (&on.krate, &input.ident);
    let label = on.name.clone().unwrap_or_else(|| ident.to_string());
    let lists: Vec<_> = holds
        .iter()
        .map(|Holds { message, .. }| quote_spanned!(message.span()=> <#message as #krate::message::Message>::NAMES))
        .collect();
    let names = joined(krate, &lists);
    let string = quote!(#krate::__private::String);
    let methods = [
        delegate("name", &quote!(&'static ::core::primitive::str), &holds, krate),
        delegate("version", &quote!(::core::primitive::u32), &holds, krate),
        delegate("key", &quote!(::core::option::Option<#string>), &holds, krate),
        delegate(
            "deduplication_id",
            &quote!(::core::option::Option<#string>),
            &holds,
            krate,
        ),
        delegate("group", &quote!(::core::option::Option<#string>), &holds, krate),
        delegate(
            "content_type",
            &quote!(&'static ::core::primitive::str),
            &holds,
            krate,
        ),
        delegate(
            "encode",
            &quote!(::core::result::Result<#string, #krate::message::EncodeError>),
            &holds,
            krate,
        ),
    ];
    let choices = holds.iter().map(|Holds { variant, message }| {
        quote! {
            if <#message as #krate::message::Message>::NAMES.contains(&__name) {
                return ::core::result::Result::map(
                    <#message as #krate::message::Message>::decode(__incoming),
                    #ident::#variant,
                );
            }
        }
    });
    let keyed = on.keyed.map(|_| {
        let keyed = quote!(#krate::message::Keyed);
        let bounds = holds.iter().map(|Holds { message, .. }| bound(message, &keyed));
        quote! {
            #[automatically_derived]
            impl #krate::message::Keyed for #ident where #(#bounds,)* {}
        }
    });
    quote! {
        #[automatically_derived]
        impl #krate::message::Message for #ident {
            const NAME: &'static ::core::primitive::str = #label;
            const NAMES: &'static [&'static ::core::primitive::str] = #names;

            #(#methods)*

            fn decode(
                __incoming: &#krate::message::Incoming<'_>,
            ) -> ::core::result::Result<Self, #krate::message::DecodeError> {
                if let ::core::option::Option::Some(__name) = __incoming.sent_name() {
                    #(#choices)*
                }
                ::core::result::Result::Err(#krate::__private::no_variant::<Self>(__incoming))
            }
        }
        #keyed
        const _: () = ::core::assert!(
            #krate::__private::are_disjoint(&[#(#lists),*]),
            "two variants take the same wire name: give one of their messages another",
        );
    }
}

fn held<'a>(variant: &'a Variant, errors: &mut Errors) -> Option<Holds<'a>> {
    refuse_on_variant(variant, errors);
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Some(Holds {
            variant: &variant.ident,
            message: &fields.unnamed[0].ty,
        }),
        _ => {
            let name = &variant.ident;
            let text = format!(
                "a variant holds one message: `{name}(Order{name})`, a struct with a `#[derive(Message)]` of its own"
            );
            errors.over(variant, text);
            None
        }
    }
}

/// The method of the message that the value holds.
fn delegate(method: &str, output: &TokenStream, holds: &[Holds<'_>], krate: &TokenStream) -> TokenStream {
    let method = Ident::new(method, proc_macro2::Span::call_site());
    let arms = holds.iter().map(|Holds { variant, message }| {
        quote!(Self::#variant(__message) => <#message as #krate::message::Message>::#method(__message))
    });
    quote! {
        fn #method(&self) -> #output {
            match self {
                #(#arms,)*
            }
        }
    }
}
