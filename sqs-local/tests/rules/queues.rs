//! Queues as a whole: create, find, list, delete, purge, settings, tags.
//!
//! Source: SQS API reference, `CreateQueue`, `ListQueues`, `DeleteQueue`, `PurgeQueue`, `SetQueueAttributes`, `TagQueue`; the texts
//! of errors are recorded on AWS.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::support::{Queue, Sqs, redrive, refused, seconds};

async fn create(
    sqs: &Sqs,
    name: &str,
    attributes: &[(&str, &str)],
) -> Result<String, crate::support::Refused> {
    let mut create = sqs.client.create_queue().queue_name(name);
    for (name, value) in attributes {
        create = create.attributes(QueueAttributeName::from(*name), *value);
    }
    create
        .send()
        .await
        .map(|created| created.queue_url.unwrap_or_default())
        .map_err(refused)
}

async fn code(sqs: &Sqs, name: &str, attributes: &[(&str, &str)]) -> String {
    create(sqs, name, attributes)
        .await
        .expect_err("the queue is refused")
        .code
}

async fn set(queue: &Queue, name: &str, value: &str) -> Result<(), crate::support::Refused> {
    let set = queue.client.set_queue_attributes().queue_url(&queue.url);
    set.attributes(QueueAttributeName::from(name), value)
        .send()
        .await
        .map(|_| ())
        .map_err(refused)
}

async fn get(queue: &Queue, name: &str) -> Option<String> {
    let get = queue.client.get_queue_attributes().queue_url(&queue.url);
    let got = get
        .attribute_names(QueueAttributeName::from(name))
        .send()
        .await
        .unwrap();
    got.attributes
        .and_then(|mut attributes| attributes.remove(&QueueAttributeName::from(name)))
}

