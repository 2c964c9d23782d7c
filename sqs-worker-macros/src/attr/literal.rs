//! Literals with a meaning: durations, sizes, counts, queue names. Errors stand under the literal.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Expr, ExprLit, Lit};

use super::{Entries, Errors};

/// The longest that SQS keeps a message invisible.
pub(crate) const TWELVE_HOURS: Duration = Duration::from_secs(12 * 60 * 60);

/// A literal's value and where it stands.
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl Entries {
    /// The text of `key = "text"`.
    pub(crate) fn text(&mut self, key: &str, errors: &mut Errors) -> Option<Located<String>> {
        let example = self.example(key);
        let value = self.assigned(key, errors)?;
        match text_of(&value) {
            Some(text) => Some(text),
            None => {
                errors.over(&value, format!("`{key}` takes a string: `{example}`"));
                None
            }
        }
    }

    /// The duration of `key = "10m"`.
    pub(crate) fn duration(&mut self, key: &str, errors: &mut Errors) -> Option<Located<Duration>> {
        let example = self.example(key);
        let value = self.assigned(key, errors)?;
        let Some(text) = text_of(&value) else {
            let text = format!("a duration is a string with a unit: `{example}`");
            errors.over(&value, text);
            return None;
        };
        match parse_duration(&text.value) {
            Ok(value) => Some(Located {
                value,
                span: text.span,
            }),
            Err(reason) => {
                errors.push(text.span, reason);
                None
            }
        }
    }

    /// The whole number of `key = 32`, at least `least` and at most `most`.
    pub(crate) fn count(&mut self, key: &str, least: u64, most: u64, errors: &mut Errors) -> Option<u64> {
        let example = self.example(key);
        let value = self.assigned(key, errors)?;
        let Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) = &value
        else {
            errors.over(&value, format!("`{key}` takes a whole number: `{example}`"));
            return None;
        };
        match number.base10_parse::<u64>() {
            Ok(count) if (least..=most).contains(&count) => Some(count),
            _ => {
                errors.push(
                    number.span(),
                    format!("`{key}` is a whole number from {least} to {most}"),
                );
                None
            }
        }
    }

    /// The bytes of `key = "4MiB"` or `key = 4096`.
    pub(crate) fn bytes(&mut self, key: &str, errors: &mut Errors) -> Option<u64> {
        let example = self.example(key);
        let value = self.assigned(key, errors)?;
        let bytes = match &value {
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }) => number.base10_parse().ok(),
            other => text_of(other).and_then(|text| parse_bytes(&text.value)),
        };
        if bytes.is_none_or(|bytes| bytes == 0) {
            errors.over(
                &value,
                format!("a size is a whole number of bytes, or one with a unit (B, KiB, MiB): `{example}`"),
            );
            return None;
        }
        bytes
    }

    /// The queue of `key = "orders"`: a name, a URL or an ARN.
    pub(crate) fn queue(&mut self, key: &str, errors: &mut Errors) -> Option<String> {
        let text = self.text(key, errors)?;
        match queue_error(&text.value) {
            None => Some(text.value),
            Some(reason) => {
                errors.push(text.span, reason);
                None
            }
        }
    }
}

pub(crate) fn text_of(value: &Expr) -> Option<Located<String>> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) => Some(Located {
            value: text.value(),
            span: text.span(),
        }),
        // A literal that came through `macro_rules!` is in a group without delimiters.
        Expr::Group(group) => text_of(&group.expr),
        _ => None,
    }
}

/// The expression that makes this duration, in a constant.
pub(crate) fn duration_tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// `500ms`, `60s`, `10m`, `1h30m`, `7d`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let not_one = || {
        format!(
            "`{text}` is not a duration; write whole numbers with units: \"500ms\", \"60s\", \"10m\", \"1h30m\""
        )
    };
    let mut rest = text.trim();
    let mut millis = 0_u64;
    if rest.is_empty() {
        return Err(not_one());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| not_one())?;
        if unit.is_empty() && next.is_empty() && rest == text.trim() {
            return Err(format!(
                "`{text}` has no unit; write \"{text}s\" for seconds, or use ms, m, h"
            ));
        }
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(not_one)?;
        millis = number
            .checked_mul(*factor)
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(not_one)?;
        rest = next.trim_start();
    }
    Ok(Duration::from_millis(millis))
}

fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// What is wrong with a queue's name; URLs and ARNs are left to the worker.
fn queue_error(queue: &str) -> Option<String> {
    if queue.starts_with("https://") || queue.starts_with("http://") || queue.starts_with("arn:") {
        return None;
    }
    let name = queue.strip_suffix(".fifo").unwrap_or(queue);
    if name.is_empty() {
        return Some("a queue needs a name: `queue = \"orders\"`".to_owned());
    }
    if let Some(wrong) = name
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
    {
        return Some(format!(
            "`{queue}` is not a queue name: {wrong:?} is not allowed; SQS takes letters, digits, `-` and `_`, and `.fifo` at the end"
        ));
    }
    (queue.len() > 80).then(|| {
        format!(
            "a queue name has at most 80 characters; this one has {}",
            queue.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn a_duration_without_a_unit_is_told_to_take_one() {
        assert_eq!(
            parse_duration("60").unwrap_err(),
            "`60` has no unit; write \"60s\" for seconds, or use ms, m, h"
        );
    }

    #[test]
    fn what_is_no_duration_is_an_error() {
        for text in ["", "soon", "1.5s", "-1s", "5 minutes", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(parse_bytes("4MiB"), Some(4 * 1024 * 1024));
        assert_eq!(parse_bytes("10 KiB"), Some(10 * 1024));
        assert_eq!(parse_bytes("5MB"), None);
    }

    #[test]
    fn queue_names_follow_the_rule_of_sqs() {
        assert_eq!(queue_error("orders_2-eu.fifo"), None);
        assert_eq!(queue_error("https://sqs.eu-west-1.amazonaws.com/1/orders"), None);
        assert!(queue_error("my orders").unwrap().contains("' ' is not allowed"));
        assert!(
            queue_error("orders.queue")
                .unwrap()
                .contains("'.' is not allowed")
        );
        assert!(queue_error(&"x".repeat(81)).unwrap().contains("has 81"));
        assert!(queue_error("").is_some());
    }
}
