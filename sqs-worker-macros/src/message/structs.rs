//! A struct: one wire name, one shape.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DataStruct, DeriveInput, GenericArgument, Ident, Member, PathArguments, Type, spanned::Spanned};

use super::attributes::{OnField, OnStruct};
use crate::attr::Errors;

/// The fields that are marked.
#[derive(Default)]
struct Marks {
    key: Option<Marked>,
    group: Option<Marked>,
    dedup: Option<Marked>,
}

struct Marked {
    member: Member,
    ty: Type,
}

pub(super) fn derive(input: &DeriveInput, data: &DataStruct, errors: &mut Errors) -> TokenStream {
    let on = OnStruct::parse(&input.ident, &input.attrs, errors);
    let marks = marks(data, errors);
    let Some(name) = &on.name else {
        return TokenStream::new();
    };
    let (krate, ident) = (&on.krate, &input.ident);
    let version = on.version.map(|version| {
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        quote!(const VERSION: ::core::primitive::u32 = #version;)
    });
    let names = names(name, &on);
    let codec = codec(&on);
    let decode = decode(name, &on);
    let marked = [
        ("key", &marks.key),
        ("group", &marks.group),
        ("deduplication_id", &marks.dedup),
    ];
    let marked = marked
        .into_iter()
        .filter_map(|(what, field)| Some(text_of(what, field.as_ref()?, krate)));
    let keyed = marks
        .key
        .as_ref()
        .filter(|field| optional(&field.ty).is_none())
        .map(|_| {
            quote! {
                #[automatically_derived]
                impl #krate::message::Keyed for #ident {}
            }
        });
    let request = on.reply.as_ref().map(|reply| {
        quote_spanned! {reply.span()=>
            #[automatically_derived]
            impl #krate::message::Request for #ident {
                type Reply = #reply;
            }
        }
    });
    let newer = on.from.as_ref().filter(|_| on.version.is_some()).map(|from| {
        quote_spanned! {from.span()=>
            const _: () = ::core::assert!(
                <#from as #krate::message::Message>::VERSION < <#ident as #krate::message::Message>::VERSION,
                "the message that this one is made from has to have a lower version",
            );
        }
    });
    quote! {
        #[automatically_derived]
        impl #krate::message::Message for #ident {
            const NAME: &'static ::core::primitive::str = #name;
            #version
            #names
            #codec
            #decode
            #(#marked)*
        }
        #keyed
        #request
        #newer
    }
}

/// `NAMES`, where there are more than the one.
fn names(name: &str, on: &OnStruct) -> Option<TokenStream> {
    let (krate, aliases) = (&on.krate, &on.aliases);
    let own = quote!(&[#name, #(#aliases),*]);
    let list = match &on.from {
        None if aliases.is_empty() => return None,
        None => own,
        Some(from) => joined(krate, &[own, quote!(<#from as #krate::message::Message>::NAMES)]),
    };
    Some(quote!(const NAMES: &'static [&'static ::core::primitive::str] = #list;))
}

/// The names of all lists in one constant.
pub(super) fn joined(krate: &TokenStream, lists: &[TokenStream]) -> TokenStream {
    let of = quote!(&'static [&'static ::core::primitive::str]);
    quote!({
        const __LISTS: &[#of] = &[#(#lists),*];
        const __COUNT: ::core::primitive::usize = #krate::__private::count_names(__LISTS);
        const __ALL: [&'static ::core::primitive::str; __COUNT] = #krate::__private::join_names(__LISTS);
        &__ALL
    })
}

fn codec(on: &OnStruct) -> Option<TokenStream> {
    let (krate, codec) = (&on.krate, on.codec.as_ref()?);
    Some(quote_spanned! {codec.span()=>
        const CONTENT_TYPE: &'static ::core::primitive::str = <#codec as #krate::message::Codec>::CONTENT_TYPE;

        fn encode(&self) -> ::core::result::Result<#krate::__private::String, #krate::message::EncodeError> {
            #krate::__private::encode(self, &#codec)
        }
    })
}

fn decode(name: &str, on: &OnStruct) -> Option<TokenStream> {
    let (krate, aliases) = (&on.krate, &on.aliases);
    let codec = match &on.codec {
        Some(codec) => quote_spanned!(codec.span()=> &#codec),
        None => quote!(&#krate::message::Json),
    };
    let body = match &on.from {
        None if on.codec.is_none() => return None,
        None => quote!(__incoming.decode_with(#codec)),
        Some(from) => quote_spanned! {from.span()=>
            #krate::__private::upcast::<Self, #from>(
                &[#name, #(#aliases),*],
                __incoming,
                || __incoming.decode_with(#codec),
            )
        },
    };
    Some(quote! {
        fn decode(
            __incoming: &#krate::message::Incoming<'_>,
        ) -> ::core::result::Result<Self, #krate::message::DecodeError> {
            #body
        }
    })
}

fn marks(data: &DataStruct, errors: &mut Errors) -> Marks {
    let mut marks = Marks::default();
    for (index, field) in data.fields.iter().enumerate() {
        let on = OnField::parse(field, errors);
        let slots = [
            (on.key, &mut marks.key, "key"),
            (on.group, &mut marks.group, "group"),
            (on.dedup, &mut marks.dedup, "deduplication id"),
        ];
        for (mark, slot, what) in slots {
            let Some(span) = mark else { continue };
            if slot.is_some() {
                let text = format!(
                    "a message has one {what}, and a field above is marked already; to make one of several fields, write \
                     `impl Message` by hand"
                );
                errors.push(span, text);
            }
            let member = field
                .ident
                .clone()
                .map_or_else(|| Member::from(index), Member::Named);
            *slot = Some(Marked {
                member,
                ty: field.ty.clone(),
            });
        }
    }
    marks
}

/// The method that gives a field's text.
fn text_of(what: &str, field: &Marked, krate: &TokenStream) -> TokenStream {
    let what = Ident::new(what, Span::call_site());
    let Marked { member, ty } = field;
    let value = match optional(ty) {
        Some(_) => quote_spanned! {ty.span()=>
            ::core::option::Option::map(
                ::core::option::Option::as_ref(&self.#member),
                #krate::__private::text,
            )
        },
        None => {
            quote_spanned!(ty.span()=> ::core::option::Option::Some(#krate::__private::text(&self.#member)))
        }
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
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}
