//! Messages: sizes, characters, attributes, digests.
//!
//! Source: SQS API reference, `SendMessage` and `ReceiveMessage`; Developer Guide, "message metadata" and "quotas related
//! to messages"; digests and texts of errors are recorded on AWS.

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue,
};

use crate::support::{Queue, Refused, Sqs, refused, system};

fn string(data_type: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(data_type)
        .string_value(value)
        .build()
        .unwrap()
}

async fn queue() -> Queue {
    Sqs::new().queue("orders", &[]).await
}

async fn send(
    queue: &Queue,
    body: &str,
    attributes: &[(&str, MessageAttributeValue)],
) -> Result<(), Refused> {
    let mut send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body(body);
    for (name, value) in attributes {
        send = send.message_attributes(*name, value.clone());
    }
    send.send().await.map(|_| ()).map_err(refused)
}

async fn receive_with(queue: &Queue, names: &[&str]) -> Message {
    let mut receive = queue
        .client
        .receive_message()
        .queue_url(&queue.url)
        .visibility_timeout(0);
    for name in names {
        receive = receive.message_attribute_names(*name);
    }
    receive.send().await.unwrap().messages.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_message_has_at_most_1_mib() {
    let queue = queue().await;
    send(&queue, &"x".repeat(1_048_576), &[]).await.unwrap();
    let refused = send(&queue, &"x".repeat(1_048_577), &[]).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    assert_eq!(
        refused.message,
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    );
}

#[tokio::test(start_paused = true)]
async fn names_types_and_values_of_attributes_count_in_the_size() {
    let queue = Sqs::new()
        .queue("orders", &[("MaximumMessageSize", "1024")])
        .await;
    let attributes = [("name", string("String", "value"))];
    let rest = 1024 - "name".len() - "String".len() - "value".len();
    send(&queue, &"x".repeat(rest), &attributes).await.unwrap();
    assert!(send(&queue, &"x".repeat(rest + 1), &attributes).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn sizes_count_bytes_of_utf_8() {
    let queue = Sqs::new()
        .queue("orders", &[("MaximumMessageSize", "1024")])
        .await;
    send(&queue, &"é".repeat(512), &[]).await.unwrap();
    assert!(send(&queue, &"é".repeat(513), &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_trace_header_does_not_count_in_the_size() {
    let queue = Sqs::new()
        .queue("orders", &[("MaximumMessageSize", "1024")])
        .await;
    let trace = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value("Root=1-2-3")
        .build()
        .unwrap();
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("x".repeat(1024));
    let send = send.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace);
    let sent = send.send().await.unwrap();
    assert!(sent.md5_of_message_system_attributes.is_some());
    let message = queue.receive_one().await;
    assert_eq!(
        system(&message, &MessageSystemAttributeName::AwsTraceHeader).as_deref(),
        Some("Root=1-2-3")
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_refused() {
    let refused = send(&queue().await, "", &[]).await.unwrap_err();
    assert_eq!(refused.code, "MissingParameter");
    assert_eq!(
        refused.message,
        "The request must contain the parameter MessageBody."
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_has_only_allowed_characters() {
    let queue = queue().await;
    send(
        &queue,
        "tab\t, line\r\n, \u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}",
        &[],
    )
    .await
    .unwrap();
    for bad in ["\0", "\u{8}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
        assert_eq!(
            send(&queue, bad, &[]).await.unwrap_err().code,
            "InvalidMessageContents",
            "{bad:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_has_at_most_10_attributes() {
    let queue = queue().await;
    let names: Vec<String> = (0..11).map(|n| format!("a{n}")).collect();
    let attributes: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), string("String", "v")))
        .collect();
    send(&queue, "one", &attributes[..10]).await.unwrap();
    let refused = send(&queue, "one", &attributes).await.unwrap_err();
    assert_eq!(
        refused.message,
        "Number of message attributes [11] exceeds the allowed maximum [10]."
    );
}

#[tokio::test(start_paused = true)]
async fn attribute_names_types_and_values_have_rules() {
    let queue = queue().await;
    let long = "x".repeat(257);
    for (name, value) in [
        ("AWS.a", string("String", "v")),
        ("amazon.a", string("String", "v")),
        (".a", string("String", "v")),
        ("a.", string("String", "v")),
        ("a..b", string("String", "v")),
        ("a b", string("String", "v")),
        (long.as_str(), string("String", "v")),
        ("a", string("Text", "v")),
        ("a", string("Number", "seven")),
        ("a", string("String", "")),
        ("a", string(&format!("Number.{long}"), "7")),
    ] {
        let refused = send(&queue, "one", &[(name, value)]).await.unwrap_err();
        assert_eq!(
            refused.code, "InvalidParameterValue",
            "{name} {}",
            refused.message
        );
    }
    for (name, value) in [
        ("a.b-c_D9", string("Number.int", "-1.5e3")),
        ("é", string("String.json", "{}")),
    ] {
        send(&queue, "one", &[(name, value)]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn attributes_come_back_by_name_prefix_or_all() {
    let queue = queue().await;
    let value = || string("String", "v");
    send(
        &queue,
        "one",
        &[("Hello", value()), ("Help.Me", value()), ("General", value())],
    )
    .await
    .unwrap();
    for (asked, expected) in [
        (&[] as &[&str], &[] as &[&str]),
        (&["All"], &["General", "Hello", "Help.Me"]),
        (&[".*"], &["General", "Hello", "Help.Me"]),
        (&["Hel.*"], &["Hello", "Help.Me"]),
        (&["Hello", "Missing"], &["Hello"]),
        (&["Help"], &[]),
    ] {
        let message = receive_with(&queue, asked).await;
        let mut names: Vec<_> = message
            .message_attributes
            .iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{asked:?}");
        assert_eq!(message.md5_of_message_attributes.is_some(), !expected.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_digest_covers_the_attributes_that_come_back() {
    // The values of Hello, Help.Me and General are those of a recorded answer, and so are the digests.
    let queue = queue().await;
    let attributes = [
        ("Hello", string("String", "There")),
        ("Help.Me", string("String", "Me")),
        ("General", string("String", "Kenobi")),
    ];
    send(&queue, "msg", &attributes).await.unwrap();
    for (asked, md5) in [
        ("All", "4c360f3fdafd970e05fae2f149d997f5"),
        ("Hello", "a311262e065454b75da111d535b8dacd"),
        ("Hel.*", "83fee93c1bcd8b9a5a923ffacdc636c7"),
    ] {
        let message = receive_with(&queue, &[asked]).await;
        assert_eq!(message.md5_of_message_attributes.as_deref(), Some(md5));
        assert_eq!(
            message.md5_of_body.as_deref(),
            Some("6e2baaf3b97dbeef01c0043275f9a0e7")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn binary_values_come_back_as_they_were() {
    let queue = queue().await;
    let bytes: Vec<u8> = (0..=255).collect();
    let value = MessageAttributeValue::builder()
        .data_type("Binary.png")
        .binary_value(Blob::new(bytes.clone()));
    send(&queue, "one", &[("picture", value.build().unwrap())])
        .await
        .unwrap();
    let message = receive_with(&queue, &["picture"]).await;
    let back = message.message_attributes.unwrap().remove("picture").unwrap();
    assert_eq!(back.data_type(), "Binary.png");
    assert_eq!(back.binary_value.unwrap().into_inner(), bytes);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_0_to_900_s() {
    let queue = queue().await;
    let send = |delay: i32| {
        queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("x")
            .delay_seconds(delay)
            .send()
    };
    send(900).await.unwrap();
    for delay in [-1, 901] {
        let refused = refused(send(delay).await.unwrap_err());
        assert_eq!(refused.code, "InvalidParameterValue");
        assert!(
            refused
                .message
                .starts_with(&format!("Value {delay} for parameter DelaySeconds is invalid."))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn receive_parameters_have_ranges() {
    let queue = queue().await;
    let receive = || queue.client.receive_message().queue_url(&queue.url);
    for (receive, text) in [
        (
            receive().max_number_of_messages(11),
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            receive().max_number_of_messages(0),
            "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            receive().wait_time_seconds(21),
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        ),
        (
            receive().visibility_timeout(43_201),
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.",
        ),
    ] {
        assert_eq!(refused(receive.send().await.unwrap_err()).message, text);
    }
}

#[tokio::test(start_paused = true)]
async fn old_messages_expire() {
    let queue = Sqs::new()
        .queue("orders", &[("MessageRetentionPeriod", "60")])
        .await;
    queue.send("one").await;
    queue.local.advance(crate::support::seconds(59)).await;
    assert_eq!(queue.state().messages.len(), 1);
    queue.local.advance(crate::support::seconds(1)).await;
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_in_flight_expires_too() {
    let queue = Sqs::new()
        .queue(
            "orders",
            &[("MessageRetentionPeriod", "60"), ("VisibilityTimeout", "600")],
        )
        .await;
    queue.send("one").await;
    let message = queue.receive_one().await;
    queue.local.advance(crate::support::seconds(60)).await;
    assert!(queue.state().is_empty());
    queue.delete(&message).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_refuses_a_deduplication_id() {
    let queue = queue().await;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("x")
        .message_deduplication_id("1");
    let refused = refused(send.send().await.unwrap_err());
    assert_eq!(refused.code, "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn group_and_deduplication_ids_have_1_to_128_visible_characters() {
    let queue = Sqs::new().queue("orders.fifo", &[]).await;
    let send = |group: &str, id: &str| {
        let send = queue
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("x");
        send.message_group_id(group).message_deduplication_id(id).send()
    };
    send(&"g".repeat(128), &"!".repeat(128)).await.unwrap();
    for bad in ["", "a b", &"a".repeat(129), "é"] {
        assert_eq!(
            refused(send(bad, "1").await.unwrap_err()).code,
            "InvalidParameterValue",
            "{bad:?}"
        );
        assert_eq!(
            refused(send("g", bad).await.unwrap_err()).code,
            "InvalidParameterValue",
            "{bad:?}"
        );
    }
}
