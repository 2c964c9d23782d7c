//! The grammar that all our attributes share: `flag, key = value, key(list)`.

mod errors;
mod literal;
mod suggest;

use proc_macro2::{Span, TokenStream};
use syn::{
    Expr, Ident, Path, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    spanned::Spanned,
};

pub(crate) use self::{
    errors::Errors,
    literal::{Located, TWELVE_HOURS, duration_tokens},
};

/// One `flag`, `key = value` or `key(list)`.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Flag,
    Assigned(Box<Expr>),
    List(TokenStream),
}

/// A key that an attribute knows, and how it is written.
pub(crate) struct Known {
    pub(crate) key: &'static str,
    pub(crate) example: &'static str,
}

pub(crate) const fn known(key: &'static str, example: &'static str) -> Known {
    Known { key, example }
}

/// The entries of one attribute, checked against the keys it knows.
pub(crate) struct Entries {
    known: &'static [Known],
    entries: Vec<Entry>,
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Assigned(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::List(content.parse()?)
        } else {
            Value::Flag
        };
        Ok(Self { key, value })
    }
}

impl Entries {
    /// Parses a list of entries. Unknown and repeated keys are reported and left out.
    pub(crate) fn parse(tokens: TokenStream, known: &'static [Known], errors: &mut Errors) -> Self {
        let mut entries = Self {
            known,
            entries: Vec::new(),
        };
        entries.extend(tokens, errors);
        entries
    }

    /// Adds the entries of another attribute of the same kind.
    pub(crate) fn extend(&mut self, tokens: TokenStream, errors: &mut Errors) {
        let parser = Punctuated::<Entry, Token![,]>::parse_terminated;
        let Some(parsed) = errors.take(syn::parse::Parser::parse2(parser, tokens)) else {
            return;
        };
        for entry in parsed {
            if !self.known.iter().any(|known| entry.key == known.key) {
                errors.push(entry.key.span(), suggest::unknown_key(&entry.key, self.known));
            } else if self.entries.iter().any(|earlier| earlier.key == entry.key) {
                errors.push(entry.key.span(), format!("`{}` is set twice", entry.key));
            } else {
                self.entries.push(entry);
            }
        }
    }

    /// The entry of this key, whatever its value.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.swap_remove(index))
    }

    /// The expression of `key = expression`.
    pub(crate) fn assigned(&mut self, key: &str, errors: &mut Errors) -> Option<Expr> {
        let entry = self.take(key)?;
        match entry.value {
            Value::Assigned(value) => Some(*value),
            Value::Flag | Value::List(_) => {
                errors.push(
                    entry.key.span(),
                    format!("`{key}` takes a value: `{}`", self.example(key)),
                );
                None
            }
        }
    }

    /// The path of `key = path`.
    pub(crate) fn path(&mut self, key: &str, errors: &mut Errors) -> Option<Path> {
        match self.assigned(key, errors)? {
            Expr::Path(path) if path.qself.is_none() => Some(path.path),
            other => {
                errors.push(
                    other.span(),
                    format!("`{key}` takes a path: `{}`", self.example(key)),
                );
                None
            }
        }
    }

    /// The type of `key = type`; types that are not paths have no place in our attributes.
    pub(crate) fn ty(&mut self, key: &str, errors: &mut Errors) -> Option<syn::Type> {
        match self.assigned(key, errors)? {
            Expr::Path(path) => Some(syn::Type::Path(syn::TypePath {
                attrs: path.attrs,
                qself: path.qself,
                path: path.path,
            })),
            Expr::Tuple(tuple) if tuple.elems.is_empty() => Some(syn::parse_quote!(())),
            other => {
                errors.push(
                    other.span(),
                    format!("`{key}` takes a type: `{}`", self.example(key)),
                );
                None
            }
        }
    }

    /// Where `flag` stands.
    pub(crate) fn flag(&mut self, key: &str, errors: &mut Errors) -> Option<Span> {
        let entry = self.take(key)?;
        if !matches!(entry.value, Value::Flag) {
            errors.push(
                entry.key.span(),
                format!("`{key}` takes no value: `{}`", self.example(key)),
            );
        }
        Some(entry.key.span())
    }

    /// The tokens of `key(list)`.
    pub(crate) fn list(&mut self, key: &str, errors: &mut Errors) -> Option<TokenStream> {
        let entry = self.take(key)?;
        match entry.value {
            Value::List(tokens) => Some(tokens),
            Value::Flag | Value::Assigned(_) => {
                errors.push(
                    entry.key.span(),
                    format!("`{key}` takes a list: `{}`", self.example(key)),
                );
                None
            }
        }
    }

    pub(crate) fn example(&self, key: &str) -> &'static str {
        self.known
            .iter()
            .find(|known| known.key == key)
            .map_or("", |known| known.example)
    }
}
