//! `#[derive(Message)]`: names, versions, codecs, enums.
#![cfg(feature = "macros")]

use serde::{Deserialize, Serialize};
use sqs_worker::{
    Message,
    message::{Incoming, Keyed, Request, Text},
};

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "orders.placed")]
struct PlacedV1 {
    id: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "orders.placed", version = 2, aliases("order-placed"), from = PlacedV1)]
struct Placed {
    #[message(key)]
    id: u64,
    #[message(group)]
    tenant: Option<String>,
    #[message(dedup)]
    attempt: String,
}

impl From<PlacedV1> for Placed {
    fn from(old: PlacedV1) -> Self {
        Self {
            id: old.id,
            tenant: None,
            attempt: "first".to_owned(),
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(name = "notes.written", codec = Text)]
struct Note(String);

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
enum Event {
    Placed(Placed),
    Note(Note),
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "orders.quote", reply = Note)]
struct Quote(#[message(key, group)] u8);

fn placed() -> Placed {
    Placed {
        id: 7,
        tenant: Some("acme".to_owned()),
        attempt: "second".to_owned(),
    }
}

fn incoming<'a>(name: &'a str, version: impl Into<Option<u32>>, body: &'a str) -> Incoming<'a> {
    Incoming::new("orders", body).name(name).version(version)
}

#[test]
fn aliases_and_older_names_are_names_too() {
    assert_eq!(Placed::NAMES, ["orders.placed", "order-placed"]);
    assert_eq!(PlacedV1::NAMES, ["orders.placed"]);
}

#[test]
fn marked_fields_are_the_key_the_group_and_the_deduplication_id() {
    assert_eq!(placed().key().as_deref(), Some("7"));
    assert_eq!(placed().group().as_deref(), Some("acme"));
    assert_eq!(placed().deduplication_id().as_deref(), Some("second"));
    assert_eq!(
        Placed {
            tenant: None,
            ..placed()
        }
        .group(),
        None
    );
}

#[test]
fn one_field_can_be_several_things() {
    assert_eq!(Quote(3).key(), Quote(3).group());
    assert_eq!(Quote(3).deduplication_id().as_deref(), Some("3"));
}

#[test]
fn a_message_of_an_older_version_is_read_as_that_and_converted() {
    let old = Placed::decode(&incoming("orders.placed", 1, r#"{"id": 7}"#)).unwrap();
    assert_eq!(
        old,
        Placed {
            id: 7,
            tenant: None,
            attempt: "first".to_owned()
        }
    );
}

#[test]
fn a_message_without_a_version_is_of_version_1() {
    assert_eq!(
        Placed::decode(&incoming("orders.placed", None, r#"{"id": 7}"#))
            .unwrap()
            .attempt,
        "first"
    );
}

#[test]
fn a_name_that_only_the_older_message_has_means_that_one() {
    #[derive(Serialize, Deserialize, Message)]
    #[message(name = "order_placed")]
    struct Old {
        id: u64,
    }
    #[derive(Serialize, Deserialize, Message)]
    #[message(name = "orders.placed", version = 2, from = Old)]
    struct New {
        number: u64,
    }
    impl From<Old> for New {
        fn from(old: Old) -> Self {
            Self { number: old.id }
        }
    }
    assert_eq!(New::NAMES, ["orders.placed", "order_placed"]);
    assert_eq!(
        New::decode(&incoming("order_placed", 9, r#"{"id": 7}"#))
            .unwrap()
            .number,
        7
    );
}

#[test]
fn a_message_of_this_version_is_read_as_it_is() {
    let body = placed().encode().unwrap();
    assert_eq!(
        Placed::decode(&incoming("orders.placed", 2, &body)).unwrap(),
        placed()
    );
}

#[test]
fn a_codec_of_the_type_writes_and_reads_its_bodies() {
    let note = Note("hello".to_owned());
    assert_eq!(
        (note.encode().unwrap().as_str(), note.content_type()),
        ("hello", "text/plain")
    );
    assert_eq!(
        Note::decode(&incoming("notes.written", None, "hello")).unwrap(),
        note
    );
    let json = incoming("notes.written", None, "\"hello\"").content_type("application/json");
    assert_eq!(Note::decode(&json).unwrap(), note);
}

#[test]
fn an_enum_is_the_message_that_it_holds() {
    let event = Event::Placed(placed());
    assert_eq!((event.name(), event.version()), ("orders.placed", 2));
    assert_eq!(event.key(), placed().key());
    assert_eq!(event.encode().unwrap(), placed().encode().unwrap());
    assert_eq!(Event::Note(Note("x".to_owned())).content_type(), "text/plain");
    assert_eq!(Event::NAMES, ["orders.placed", "order-placed", "notes.written"]);
}

#[test]
fn an_enum_is_read_by_the_wire_name() {
    let note = Event::decode(&incoming("notes.written", None, "hello")).unwrap();
    assert_eq!(note, Event::Note(Note("hello".to_owned())));
    let old = Event::decode(&incoming("order-placed", 1, r#"{"id": 7}"#)).unwrap();
    assert!(matches!(old, Event::Placed(Placed { id: 7, .. })));
}

#[test]
fn an_enum_that_has_no_variant_for_a_message_lists_those_it_has() {
    let error = Event::decode(&incoming("refunded", None, "{}"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`Event` has no variant of that name; it has orders.placed"),
        "{error}"
    );
    let error = Event::decode(&Incoming::new("orders", "{}"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("it has no attribute `message-name`"), "{error}");
}

#[test]
fn a_key_makes_a_message_keyed_and_a_reply_makes_it_a_request() {
    fn keyed<M: Keyed>() {}
    fn request<M: Request<Reply = Note>>() {}
    keyed::<Placed>();
    request::<Quote>();
}
