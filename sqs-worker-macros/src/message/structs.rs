//! A struct: one wire name, one shape.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DataStruct, DeriveInput, Member, Type, spanned::Spanned};

use super::attributes::{Container, FieldMarks};
use crate::attr::Errors;

/// A field that is marked, and its type.
struct Marked {
    member: Member,
    ty: Type,
}

pub(super) fn derive(
    input: &DeriveInput,
    data: &DataStruct,
    container: &Container,
    errors: &mut Errors,
) -> TokenStream {
    let krate = container.krate();
    let ident = &input.ident;
    let Some(name) = &container.name else {
        if errors.is_empty() {
            errors.push(ident.span(), missing_name(&ident.to_string()));
        }
        return TokenStream::new();
    };
    let (key, group) = marked(data, errors);
    let version = container.version.map(|version| {
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        quote!(const VERSION: ::core::primitive::u32 = #version;)
    });
    let key_fn = key.as_ref().map(|field| text_of("key", field, &krate));
    let group_fn = group.as_ref().map(|field| text_of("group", field, &krate));
    let keyed = key
        .as_ref()
        .filter(|field| optional(&field.ty).is_none())
        .map(|_| {
            quote! {
                #[automatically_derived]
                impl #krate::message::Keyed for #ident {}
            }
        });
    let request = container.reply.as_ref().map(|reply| {
        quote_spanned! {reply.span()=>
            #[automatically_derived]
            impl #krate::message::Request for #ident {
                type Reply = #reply;
            }
        }
    });
    let (generics, types, wheres) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #krate::message::Message for #ident #types #wheres {
            const NAME: &'static ::core::primitive::str = #name;
            #version
            #key_fn
            #group_fn
        }
        #keyed
        #request
    }
}

pub(super) fn missing_name(ident: &str) -> String {
    let mut words = String::new();
    for (index, letter) in ident.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            words.push('.');
        }
        words.extend(letter.to_lowercase());
    }
    format!("a message needs a wire name: `#[message(name = \"{words}\")]`")
}

/// The fields marked as key and as group.
fn marked(data: &DataStruct, errors: &mut Errors) -> (Option<Marked>, Option<Marked>) {
    let (mut key, mut group) = (None, None);
    for (index, field) in data.fields.iter().enumerate() {
        let marks = FieldMarks::parse(field, errors);
        let member = || {
            field
                .ident
                .clone()
                .map_or_else(|| Member::from(index), Member::Named)
        };
        for (is_marked, slot, what) in [(marks.key, &mut key, "key"), (marks.group, &mut group, "group")] {
            if !is_marked {
                continue;
            }
            if slot.is_some() {
                errors.push(
                    field.span(),
                    format!("a message has one {what}, and another field is marked already; to make one of several fields, write `impl Message` by hand"),
                );
            }
            *slot = Some(Marked {
                member: member(),
                ty: field.ty.clone(),
            });
        }
    }
    (key, group)
}

/// `fn key(&self)` or `fn group(&self)`: the field's text.
fn text_of(what: &str, field: &Marked, krate: &TokenStream) -> TokenStream {
    let what = syn::Ident::new(what, Span::call_site());
    let Marked { member, ty } = field;
    let to_string = quote!(#krate::__private::ToString::to_string);
    let value = match optional(ty) {
        Some(_) => quote_spanned! {ty.span()=>
            ::core::option::Option::map(::core::option::Option::as_ref(&self.#member), |value| #to_string(value))
        },
        None => quote_spanned!(ty.span()=> ::core::option::Option::Some(#to_string(&self.#member))),
    };
    quote! {
        fn #what(&self) -> ::core::option::Option<#krate::__private::String> {
            #value
        }
    }
}

/// `T` of an `Option<T>`, by its name: a macro sees no types.
fn optional(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == "Option")?;
    match &last.arguments {
        syn::PathArguments::AngleBracketed(arguments) => match arguments.args.first()? {
            syn::GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}
