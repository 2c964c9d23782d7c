//! Queues from a TOML file, for the server's `--queues`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::SqsLocal;
use crate::api::{Caller, CreateQueue, Operation, Request};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    queue: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: String,
    #[serde(default)]
    attributes: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    dead_letter_queue: Option<String>,
    max_receive_count: Option<u32>,
}

/// Creates the queues of a TOML file:
///
/// ```toml
/// [[queue]]
/// name = "orders"
/// attributes = { VisibilityTimeout = 60, ReceiveMessageWaitTimeSeconds = 20 }
/// tags = { team = "shop" }
/// dead-letter-queue = "orders-dead"   # created if the file does not say more about it
/// max-receive-count = 5               # 10 if left out
///
/// [[queue]]
/// name = "payments.fifo"              # FIFO, because of its name
/// attributes = { ContentBasedDeduplication = true }
/// ```
///
/// Queues that exist with the same attributes are left alone.
///
/// # Errors
///
/// A text that says where the file is wrong, or which queue is and why.
pub async fn create_queues(sqs: &SqsLocal, text: &str) -> Result<(), String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let named: Vec<&str> = file.queue.iter().map(|entry| entry.name.as_str()).collect();
    let unnamed = file
        .queue
        .iter()
        .filter_map(|entry| entry.dead_letter_queue.as_deref());
    for name in unnamed.filter(|name| !named.contains(name)) {
        create(sqs, name, BTreeMap::new(), BTreeMap::new()).await?;
    }
    // Those that others may need come first.
    let (sources, others): (Vec<_>, Vec<_>) = file
        .queue
        .iter()
        .partition(|entry| entry.dead_letter_queue.is_some());
    for entry in others.into_iter().chain(sources) {
        let mut attributes: BTreeMap<String, String> = entry
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect();
        if let Some(dead) = &entry.dead_letter_queue {
            let arn = crate::engine::arn(&sqs.home().account, &sqs.home().region, dead);
            let count = entry.max_receive_count.unwrap_or(10);
            let policy = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": count});
            attributes.insert("RedrivePolicy".into(), policy.to_string());
        }
        create(sqs, &entry.name, attributes, entry.tags.clone()).await?;
    }
    Ok(())
}

fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

async fn create(
    sqs: &SqsLocal,
    name: &str,
    mut attributes: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
) -> Result<(), String> {
    if name.ends_with(".fifo") {
        attributes
            .entry("FifoQueue".into())
            .or_insert_with(|| "true".into());
    }
    let caller = Caller {
        account: Arc::clone(&sqs.home().account),
        region: Arc::clone(&sqs.home().region),
        trace_id: None,
        base_url: Arc::default(),
    };
    let operation = Operation::CreateQueue(CreateQueue {
        queue_name: Some(name.into()),
        attributes,
        tags,
    });
    let created = sqs.call(Request { caller, operation }).await;
    created
        .map(drop)
        .map_err(|error| format!("queue {name}: {}", error.message()))
}
