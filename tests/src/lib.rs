//! What the end-to-end tests share: an SQS in memory, queues, and a worker to run on them.

mod redis;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_sqs::{Client, types::QueueAttributeName as Attribute};
use serde::{Deserialize, Serialize};
use sqs_local::{
    Error, SqsLocal,
    api::{Answer, Request},
};
use sqs_worker::{Message, Report, Worker, worker::Stats, worker::StatsSnapshot};

pub use self::redis::Redis;

/// The message that most tests send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Message)]
#[message(name = "job")]
pub struct Job {
    /// Its number.
    #[message(key)]
    pub id: u64,
    /// Its message group.
    #[message(group)]
    pub group: String,
}

impl Job {
    /// Job number `id` of group `group`.
    pub fn new(id: u64, group: &str) -> Self {
        Self {
            id,
            group: group.into(),
        }
    }
}

/// An SQS in memory with a queue `jobs`, or `jobs.fifo`, whose failures go to a dead-letter queue after five receives.
#[derive(Debug)]
pub struct Setup {
    /// The SQS.
    pub sqs: SqsLocal,
    /// The SDK's client on it.
    pub client: Client,
    /// The queue's name.
    pub queue: &'static str,
    /// The queue's URL.
    pub url: String,
    /// The dead-letter queue's name.
    pub dead: &'static str,
}

impl Setup {
    /// A standard queue.
    pub async fn standard() -> Self {
        Self::standard_on(SqsLocal::new()).await
    }

    /// A FIFO queue.
    pub async fn fifo() -> Self {
        Self::fifo_on(SqsLocal::new()).await
    }

    /// A standard queue with these attributes.
    pub async fn standard_with(attributes: &[(Attribute, &str)]) -> Self {
        Self::with(SqsLocal::new(), "jobs", "jobs-dead", attributes).await
    }

    /// A standard queue on an SQS of the test's own making.
    pub async fn standard_on(sqs: SqsLocal) -> Self {
        Self::with(sqs, "jobs", "jobs-dead", &[]).await
    }

    /// A FIFO queue on an SQS of the test's own making.
    pub async fn fifo_on(sqs: SqsLocal) -> Self {
        Self::with(
            sqs,
            "jobs.fifo",
            "jobs-dead.fifo",
            &[(Attribute::FifoQueue, "true")],
        )
        .await
    }

    async fn with(
        sqs: SqsLocal,
        queue: &'static str,
        dead: &'static str,
        attributes: &[(Attribute, &str)],
    ) -> Self {
        let client = sqs.client();
        let fifo = queue
            .ends_with(".fifo")
            .then(|| (Attribute::FifoQueue, "true".to_owned()));
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{dead}");
        create(&client, dead, fifo.into_iter().collect()).await;
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":5}}"#);
        let mut all = HashMap::from([(Attribute::RedrivePolicy, redrive)]);
        all.extend(
            attributes
                .iter()
                .map(|(name, value)| (name.clone(), (*value).to_owned())),
        );
        let url = create(&client, queue, all).await;
        Self {
            sqs,
            client,
            queue,
            url,
            dead,
        }
    }

    /// A worker on it, with a fixed seed and the time of its SQS.
    pub fn worker<S: Clone + Send + Sync + 'static>(&self, state: S) -> Worker<S> {
        Worker::new(self.client.clone(), state)
            .seed(7)
            .start_time(self.sqs.now())
    }

    /// Sends jobs in order.
    pub async fn send(&self, jobs: impl IntoIterator<Item = Job>) {
        let producer = sqs_worker::Producer::new(self.client.clone()).to(self.queue);
        producer
            .send_all(jobs)
            .await
            .into_result()
            .expect("all jobs are sent");
    }

    /// Sends a body as any other program would: no attributes.
    pub async fn send_raw(&self, body: &str) {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .expect("sent");
    }

    /// How many messages the queue holds, wherever they are.
    pub fn left(&self) -> usize {
        self.count(self.queue)
    }

    /// How many messages the dead-letter queue holds.
    pub fn dead_letters(&self) -> usize {
        self.count(self.dead)
    }

    fn count(&self, queue: &str) -> usize {
        let queue = self.sqs.queue(queue).expect("the queue exists");
        queue.available().len() + queue.in_flight().len() + queue.delayed().len()
    }
}

