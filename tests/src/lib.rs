//! What the end-to-end tests share: an SQS in memory, queues, and a worker to run on them.

use std::{collections::HashMap, future::Future, time::Duration};

use aws_sdk_sqs::{Client, types::QueueAttributeName as Attribute};
use serde::{Deserialize, Serialize};
use sqs_local::SqsLocal;
use sqs_worker::{Message, Report, Worker, worker::Stats, worker::StatsSnapshot};

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
        Self { id, group: group.into() }
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
        Self::with("jobs", "jobs-dead", &[]).await
    }

    /// A FIFO queue.
    pub async fn fifo() -> Self {
        Self::with("jobs.fifo", "jobs-dead.fifo", &[(Attribute::FifoQueue, "true")]).await
    }

    /// A standard queue with these attributes.
    pub async fn standard_with(attributes: &[(Attribute, &str)]) -> Self {
        Self::with("jobs", "jobs-dead", attributes).await
    }

    async fn with(queue: &'static str, dead: &'static str, attributes: &[(Attribute, &str)]) -> Self {
        let sqs = SqsLocal::new();
        let client = sqs.client();
        let fifo = queue.ends_with(".fifo").then(|| (Attribute::FifoQueue, "true".to_owned()));
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{dead}");
        create(&client, dead, fifo.into_iter().collect()).await;
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":5}}"#);
        let mut all = HashMap::from([(Attribute::RedrivePolicy, redrive)]);
        all.extend(attributes.iter().map(|(name, value)| (name.clone(), (*value).to_owned())));
        let url = create(&client, queue, all).await;
        Self { sqs, client, queue, url, dead }
    }

    /// A worker on it, with a fixed seed.
    pub fn worker<S: Clone + Send + Sync + 'static>(&self, state: S) -> Worker<S> {
        Worker::new(self.client.clone(), state).seed(7)
    }

    /// Sends jobs in order.
    pub async fn send(&self, jobs: impl IntoIterator<Item = Job>) {
        let producer = sqs_worker::Producer::new(self.client.clone()).to(self.queue);
        producer.send_all(jobs).await.into_result().expect("all jobs are sent");
    }

    /// Sends a body as any other program would: no attributes.
    pub async fn send_raw(&self, body: &str) {
        self.client.send_message().queue_url(&self.url).message_body(body).send().await.expect("sent");
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
    let request = client.create_queue().queue_name(name).set_attributes(Some(attributes));
    request.send().await.expect("the queue is created").queue_url.expect("it has a URL")
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
    worker.run_until(until(stats, enough)).await.expect("the worker starts")
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
    worker.run_until(tokio::time::sleep(time)).await.expect("the worker starts")
}

/// Resolves when a worker's numbers satisfy `enough`.
///
/// # Panics
///
/// When that takes longer than a day of virtual time.
pub fn until(stats: Stats, enough: impl Fn(&StatsSnapshot) -> bool) -> impl Future<Output = ()> {
    async move {
        let started = tokio::time::Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !enough(&stats.snapshot()) {
            ticks.tick().await;
            assert!(started.elapsed() < Duration::from_secs(86_400), "never: {:?}", stats.snapshot());
        }
    }
}

/// The text of one attribute of a message in a queue.
pub fn text_attribute<'a>(message: &'a sqs_local::snapshot::MessageView, name: &str) -> Option<&'a str> {
    message.attributes.get(name)?.string_value.as_deref()
}