#[tokio::test(start_paused = true)]
async fn a_new_queue_has_the_documented_defaults() {
    let queue = Sqs::new().queue("orders", &[]).await;
    for (name, value) in [
        ("VisibilityTimeout", "30"),
        ("DelaySeconds", "0"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("MessageRetentionPeriod", "345600"),
        ("MaximumMessageSize", "1048576"),
        ("SqsManagedSseEnabled", "true"),
        ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:orders"),
    ] {
        assert_eq!(get(&queue, name).await.as_deref(), Some(value), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn creating_the_same_queue_again_finds_it() {
    let sqs = Sqs::new();
    let url = create(&sqs, "orders", &[("DelaySeconds", "1")]).await.unwrap();
    assert_eq!(create(&sqs, "orders", &[]).await.unwrap(), url);
    assert_eq!(
        create(&sqs, "orders", &[("DelaySeconds", "1")]).await.unwrap(),
        url
    );
}

#[tokio::test(start_paused = true)]
async fn creating_a_queue_with_another_value_is_refused() {
    let sqs = Sqs::new();
    create(&sqs, "orders", &[("DelaySeconds", "1")]).await.unwrap();
    let refused = create(&sqs, "orders", &[("DelaySeconds", "2")])
        .await
        .unwrap_err();
    assert_eq!(refused.code, "QueueAlreadyExists");
    assert_eq!(
        refused.message,
        "A queue already exists with the same name and a different value for attribute DelaySeconds"
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_has_1_to_80_letters_digits_hyphens_and_underscores() {
    let sqs = Sqs::new();
    assert!(create(&sqs, &"a".repeat(80), &[]).await.is_ok());
    for name in ["a b", "a.b", "", &"a".repeat(81), "orders.fifo"] {
        assert_eq!(code(&sqs, name, &[]).await, "InvalidParameterValue", "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fifo_queues_name_ends_in_fifo() {
    let sqs = Sqs::new();
    assert!(
        create(&sqs, "orders.fifo", &[("FifoQueue", "true")])
            .await
            .is_ok()
    );
    assert_eq!(
        code(&sqs, "orders", &[("FifoQueue", "true")]).await,
        "InvalidParameterValue"
    );
}

#[tokio::test(start_paused = true)]
async fn settings_have_ranges() {
    let sqs = Sqs::new();
    for (name, low, high, beyond) in [
        ("DelaySeconds", "0", "900", ["-1", "901"]),
        ("MaximumMessageSize", "1024", "1048576", ["1023", "1048577"]),
        ("MessageRetentionPeriod", "60", "1209600", ["59", "1209601"]),
        ("ReceiveMessageWaitTimeSeconds", "0", "20", ["-1", "21"]),
        ("VisibilityTimeout", "0", "43200", ["x", "43201"]),
    ] {
        for value in [low, high] {
            assert!(
                create(&sqs, &format!("{name}-{value}"), &[(name, value)])
                    .await
                    .is_ok(),
                "{name} {value}"
            );
        }
        for value in beyond {
            assert_eq!(
                code(&sqs, "beyond", &[(name, value)]).await,
                "InvalidAttributeValue",
                "{name} {value}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_setting_is_refused() {
    let refused = create(&Sqs::new(), "orders", &[("Foo", "1")]).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("InvalidAttributeName", "Unknown Attribute Foo.")
    );
}

#[tokio::test(start_paused = true)]
async fn a_standard_queue_has_no_fifo_settings() {
    let sqs = Sqs::new();
    for (name, value) in [
        ("FifoQueue", "false"),
        ("ContentBasedDeduplication", "false"),
        ("DeduplicationScope", "queue"),
        ("FifoThroughputLimit", "perQueue"),
    ] {
        assert_eq!(
            code(&sqs, "orders", &[(name, value)]).await,
            "InvalidAttributeName",
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn high_throughput_needs_deduplication_by_group() {
    let sqs = Sqs::new();
    let per_group = ("FifoThroughputLimit", "perMessageGroupId");
    let fifo = ("FifoQueue", "true");
    assert_eq!(
        code(&sqs, "a.fifo", &[fifo, per_group]).await,
        "InvalidAttributeValue"
    );
    assert!(
        create(
            &sqs,
            "a.fifo",
            &[fifo, per_group, ("DeduplicationScope", "messageGroup")]
        )
        .await
        .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_cannot_become_fifo() {
    let queue = Sqs::new().queue("orders", &[]).await;
    assert_eq!(
        set(&queue, "FifoQueue", "true").await.unwrap_err().message,
        "Unknown Attribute FifoQueue."
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_setting_counts_for_the_next_request() {
    let queue = Sqs::new().queue("orders", &[]).await;
    set(&queue, "VisibilityTimeout", "5").await.unwrap();
    queue.send("one").await;
    queue.receive_one().await;
    queue.local.advance(seconds(5)).await;
    queue.receive_one().await;
}

#[tokio::test(start_paused = true)]
async fn the_queues_delay_counts_unless_the_message_has_one() {
    let queue = Sqs::new().queue("orders", &[("DelaySeconds", "60")]).await;
    queue.send("slow").await;
    let send = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("fast")
        .delay_seconds(0);
    send.send().await.unwrap();
    assert_eq!(queue.receive_one().await.body(), Some("fast"));
    assert_eq!(queue.state().delayed()[0].body, "slow");
}

#[tokio::test(start_paused = true)]
async fn queues_are_listed_by_prefix_and_in_pages() {
    let sqs = Sqs::new();
    for name in ["b-1", "a-3", "a-1", "a-2"] {
        sqs.queue(name, &[]).await;
    }
    let first = sqs
        .client
        .list_queues()
        .queue_name_prefix("a-")
        .max_results(2)
        .send()
        .await
        .unwrap();
    let names = |urls: &[String]| {
        urls.iter()
            .map(|url| url.rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(first.queue_urls()), ["a-1", "a-2"]);
    let rest = sqs.client.list_queues().queue_name_prefix("a-").max_results(2);
    let rest = rest.next_token(first.next_token.unwrap()).send().await.unwrap();
    assert_eq!(names(rest.queue_urls()), ["a-3"]);
    assert_eq!(rest.next_token, None);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_for_60_s_after_the_deletion() {
    let sqs = Sqs::new();
    let queue = sqs.queue("orders", &[]).await;
    queue
        .client
        .delete_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    sqs.local.advance(seconds(59)).await;
    assert_eq!(
        code(&sqs, "orders", &[]).await,
        "AWS.SimpleQueueService.QueueDeletedRecently"
    );
    sqs.local.advance(seconds(1)).await;
    assert!(create(&sqs, "orders", &[]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_queue_does_not_exist() {
    let queue = Sqs::new().queue("orders", &[]).await;
    queue
        .client
        .delete_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    let error = queue
        .client
        .get_queue_url()
        .queue_name("orders")
        .send()
        .await
        .unwrap_err();
    assert!(error.as_service_error().unwrap().is_queue_does_not_exist());
    assert!(queue.local.queue("orders").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_purge_deletes_all_messages_wherever_they_stand() {
    let queue = Sqs::new().queue("orders", &[]).await;
    for body in ["one", "two"] {
        queue.send(body).await;
    }
    queue.receive_up_to(1).await;
    queue
        .client
        .purge_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    assert!(queue.state().is_empty());
}

#[tokio::test(start_paused = true)]
async fn purges_must_be_60_s_apart() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let purge = || queue.client.purge_queue().queue_url(&queue.url).send();
    purge().await.unwrap();
    queue.local.advance(seconds(59)).await;
    let error = purge().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    let refused = refused(error);
    assert_eq!(refused.code, "AWS.SimpleQueueService.PurgeQueueInProgress");
    assert_eq!(
        refused.message,
        "Only one PurgeQueue operation on orders is allowed every 60 seconds."
    );
    queue.local.advance(seconds(1)).await;
    purge().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_purge_forgets_deduplication_ids() {
    // Recorded on AWS.
    let queue = Sqs::new().queue("orders.fifo", &[]).await;
    queue.send_to("g", "one").await;
    queue
        .client
        .purge_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    queue.send_to("g", "one").await;
    assert_eq!(queue.state().messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_must_exist_and_be_of_the_same_kind() {
    let sqs = Sqs::new();
    let dead = sqs.queue("dead", &[]).await;
    let policy = |arn: &str| redrive(arn, 3);
    for arn in ["dummy", "arn:aws:sqs:us-east-1:000000000000:missing"] {
        assert_eq!(
            code(&sqs, "orders", &[("RedrivePolicy", &policy(arn))]).await,
            "InvalidParameterValue"
        );
    }
    let mixed = [("FifoQueue", "true"), ("RedrivePolicy", &policy(&dead.arn()))];
    assert_eq!(code(&sqs, "orders.fifo", &mixed).await, "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn a_max_receive_count_is_1_to_1000() {
    let sqs = Sqs::new();
    let dead = sqs.queue("dead", &[]).await;
    for (count, good) in [(0, false), (1, true), (1000, true), (1001, false)] {
        let created = create(
            &sqs,
            &format!("q{count}"),
            &[("RedrivePolicy", &redrive(&dead.arn(), count))],
        )
        .await;
        assert_eq!(created.is_ok(), good, "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_redrive_policy_takes_it_away() {
    let (queue, _dead) = Sqs::new().with_dead_letters("orders", 1).await;
    assert!(get(&queue, "RedrivePolicy").await.is_some());
    set(&queue, "RedrivePolicy", "").await.unwrap();
    assert_eq!(get(&queue, "RedrivePolicy").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_may_refuse_sources() {
    let sqs = Sqs::new();
    let allowed = "arn:aws:sqs:us-east-1:000000000000:friend";
    let policy = format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{allowed}"]}}"#);
    let dead = sqs.queue("dead", &[("RedriveAllowPolicy", &policy)]).await;
    assert!(
        create(&sqs, "friend", &[("RedrivePolicy", &redrive(&dead.arn(), 1))])
            .await
            .is_ok()
    );
    assert_eq!(
        code(&sqs, "stranger", &[("RedrivePolicy", &redrive(&dead.arn(), 1))]).await,
        "InvalidParameterValue"
    );
}

#[tokio::test(start_paused = true)]
async fn the_sources_of_a_dead_letter_queue_are_listed() {
    let (queue, dead) = Sqs::new().with_dead_letters("orders", 1).await;
    let sources = queue
        .client
        .list_dead_letter_source_queues()
        .queue_url(&dead.url)
        .send()
        .await
        .unwrap();
    assert_eq!(sources.queue_urls(), [queue.url]);
}

#[tokio::test(start_paused = true)]
async fn tags_are_set_overwritten_and_taken_away() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let tag = queue
        .client
        .tag_queue()
        .queue_url(&queue.url)
        .tags("a", "1")
        .tags("b", "2");
    tag.send().await.unwrap();
    queue
        .client
        .tag_queue()
        .queue_url(&queue.url)
        .tags("a", "3")
        .send()
        .await
        .unwrap();
    queue
        .client
        .untag_queue()
        .queue_url(&queue.url)
        .tag_keys("b")
        .send()
        .await
        .unwrap();
    let tags = queue
        .client
        .list_queue_tags()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap()
        .tags
        .unwrap();
    assert_eq!(
        tags.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), "3".to_owned())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_has_at_most_50_tags() {
    let queue = Sqs::new().queue("orders", &[]).await;
    let mut tag = queue.client.tag_queue().queue_url(&queue.url);
    for n in 0..51 {
        tag = tag.tags(format!("k{n}"), "v");
    }
    assert_eq!(
        refused(tag.send().await.unwrap_err()).code,
        "InvalidParameterValue"
    );
    assert!(queue.state().tags.is_empty());
}

#[tokio::test(start_paused = true)]
async fn permissions_become_statements_of_the_policy() {
    // The form of the statement is recorded on AWS.
    let queue = Sqs::new().queue("orders", &[]).await;
    let add = || {
        let add = queue
            .client
            .add_permission()
            .queue_url(&queue.url)
            .label("others");
        add.aws_account_ids("111111111111")
            .actions("ReceiveMessage")
            .send()
    };
    add().await.unwrap();
    let policy = get(&queue, "Policy").await.unwrap();
    for part in [
        "\"Sid\":\"others\"",
        "\"SQS:ReceiveMessage\"",
        "\"arn:aws:iam::111111111111:root\"",
        "2008-10-17",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    let again = refused(add().await.unwrap_err());
    assert_eq!(
        again.message,
        "Value others for parameter Label is invalid. Reason: Already exists."
    );
    let remove = || {
        queue
            .client
            .remove_permission()
            .queue_url(&queue.url)
            .label("others")
            .send()
    };
    remove().await.unwrap();
    assert_eq!(get(&queue, "Policy").await, None);
    let gone = refused(remove().await.unwrap_err());
    assert_eq!(
        gone.message,
        "Value others for parameter Label is invalid. Reason: can't find label."
    );
}

#[tokio::test(start_paused = true)]
async fn a_kms_key_turns_managed_encryption_off() {
    // Recorded on AWS.
    let queue = Sqs::new().queue("orders", &[("KmsMasterKeyId", "key")]).await;
    assert_eq!(
        get(&queue, "SqsManagedSseEnabled").await.as_deref(),
        Some("false")
    );
    assert_eq!(
        get(&queue, "KmsDataKeyReusePeriodSeconds").await.as_deref(),
        Some("300")
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_has_one_kind_of_encryption() {
    // Recorded on AWS.
    let both = [("KmsMasterKeyId", "key"), ("SqsManagedSseEnabled", "true")];
    let refused = create(&Sqs::new(), "orders", &both).await.unwrap_err();
    assert_eq!(refused.code, "InvalidAttributeName");
    assert_eq!(
        refused.message,
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    );
}
