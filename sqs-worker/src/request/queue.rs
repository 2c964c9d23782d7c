//! The queue for replies: one that is made for this process, or one that is there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_sqs::{Client, types::QueueAttributeName as Attribute};
use uuid::Uuid;

use super::AskError;
use crate::{
    error::{ErrorClass, SqsError},
    queue::{self, QueueRef},
};

/// The tag of every queue that a requester made.
pub(super) const TAG: &str = "sqs-worker:reply-queue";

/// What the names of such queues begin with, unless said otherwise.
pub(super) const PREFIX: &str = "sqs-worker-replies";

/// How long SQS keeps a reply that nobody fetches. Whoever asked has given up by then.
const RETENTION: u64 = 300;

/// Which queue replies come to.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// One of this process, with this prefix.
    Own(String),
    /// One that exists.
    Fixed(String),
}

/// A queue that replies come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplyQueue {
    pub(super) name: Arc<str>,
    pub(super) url: Arc<str>,
}

impl Kind {
    /// A name for the queue, different from every other.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Own(prefix) => format!("{prefix}-{}", Uuid::now_v7().simple()),
            Self::Fixed(name) => name.clone(),
        }
    }

    /// Makes the queue of this name, or finds it.
    pub(super) async fn open(&self, client: &Client, name: &str) -> Result<ReplyQueue, AskError> {
        let name: QueueRef = name.parse()?;
        let url = match self {
            Self::Own(_) => create(client, name.name()).await?,
            Self::Fixed(_) => queue::url_of(client, &name).await?,
        };
        Ok(ReplyQueue {
            name: name.name().into(),
            url: url.into(),
        })
    }

    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }
}

/// Creating the same queue twice gives the same queue: whoever does not learn of the first answer asks again.
async fn create(client: &Client, name: &str) -> Result<String, SqsError> {
    let answer = client
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::MessageRetentionPeriod, RETENTION.to_string())
        .tags(TAG, "true")
        .send()
        .await
        .map_err(|error| SqsError::from_sdk("CreateQueue", name, error))?;
    let url = answer.queue_url.ok_or_else(|| {
        SqsError::local(
            "CreateQueue",
            name,
            ErrorClass::Unavailable,
            "the answer holds no URL",
        )
    })?;
    tracing::info!(queue = name, "replies come to a queue of this process");
    Ok(url)
}

impl ReplyQueue {
    /// Says that somebody listens: changes something about the queue, so that the time of its last change is now. A
    /// change of tags would do as well, and is throttled for a whole account.
    pub(super) async fn touch(&self, client: &Client, count: u64) -> Result<(), SqsError> {
        let retention = RETENTION + count % 2;
        let touch = client
            .set_queue_attributes()
            .queue_url(&*self.url)
            .attributes(Attribute::MessageRetentionPeriod, retention.to_string());
        let answer = touch.send().await;
        answer.map_err(|error| SqsError::from_sdk("SetQueueAttributes", &self.name, error))?;
        Ok(())
    }

    pub(super) async fn delete(&self, client: &Client) -> Result<(), SqsError> {
        let answer = client.delete_queue().queue_url(&*self.url).send().await;
        match answer.map_err(|error| SqsError::from_sdk("DeleteQueue", &self.name, error)) {
            Err(error) if error.class() != ErrorClass::QueueMissing => Err(error),
            _ => Ok(()),
        }
    }
}

/// Every queue whose name begins with `prefix`: name and URL.
pub(super) async fn list(client: &Client, prefix: &str) -> Result<Vec<ReplyQueue>, SqsError> {
    let mut pages = client
        .list_queues()
        .queue_name_prefix(prefix)
        .max_results(1_000)
        .into_paginator()
        .send();
    let mut queues = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| SqsError::from_sdk("ListQueues", prefix, error))?;
        for url in page.queue_urls.unwrap_or_default() {
            let name = url.rsplit('/').next().unwrap_or_default().into();
            queues.push(ReplyQueue {
                name,
                url: url.into(),
            });
        }
    }
    Ok(queues)
}

/// How long ago, before `now` in seconds since 1970, something last happened to a queue that a requester made; `None`
/// for a queue that none did, and for one that is gone.
pub(super) async fn idle_for(
    client: &Client,
    queue: &ReplyQueue,
    now: u64,
) -> Result<Option<Duration>, SqsError> {
    let gone = |error: SqsError| match error.class() {
        ErrorClass::QueueMissing => Ok(None),
        _ => Err(error),
    };
    let tags = client.list_queue_tags().queue_url(&*queue.url).send().await;
    match tags.map_err(|error| SqsError::from_sdk("ListQueueTags", &queue.name, error)) {
        Ok(answer) if answer.tags.as_ref().is_some_and(|tags| tags.contains_key(TAG)) => {}
        Ok(_) => return Ok(None),
        Err(error) => return gone(error),
    }
    let attributes = client
        .get_queue_attributes()
        .queue_url(&*queue.url)
        .attribute_names(Attribute::LastModifiedTimestamp)
        .send()
        .await;
    match attributes.map_err(|error| SqsError::from_sdk("GetQueueAttributes", &queue.name, error)) {
        Ok(answer) => Ok(seconds(&answer.attributes.unwrap_or_default())
            .map(|modified| Duration::from_secs(now.saturating_sub(modified)))),
        Err(error) => gone(error),
    }
}

fn seconds(attributes: &HashMap<Attribute, String>) -> Option<u64> {
    attributes.get(&Attribute::LastModifiedTimestamp)?.parse().ok()
}