async fn create(client: &Client, name: &str, attributes: HashMap<Attribute, String>) -> String {
    let request = client
        .create_queue()
        .queue_name(name)
        .set_attributes(Some(attributes));
    request
        .send()
        .await
        .expect("the queue is created")
        .queue_url
        .expect("it has a URL")
}

/// Runs a worker until its numbers satisfy `enough`, then lets it finish.
///
/// # Panics
///
/// When that takes longer than a day of virtual time, or the worker does not start.
pub async fn run_until<S>(worker: Worker<S>, enough: impl Fn(&StatsSnapshot) -> bool) -> Report
where
    S: Clone + Send + Sync + 'static,
{
    let stats = worker.stats();
    worker
        .run_until(until(stats, enough))
        .await
        .expect("the worker starts")
}

/// Runs a worker for so long, then lets it finish.
///
/// # Panics
///
/// When it does not start.
pub async fn run_for<S>(worker: Worker<S>, time: Duration) -> Report
where
    S: Clone + Send + Sync + 'static,
{
    worker
        .run_until(tokio::time::sleep(time))
        .await
        .expect("the worker starts")
}

/// Resolves when a worker's numbers satisfy `enough`.
///
/// # Panics
///
/// When that takes longer than a day of virtual time.
pub async fn until(stats: Stats, enough: impl Fn(&StatsSnapshot) -> bool) {
    let started = tokio::time::Instant::now();
    while !enough(&stats.snapshot()) {
        // Looks often at first, and then every so often, so that hours do not take long.
        let pause = (started.elapsed() / 50).clamp(Duration::from_millis(5), Duration::from_secs(10));
        tokio::time::sleep(pause).await;
        assert!(
            started.elapsed() < Duration::from_secs(86_400),
            "never: {:?}",
            stats.snapshot()
        );
    }
}

/// The text of one attribute of a message in a queue.
pub fn text_attribute<'a>(message: &'a sqs_local::snapshot::MessageView, name: &str) -> Option<&'a str> {
    message.attributes.get(name)?.string_value.as_deref()
}

/// What a [`script`] does with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The request never reaches SQS.
    Refuse(sqs_local::ErrorKind),
    /// It has its effect, and its answer is lost: the client sees this error.
    LoseAnswer,
    /// It never answers.
    Hang,
    /// It takes so long to reach SQS.
    Delay(Duration),
}

/// A layer for [`SqsLocal`]: asks a function about each request, by action and number of earlier
/// requests of that action.
pub fn script<F>(
    decide: F,
) -> impl tower::Layer<sqs_local::Stack, Service = tower::util::BoxCloneSyncService<Request, Answer, Error>>
+ Send
+ 'static
where
    F: Fn(&str, u32) -> Option<Fault> + Send + Sync + 'static,
{
    let decide = Arc::new(decide);
    let seen = Arc::new(Mutex::new(HashMap::<&'static str, u32>::new()));
    tower::layer::layer_fn(move |inner: sqs_local::Stack| {
        let (decide, seen) = (decide.clone(), seen.clone());
        tower::util::BoxCloneSyncService::new(tower::service_fn(move |request: Request| {
            let (mut inner, action) = (inner.clone(), request.operation.name());
            let fault = {
                let mut seen = seen.lock().expect("not poisoned");
                let number = seen.entry(action).or_default();
                *number += 1;
                decide(action, *number - 1)
            };
            async move {
                match fault {
                    None => tower::Service::call(&mut inner, request).await,
                    Some(Fault::Refuse(kind)) => Err(Error::new(kind, "refused by the test")),
                    Some(Fault::LoseAnswer) => {
                        Err(Error::lost(tower::Service::call(&mut inner, request).await))
                    }
                    Some(Fault::Hang) => std::future::pending().await,
                    Some(Fault::Delay(time)) => {
                        tokio::time::sleep(time).await;
                        tower::Service::call(&mut inner, request).await
                    }
                }
            }
        }))
    })
}

/// The README's program compiles.
#[doc = include_str!("../../README.md")]
#[cfg(doctest)]
pub struct Readme;
