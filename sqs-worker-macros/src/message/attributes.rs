//! `#[message(..)]` on a type, on its fields and on its variants.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Attribute, Field, Ident, LitStr, Path, Token, Type, Variant, parse::Parser, punctuated::Punctuated,
};

use crate::attr::{Entries, Errors, Known, known};

const STRUCT_KEYS: &[Known] = &[
    known("name", "name = \"orders.placed\""),
    known("version", "version = 2"),
    known("aliases", "aliases(\"order-placed\", \"OrderPlaced\")"),
    known("from", "from = OrderPlacedV1"),
    known("reply", "reply = Quote"),
    known("codec", "codec = sqs_worker::message::Text"),
    known("crate", "crate = my_crate::sqs_worker"),
];

const ENUM_KEYS: &[Known] = &[
    known("name", "name = \"orders\""),
    known("keyed", "keyed"),
    known("crate", "crate = my_crate::sqs_worker"),
];

const FIELD_KEYS: &[Known] = &[
    known("key", "key"),
    known("group", "group"),
    known("dedup", "dedup"),
];

/// What stands on a struct.
pub(super) struct OnStruct {
    pub(super) name: Option<String>,
    pub(super) version: Option<u64>,
    pub(super) aliases: Vec<String>,
    pub(super) from: Option<Type>,
    pub(super) reply: Option<Type>,
    pub(super) codec: Option<Type>,
    pub(super) krate: TokenStream,
}

/// What stands on an enum.
pub(super) struct OnEnum {
    pub(super) name: Option<String>,
    pub(super) keyed: Option<Span>,
    pub(super) krate: TokenStream,
}

/// Where the marks of a field stand.
pub(super) struct OnField {
    pub(super) key: Option<Span>,
    pub(super) group: Option<Span>,
    pub(super) dedup: Option<Span>,
}

impl OnStruct {
    pub(super) fn parse(ident: &Ident, attributes: &[Attribute], errors: &mut Errors) -> Self {
        let before = errors.len();
        let mut keys = parse(attributes, STRUCT_KEYS, errors);
        let name = wire_name(&mut keys, errors);
        let on = Self {
            version: keys.count("version", 1, u64::from(u32::MAX), errors),
            aliases: keys
                .list("aliases", errors)
                .map(|tokens| aliases(tokens, name.as_deref(), errors))
                .unwrap_or_default(),
            from: keys.ty("from", errors),
            reply: keys.ty("reply", errors),
            codec: keys.ty("codec", errors),
            krate: framework(keys.path("crate", errors)),
            name,
        };
        if on.name.is_none() && errors.len() == before {
            let text = format!(
                "a message needs a wire name: `#[message(name = \"{}\")]`",
                dotted(&ident.to_string())
            );
            errors.push(ident.span(), text);
        }
        if let (Some(from), None) = (&on.from, on.version) {
            let text = "a message that is read from an older version has a version itself: `version = 2`";
            errors.over(from, text);
        }
        on
    }
}

impl OnEnum {
    pub(super) fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut keys = parse(attributes, ENUM_KEYS, errors);
        Self {
            name: wire_name(&mut keys, errors),
            keyed: keys.flag("keyed", errors),
            krate: framework(keys.path("crate", errors)),
        }
    }
}

impl OnField {
    pub(super) fn parse(field: &Field, errors: &mut Errors) -> Self {
        let mut keys = parse(&field.attrs, FIELD_KEYS, errors);
        Self {
            key: keys.flag("key", errors),
            group: keys.flag("group", errors),
            dedup: keys.flag("dedup", errors),
        }
    }
}

/// A variant and what it holds carry no marks of ours: those are the held message's.
pub(super) fn refuse_on_variant(variant: &Variant, errors: &mut Errors) {
    let on_fields = variant.fields.iter().flat_map(|field| &field.attrs);
    for attribute in variant
        .attrs
        .iter()
        .chain(on_fields)
        .filter(|attribute| attribute.path().is_ident("message"))
    {
        let text = "a variant takes its wire name, key and group from the message it holds: say it there";
        errors.over(attribute, text);
    }
}

fn parse(attributes: &[Attribute], known: &'static [Known], errors: &mut Errors) -> Entries {
    let mut keys = Entries::parse(TokenStream::new(), known, errors);
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("message"))
    {
        if let Some(list) = errors.take(attribute.meta.require_list()) {
            keys.extend(list.tokens.clone(), errors);
        }
    }
    keys
}

fn framework(path: Option<Path>) -> TokenStream {
    path.map_or_else(|| quote!(::sqs_worker), |path| quote!(#path))
}

fn wire_name(keys: &mut Entries, errors: &mut Errors) -> Option<String> {
    let name = keys.text("name", errors)?;
    match name_error(&name.value) {
        None => Some(name.value),
        Some(text) => {
            errors.push(name.span, text);
            None
        }
    }
}

fn aliases(tokens: TokenStream, name: Option<&str>, errors: &mut Errors) -> Vec<String> {
    let parser = Punctuated::<LitStr, Token![,]>::parse_terminated;
    let Ok(literals) = parser.parse2(tokens.clone()) else {
        let span = tokens
            .into_iter()
            .next()
            .map_or_else(Span::call_site, |first| first.span());
        errors.push(
            span,
            "`aliases` takes a list of strings: `aliases(\"order-placed\", \"OrderPlaced\")`",
        );
        return Vec::new();
    };
    let mut aliases = Vec::new();
    for literal in literals {
        let alias = literal.value();
        if let Some(text) = name_error(&alias) {
            errors.push(literal.span(), text);
        } else if name == Some(&alias) || aliases.contains(&alias) {
            errors.push(
                literal.span(),
                format!("`{alias}` is a name of this message already"),
            );
        } else {
            aliases.push(alias);
        }
    }
    aliases
}

fn name_error(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a wire name cannot be empty: `name = \"orders.placed\"`".to_owned());
    }
    if let Some(wrong) = name.chars().find(|c| !c.is_ascii_graphic()) {
        return Some(format!(
            "a wire name is made of visible ASCII characters; this one has {wrong:?}"
        ));
    }
    (name.len() > 256).then(|| {
        format!(
            "a wire name has at most 256 characters; this one has {}",
            name.len()
        )
    })
}

/// `OrderPlaced` is `order.placed`.
fn dotted(ident: &str) -> String {
    let mut words = String::new();
    for (index, letter) in ident.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            words.push('.');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
