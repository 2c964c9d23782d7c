//! What a message of a scenario looks like on the wire, and how it is recognized there.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::MessageAttributeValue;
use serde::{Deserialize, Serialize};
use sqs_local::api::{MessageAttribute, SendMessage};
use sqs_worker::{
    Message,
    message::{HEADERS_ATTRIBUTE, Headers, NAME_ATTRIBUTE},
};

use crate::scenario::{Kind, Scenario};

/// The attribute that has a message's rank.
pub(crate) const RANK: &str = "rank";

/// What the first handler of every queue takes.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "sim.task")]
pub(crate) struct Task {
    n: usize,
    filler: String,
    /// Another message whose key it has.
    key: Option<usize>,
}

impl Task {
    /// What it is known by where each key runs once.
    pub(crate) fn key(&self) -> usize {
        self.key.unwrap_or(self.n)
    }
}

/// What the second one takes.
#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "sim.note")]
pub(crate) struct Note {
    n: usize,
    filler: String,
}

/// The body of a message of the scenario. The first number in it is the message's own.
pub(crate) fn body(scenario: &Scenario, number: usize) -> String {
    let plan = &scenario.messages[number];
    let filler = "x".repeat(plan.filler);
    match plan.kind {
        Kind::Garbage => format!("not json: {number} {filler}"),
        _ => match plan.key_of {
            Some(key) => format!(r#"{{"n":{number},"filler":"{filler}","key":{key}}}"#),
            None => format!(r#"{{"n":{number},"filler":"{filler}"}}"#),
        },
    }
}

/// The attributes that its sender gives it.
pub(crate) fn attributes(scenario: &Scenario, number: usize) -> BTreeMap<String, MessageAttribute> {
    let plan = &scenario.messages[number];
    let name = match plan.kind {
        Kind::Task | Kind::Garbage => Task::NAME,
        Kind::Note => Note::NAME,
        Kind::Unknown => "sim.nobody",
    };
    let mut attributes = BTreeMap::from([(NAME_ATTRIBUTE.to_owned(), MessageAttribute::string(name))]);
    if let Some(rank) = plan.rank {
        attributes.insert(RANK.to_owned(), MessageAttribute::string(rank.to_string()));
    }
    for extra in 0..plan.attributes {
        let value = if extra % 2 == 0 {
            MessageAttribute::string(format!("{number}/{extra} ü"))
        } else {
            MessageAttribute::binary(vec![number as u8, extra as u8, 0])
        };
        attributes.insert(format!("extra-{extra}"), value);
    }
    attributes
}

/// The request that sends one copy of it. Where each key runs once, copies are messages of their own in a FIFO queue too.
pub(crate) fn send(scenario: &Scenario, number: usize, copy: u32, url: String) -> SendMessage {
    let plan = &scenario.messages[number];
    let fifo = scenario.queues[plan.queue].fifo;
    let copy = scenario.key(number).map_or(0, |_| copy);
    SendMessage {
        queue_url: Some(url),
        message_body: Some(body(scenario, number)),
        message_attributes: Some(attributes(scenario, number)),
        message_group_id: plan.group.map(|group| format!("g{group}")),
        message_deduplication_id: fifo.then(|| format!("d{number}-{copy}")),
        ..SendMessage::default()
    }
}

/// The number of the message that has this body.
pub(crate) fn number_in(body: &str) -> Option<usize> {
    let digits = body.find(|c: char| c.is_ascii_digit())?;
    let rest = &body[digits..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Whether body and attributes are what the scenario says. The failure record of a dead-letter copy is no change.
pub(crate) fn is_intact<'a>(
    scenario: &Scenario,
    number: usize,
    found_body: &str,
    found: impl Iterator<Item = (&'a str, &'a MessageAttribute)>,
) -> bool {
    let found: BTreeMap<&str, &MessageAttribute> =
        found.filter(|(name, _)| *name != HEADERS_ATTRIBUTE).collect();
    let expected = attributes(scenario, number);
    found_body == body(scenario, number)
        && found.len() == expected.len()
        && expected
            .iter()
            .all(|(name, value)| found.get(name.as_str()) == Some(&value))
}

/// The same for what a handler sees.
pub(crate) fn is_intact_in_handler(
    scenario: &Scenario,
    number: usize,
    found_body: &str,
    found: Option<&HashMap<String, MessageAttributeValue>>,
) -> bool {
    let found: BTreeMap<String, MessageAttribute> = found
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = match (value.string_value(), value.binary_value()) {
                (Some(text), _) => MessageAttribute::string(text),
                (None, Some(blob)) => MessageAttribute::binary(blob.as_ref()),
                (None, None) => MessageAttribute::default(),
            };
            (name.clone(), value)
        })
        .collect();
    is_intact(
        scenario,
        number,
        found_body,
        found.iter().map(|(name, value)| (name.as_str(), value)),
    )
}

/// The id of the message that a dead-letter copy was made of, by its failure record.
pub(crate) fn copied_from(attributes: &BTreeMap<String, MessageAttribute>) -> Option<String> {
    let headers = Headers::parse(attributes.get(HEADERS_ATTRIBUTE)?.string_value.as_deref()?).ok()?;
    Some(headers.failure?.message_id)
}
