//! `#[message(..)]` on a type and on its fields.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, DeriveInput, Field, Path, Type};

use crate::attr::{Entries, Errors, Known, known};

const CONTAINER_KEYS: &[Known] = &[
    known("name", "name = \"orders.placed\""),
    known("version", "version = 2"),
    known("reply", "reply = Quote"),
    known("crate", "crate = my_crate::sqs_worker"),
];

const FIELD_KEYS: &[Known] = &[known("key", "key"), known("group", "group")];

/// What stands on the type.
pub(super) struct Container {
    pub(super) name: Option<String>,
    pub(super) version: Option<u64>,
    pub(super) reply: Option<Type>,
    krate: Option<Path>,
}

impl Container {
    pub(super) fn parse(input: &DeriveInput, errors: &mut Errors) -> Self {
        let mut keys = parse(&input.attrs, CONTAINER_KEYS, errors);
        let name = keys
            .text("name", errors)
            .and_then(|name| match name_error(&name.value) {
                None => Some(name.value),
                Some(text) => {
                    errors.push(name.span, text);
                    None
                }
            });
        Self {
            name,
            version: keys.count("version", 1, u64::from(u32::MAX), errors),
            reply: keys.ty("reply", errors),
            krate: keys.path("crate", errors),
        }
    }

    /// The path of the framework.
    pub(super) fn krate(&self) -> TokenStream {
        self.krate
            .as_ref()
            .map_or_else(|| quote!(::sqs_worker), |path| quote!(#path))
    }
}

/// What stands on a field.
pub(super) struct FieldMarks {
    pub(super) key: bool,
    pub(super) group: bool,
}

impl FieldMarks {
    pub(super) fn parse(field: &Field, errors: &mut Errors) -> Self {
        let mut keys = parse(&field.attrs, FIELD_KEYS, errors);
        Self {
            key: keys.flag("key", errors).is_some(),
            group: keys.flag("group", errors).is_some(),
        }
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
