//! Forms of the query protocol: `A.1.B=value&...` as a tree.

use std::collections::BTreeMap;

use crate::error::Error;

/// A parameter and what lies below it: `Attribute` has `1`, which has `Name` and `Value`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

/// No parameter of SQS lies deeper: `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue`.
const DEEPEST: usize = 8;

impl Node {
    /// Adds `name=value&...` to the tree.
    pub(super) fn read(&mut self, form: &str) -> Result<(), Error> {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name);
            if name.split('.').count() > DEEPEST {
                return Err(Error::serialization(format!(
                    "The parameter {name} is not known."
                )));
            }
            let mut node = &mut *self;
            for part in name.split('.') {
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.value = Some(decode(value));
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.child(name)?.value.clone()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i32>, Error> {
        let Some(text) = self.text(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        text.trim()
            .parse()
            .map(Some)
            .map_err(|_| Error::invalid_value(name, text, "Must be an integer."))
    }

    /// The members of a list in the order of their numbers; a parameter without numbers is its own only member.
    pub(super) fn list(&self, name: &str) -> Vec<&Self> {
        let Some(node) = self.child(name) else {
            return Vec::new();
        };
        // Some clients write lists that are not flattened, or maps with entries.
        let node = node
            .child("member")
            .or_else(|| node.child("entry"))
            .unwrap_or(node);
        let mut members: Vec<_> = node
            .children
            .iter()
            .filter_map(|(number, node)| Some((number.parse::<u32>().ok()?, node)))
            .collect();
        members.sort_by_key(|(number, _)| *number);
        if members.is_empty() {
            return vec![node];
        }
        members.into_iter().map(|(_, node)| node).collect()
    }

    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        self.child(name)?;
        Some(
            self.list(name)
                .into_iter()
                .filter_map(|node| node.value.clone())
                .collect(),
        )
    }

    /// A map given as `name.N.key=...&name.N.value=...`.
    pub(super) fn map(&self, name: &str, key: &str, value: &str) -> BTreeMap<String, String> {
        let pair = |node: &Self| {
            Some((
                node.text(key).or_else(|| node.text("key"))?,
                node.text(value)
                    .or_else(|| node.text("value"))
                    .unwrap_or_default(),
            ))
        };
        self.list(name).into_iter().filter_map(pair).collect()
    }
}

/// Undoes percent encoding and `+` for a space. What is not UTF-8 becomes U+FFFD.
fn decode(text: &str) -> String {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return text.to_owned();
    }
    let hex = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes
            .get(at + 1)
            .copied()
            .and_then(hex)
            .zip(bytes.get(at + 2).copied().and_then(hex));
        match (byte, pair) {
            (b'%', Some((high, low))) => {
                out.push(high << 4 | low);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_and_pluses_are_decoded() {
        assert_eq!(decode("a+b%20c%C3%A9%zz%4"), "a b cé%zz%4");
    }

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let mut form = Node::default();
        form.read("A.10=j&A.2=b&A.1=a&B=only&C.member.1=c").unwrap();
        assert_eq!(form.texts("A").unwrap(), ["a", "b", "j"]);
        assert_eq!(form.texts("B").unwrap(), ["only"]);
        assert_eq!(form.texts("C").unwrap(), ["c"]);
        assert_eq!(form.texts("D"), None);
    }

    #[test]
    fn a_form_that_is_too_deep_is_refused() {
        assert!(Node::default().read(&"a.".repeat(100_000)).is_err());
    }
}
