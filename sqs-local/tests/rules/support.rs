//! Shorthand for tests: a client on a fresh SQS, and queues made in one line.

use std::time::{Duration, SystemTime};

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use sqs_local::{QueueSnapshot, SqsLocal};

/// One SQS and its client.
pub(crate) struct Sqs {
    pub(crate) local: SqsLocal,
    pub(crate) client: aws_sdk_sqs::Client,
}

/// One queue of an SQS.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) local: SqsLocal,
    pub(crate) client: aws_sdk_sqs::Client,
    pub(crate) url: String,
    pub(crate) name: String,
}

impl Sqs {
    pub(crate) fn new() -> Self {
        Self::of(
            SqsLocal::builder()
                .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000))
                .build(),
        )
    }

    pub(crate) fn of(local: SqsLocal) -> Self {
        Self {
            client: local.client(),
            local,
        }
    }

    /// A queue with attributes; FIFO if its name says so.
    pub(crate) async fn queue(&self, name: &str, attributes: &[(&str, &str)]) -> Queue {
        let mut create = self.client.create_queue().queue_name(name);
        if name.ends_with(".fifo") {
            create = create.attributes(QueueAttributeName::FifoQueue, "true");
        }
        for (name, value) in attributes {
            create = create.attributes(QueueAttributeName::from(*name), *value);
        }
        let url = create
            .send()
            .await
            .expect("the queue is created")
            .queue_url
            .expect("a URL");
        Queue {
            local: self.local.clone(),
            client: self.client.clone(),
            url,
            name: name.to_owned(),
        }
    }

    /// A queue and its dead-letter queue (the name and `-dead`).
    pub(crate) async fn with_dead_letters(&self, name: &str, max_receives: u32) -> (Queue, Queue) {
        let dead = match name.strip_suffix(".fifo") {
            Some(stem) => self.queue(&format!("{stem}-dead.fifo"), &[]).await,
            None => self.queue(&format!("{name}-dead"), &[]).await,
        };
        let policy = redrive(&dead.arn(), max_receives);
        (self.queue(name, &[("RedrivePolicy", &policy)]).await, dead)
    }
}

pub(crate) fn redrive(arn: &str, max_receives: u32) -> String {
    format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{max_receives}}}"#)
}

impl Queue {
    pub(crate) fn arn(&self) -> String {
        self.state().arn
    }

    pub(crate) fn state(&self) -> QueueSnapshot {
        self.local.queue(&self.name).expect("the queue exists")
    }

    pub(crate) async fn send(&self, body: &str) -> String {
        let sent = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await;
        sent.expect("the message is sent").message_id.expect("an id")
    }

    /// Sends to a FIFO group, with the body as deduplication id.
    pub(crate) async fn send_to(
        &self,
        group: &str,
        body: &str,
    ) -> aws_sdk_sqs::operation::send_message::SendMessageOutput {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.message_group_id(group)
            .message_deduplication_id(body)
            .send()
            .await
            .expect("the message is sent")
    }

    /// Up to ten messages, without waiting, with all attributes.
    pub(crate) async fn receive(&self) -> Vec<Message> {
        self.receive_up_to(10).await
    }

    pub(crate) async fn receive_up_to(&self, max: i32) -> Vec<Message> {
        self.poll(max, 0).await
    }

    pub(crate) async fn poll(&self, max: i32, wait: i32) -> Vec<Message> {
        let receive = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(max);
        let receive = receive
            .wait_time_seconds(wait)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let received = receive.message_attribute_names("All").send().await;
        received
            .expect("the receive succeeds")
            .messages
            .unwrap_or_default()
    }

    /// The one message there is.
    pub(crate) async fn receive_one(&self) -> Message {
        let messages = self.receive().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.into_iter().next().expect("one message")
    }

    pub(crate) async fn delete(&self, message: &Message) -> Result<(), Refused> {
        let handle = message.receipt_handle().unwrap_or_default();
        let deleted = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .send()
            .await;
        deleted.map(|_| ()).map_err(refused)
    }

    pub(crate) async fn change_visibility(&self, message: &Message, seconds: i32) -> Result<(), Refused> {
        let handle = message.receipt_handle().unwrap_or_default();
        let change = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(handle);
        change
            .visibility_timeout(seconds)
            .send()
            .await
            .map(|_| ())
            .map_err(refused)
    }
}

/// The code and the text of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(crate) fn refused<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> Refused {
    let service = error.as_service_error().expect("SQS refused it");
    Refused {
        code: service.code().unwrap_or_default().to_owned(),
        message: service.message().unwrap_or_default().to_owned(),
    }
}

pub(crate) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.body().unwrap_or_default())
        .collect()
}

pub(crate) fn system(message: &Message, name: &MessageSystemAttributeName) -> Option<String> {
    message
        .attributes()
        .and_then(|attributes| attributes.get(name))
        .cloned()
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
