//! What can be said of a function by its signature alone.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, Item, ItemFn, ReturnType, Safety, Type, spanned::Spanned};

use super::Settings;
use crate::attr::Errors;

const MOST_EXTRACTORS: usize = 16;

/// The types of a function that can be a handler.
pub(super) struct Signature {
    /// The first parameter.
    pub(super) payload: Type,
    /// The others.
    pub(super) extractors: Vec<Type>,
    /// What it returns; `None` where the type has no name, as `impl IntoOutcome`.
    pub(super) output: Option<Type>,
}

impl Signature {
    /// Checks what needs no types; `None` and errors when it cannot be a handler.
    pub(super) fn check(function: &ItemFn, _settings: &Settings, errors: &mut Errors) -> Option<Self> {
        let before = errors.len();
        let signature = &function.sig;
        if signature.asyncness.is_none() {
            errors.push(signature.fn_token.span, "handlers must be `async fn`");
        }
        if let Safety::Unsafe(unsafety) = &signature.safety {
            errors.push(
                unsafety.span(),
                "a handler cannot be `unsafe`: the worker calls it for whatever message comes",
            );
        }
        if let Some(abi) = &signature.abi {
            errors.push(abi.span(), "a handler is a Rust function: take the `extern` away");
        }
        check_generics(function, errors);
        let mut types = parameter_types(function, errors)?;
        if types.is_empty() {
            errors.push(
                signature.ident.span(),
                format!(
                    "a handler takes its payload as the first parameter: `async fn {}(order: OrderPlaced)`",
                    signature.ident
                ),
            );
            return None;
        }
        for (index, ty) in types.iter().enumerate() {
            check_parameter(ty, index == 0, errors);
        }
        if let Some(first) = types.get(MOST_EXTRACTORS + 1) {
            errors.push(
                first.span(),
                format!(
                    "a handler takes at most {MOST_EXTRACTORS} parameters beside its payload, and this is one more; gather some \
                     in a type of your own with `impl FromDelivery`"
                ),
            );
        }
        if errors.len() > before {
            return None;
        }
        let payload = types.remove(0);
        let output = match &signature.output {
            ReturnType::Default => Some(Type::Tuple(syn::parse_quote!(()))),
            ReturnType::Type(_, ty) => match &**ty {
                Type::ImplTrait(_) => None,
                Type::Never(never) => {
                    errors.push(never.span(), "a handler has to end: return `()`, `Outcome`, `Reply<R>` or a `Result` of one of them");
                    return None;
                }
                other => Some(other.clone()),
            },
        };
        Some(Self {
            payload,
            extractors: types,
            output,
        })
    }
}

fn check_generics(function: &ItemFn, errors: &mut Errors) {
    for parameter in &function.sig.generics.params {
        let text = match parameter {
            GenericParam::Lifetime(_) => "a handler owns what it takes: it cannot have lifetimes",
            GenericParam::Type(_) | GenericParam::Const(_) => {
                "a handler cannot be generic: messages find it by their wire name, so its types have to be fixed; write a \
                 handler for each type that calls the generic function"
            }
        };
        errors.push(parameter.span(), text);
    }
}

fn parameter_types(function: &ItemFn, errors: &mut Errors) -> Option<Vec<Type>> {
    let mut types = Vec::new();
    for input in &function.sig.inputs {
        match input {
            FnArg::Typed(parameter) => types.push((*parameter.ty).clone()),
            FnArg::Receiver(receiver) => {
                errors.push(
                    receiver.span(),
                    "a handler is a free function; for methods, mark the `impl` block `#[handlers]`",
                );
                return None;
            }
        }
    }
    Some(types)
}

/// What is wrong with a parameter whatever its type turns out to be.
fn check_parameter(ty: &Type, is_payload: bool, errors: &mut Errors) {
    match ty {
        Type::Reference(reference) => {
            let elem = &reference.elem;
            let owned = quote::quote!(#elem).to_string();
            let text = if is_payload {
                format!("the payload is taken by value: `{owned}`")
            } else {
                format!("an extractor is taken by value: `{owned}`; a handler owns what it takes")
            };
            errors.push(ty.span(), text);
        }
        Type::ImplTrait(_) => errors.push(ty.span(), "a handler cannot be generic: name the type"),
        _ => {
            if let Some(span) = borrow(ty.to_token_stream()) {
                errors.push(span, "a handler owns what it takes: a parameter cannot borrow");
            }
        }
    }
}

/// The first `&` or lifetime other than `'static`; those of a function type, in parentheses, are its own.
fn borrow(tokens: TokenStream) -> Option<Span> {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(tree) = tokens.next() {
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == '&' => {
                if !matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'') {
                    return Some(mark.span());
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                if tokens.next().is_some_and(|name| name.to_string() != "static") {
                    return Some(mark.span());
                }
            }
            TokenTree::Group(group) if group.delimiter() != Delimiter::Parenthesis => {
                if let Some(span) = borrow(group.stream()) {
                    return Some(span);
                }
            }
            _ => {}
        }
    }
    None
}

/// The word that says what an item is.
pub(super) fn keyword(item: &Item) -> Span {
    match item {
        Item::Struct(item) => item.struct_token.span,
        Item::Enum(item) => item.enum_token.span,
        Item::Impl(item) => item.impl_token.span,
        Item::Mod(item) => item.mod_token.span,
        Item::Trait(item) => item.trait_token.span,
        other => other.span(),
    }
}
