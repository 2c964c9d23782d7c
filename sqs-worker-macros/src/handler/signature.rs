//! What can be said of a function by its signature alone.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{
    FnArg, GenericArgument, GenericParam, Item, PathArguments, Receiver, ReturnType, Safety, Type,
    spanned::Spanned,
};

use super::settings::Settings;
use crate::attr::Errors;

const MOST_EXTRACTORS: usize = 16;

/// The types of a function that can be a handler.
pub(super) struct Signature {
    /// The message: the first parameter, or what it is a `Vec` of for a batch handler.
    pub(super) payload: Type,
    /// The other parameters.
    pub(super) extractors: Vec<Type>,
    /// What it returns; `None` where the type has no name, as `impl IntoOutcome`.
    pub(super) output: Option<Type>,
}

/// Where a function stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// By itself.
    Free,
    /// In an `impl` block marked `#[handlers]`.
    Method,
}

impl Signature {
    /// Checks what needs no types; `None` and errors when it cannot be a handler.
    pub(super) fn check(
        signature: &syn::Signature,
        place: Place,
        settings: &Settings,
        errors: &mut Errors,
    ) -> Option<Self> {
        let before = errors.len();
        check_qualifiers(signature, errors);
        check_generics(signature, errors);
        let mut types = parameters(signature, place, errors)?;
        if types.is_empty() {
            errors.push(signature.ident.span(), no_payload(signature, place));
            return None;
        }
        for (index, ty) in types.iter().enumerate() {
            check_parameter(ty, index == 0, errors);
        }
        if let Some(first) = types.get(MOST_EXTRACTORS + 1) {
            errors.push(
                first.span(),
                format!(
                    "a handler takes at most {MOST_EXTRACTORS} parameters beside its payload, and this is one more; \
                     gather some in a tuple, or in a type of your own with `impl FromDelivery`"
                ),
            );
        }
        let output = output(signature, errors);
        if errors.len() > before {
            return None;
        }
        let payload = message(types.remove(0), settings, errors)?;
        Some(Self {
            payload,
            extractors: types,
            output,
        })
    }
}

fn check_qualifiers(signature: &syn::Signature, errors: &mut Errors) {
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
        errors.over(abi, "a handler is a Rust function: take the `extern` away");
    }
}

fn check_generics(signature: &syn::Signature, errors: &mut Errors) {
    for parameter in &signature.generics.params {
        let text = match parameter {
            GenericParam::Lifetime(_) => "a handler owns what it takes: it cannot have lifetimes",
            GenericParam::Type(_) | GenericParam::Const(_) => {
                "a handler cannot be generic: messages find it by their wire name, so its types have to be fixed; \
                 write a handler for each type that calls the generic function"
            }
        };
        errors.over(parameter, text);
    }
}

fn no_payload(signature: &syn::Signature, place: Place) -> String {
    let (name, receiver) = (
        &signature.ident,
        if place == Place::Method { "&self, " } else { "" },
    );
    format!(
        "a handler takes its payload as the first parameter: `async fn {name}({receiver}order: OrderPlaced)`"
    )
}

/// The types of the parameters, the receiver left out.
fn parameters(signature: &syn::Signature, place: Place, errors: &mut Errors) -> Option<Vec<Type>> {
    let receiver = signature.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(receiver) => Some(receiver),
        FnArg::Typed(_) => None,
    });
    match (place, receiver) {
        (Place::Free, Some(receiver)) => {
            let text =
                "a handler is a function; for methods, mark the `impl` block around this one `#[handlers]`";
            errors.over(receiver, text);
            return None;
        }
        (Place::Method, None) => {
            let text = "a handler method takes `&self`; move a function without it out of the `impl` block";
            errors.push(signature.ident.span(), text);
            return None;
        }
        (Place::Method, Some(receiver)) if !is_shared(receiver) => {
            let text = "a handler method takes `&self`: many messages share the service at a time";
            errors.over(receiver, text);
            return None;
        }
        _ => {}
    }
    let types = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some((*parameter.ty).clone()),
        FnArg::Receiver(_) => None,
    });
    Some(types.collect())
}

fn is_shared(receiver: &Receiver) -> bool {
    receiver.to_token_stream().to_string().replace(' ', "") == "&self"
}

/// What is wrong with a parameter whatever its type turns out to be.
fn check_parameter(ty: &Type, is_payload: bool, errors: &mut Errors) {
    match ty {
        Type::Reference(reference) => {
            let owned = reference.elem.to_token_stream().to_string();
            let text = if is_payload {
                format!("the payload is taken by value: `{owned}`")
            } else {
                format!("an extractor is taken by value: `{owned}`; a handler owns what it takes")
            };
            errors.over(ty, text);
        }
        Type::ImplTrait(_) => errors.over(ty, "a handler cannot be generic: name the type"),
        _ => {
            if let Some(span) = borrow(ty.to_token_stream()) {
                errors.push(span, "a handler owns what it takes: a parameter cannot borrow");
            }
        }
    }
}

fn output(signature: &syn::Signature, errors: &mut Errors) -> Option<Type> {
    match &signature.output {
        // Not at the attribute: the compiler would show there whatever else is said of its parts.
        ReturnType::Default => syn::parse2(quote_spanned!(signature.ident.span()=> ())).ok(),
        ReturnType::Type(_, ty) => match &**ty {
            Type::ImplTrait(_) => None,
            Type::Never(never) => {
                let text =
                    "a handler has to end: return `()`, `Outcome`, `Reply<R>` or a `Result` of one of them";
                errors.push(never.span(), text);
                None
            }
            other => Some(other.clone()),
        },
    }
}

/// The message type of the first parameter: `M` for one at a time, the `M` of `Vec<M>` for a batch.
fn message(first: Type, settings: &Settings, errors: &mut Errors) -> Option<Type> {
    let of = vec_of(&first);
    match (&settings.batch, of) {
        (None, None) => Some(first),
        (Some(_), Some(of)) => Some(of.clone()),
        (Some(_), None) => {
            let name = first.to_token_stream().to_string();
            errors.over(
                &first,
                format!("a batch handler takes many messages at a time: `Vec<{name}>`"),
            );
            None
        }
        (None, Some(of)) => {
            let name = of.to_token_stream().to_string();
            let text = format!(
                "a handler takes one message at a time: `{name}`; to take many, add `batch(size = 100)` to the attribute"
            );
            errors.over(&first, text);
            None
        }
    }
}

/// `T` of a `Vec<T>`, by its name: a macro sees no types.
fn vec_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == "Vec")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    }
}

/// The first `&` or lifetime other than `'static`; those of a function type, in parentheses, are its own.
fn borrow(tokens: TokenStream) -> Option<Span> {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(tree) = tokens.next() {
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == '&' => {
                let named = matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'');
                if !named {
                    return Some(mark.span());
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == '\'' => match tokens.next() {
                Some(name) if name.to_string() == "static" => {}
                _ => return Some(mark.span()),
            },
            TokenTree::Group(group) if group.delimiter() != Delimiter::Parenthesis => {
                let inside = borrow(group.stream());
                if inside.is_some() {
                    return inside;
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
