//! Where the compiler shows what it says about the tokens we write.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Type;

/// `ty: bound`, which the compiler shows as `ty` when it does not hold: the tokens of the bound stand where the type
/// stands.
pub(crate) fn bound(ty: &Type, bound: &TokenStream) -> TokenStream {
    let mut spans = ty.to_token_stream().into_iter().map(|tree| tree.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let bound = moved(quote!(: #bound), first, spans.last().unwrap_or(first));
    quote!(#ty #bound)
}

/// The same tokens at another place: the first three, `: ::`, where it begins and the others where it ends, so that
/// what the compiler shows of them spans the whole place.
pub(crate) fn moved(tokens: TokenStream, first: Span, last: Span) -> TokenStream {
    let moved = tokens.into_iter().enumerate().map(|(index, mut tree)| {
        let span = if index < 3 { first } else { last };
        match &mut tree {
            TokenTree::Group(group) => {
                *group = Group::new(group.delimiter(), moved(group.stream(), span, span));
                group.set_span(span);
            }
            // Our own bindings and parameters keep their hygiene.
            TokenTree::Ident(ident) if ident.to_string().starts_with("__") && ident != "__private" => {
                ident.set_span(span.resolved_at(Span::mixed_site()));
            }
            other => other.set_span(span),
        }
        tree
    });
    moved.collect()
}

/// The same tokens, where this type begins.
pub(crate) fn under(ty: &Type, tokens: TokenStream) -> TokenStream {
    let first = ty.to_token_stream().into_iter().next();
    at(first.map_or_else(Span::call_site, |first| first.span()), tokens)
}

/// The same tokens, all at one place.
pub(crate) fn at(span: Span, tokens: TokenStream) -> TokenStream {
    moved(tokens, span, span)
}

/// A name of ours, which no name of a user's can be mistaken for: not by hygiene alone, because a constant of the
/// same name would turn a binding into a pattern.
pub(crate) fn ours(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}
