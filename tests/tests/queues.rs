//! Several queues in one worker, and the order among messages that wait for a handler.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_sqs::types::MessageAttributeValue;
use serde::{Deserialize, Serialize};
use sqs_local::SqsLocal;
use sqs_worker::{Group, Message, Producer, QueueName, QueueOptions, State, Worker, handler};
use tests::until;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize, Deserialize, Message)]
#[message(name = "task")]
struct Task {
    id: u64,
}

/// What started, in order, and what runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    started: Vec<(String, u64)>,
    running: HashMap<String, usize>,
    most: HashMap<String, usize>,
    most_in_all: usize,
}

impl Log {
    fn start(&self, who: &str, id: u64) {
        let mut seen = self.0.lock().unwrap();
        seen.started.push((who.to_owned(), id));
        let running = seen.running.entry(who.to_owned()).or_default();
        *running += 1;
        let now = *running;
        let most = seen.most.entry(who.to_owned()).or_default();
        *most = now.max(*most);
        let all = seen.running.values().sum::<usize>();
        seen.most_in_all = seen.most_in_all.max(all);
    }

    fn end(&self, who: &str) {
        *self.0.lock().unwrap().running.get_mut(who).unwrap() -= 1;
    }

    fn started(&self) -> Vec<String> {
        let seen = self.0.lock().unwrap();
        seen.started.iter().map(|(who, _)| who.clone()).collect()
    }

    fn count(&self, who: &str) -> usize {
        self.started().iter().filter(|name| *name == who).count()
    }
}

#[handler(concurrency = 10)]
async fn work(task: Task, QueueName(queue): QueueName, State(log): State<Log>) {
    log.start(&queue, task.id);
    sleep(SECOND / 10).await;
    log.end(&queue);
}

struct Shop {
    sqs: SqsLocal,
    client: aws_sdk_sqs::Client,
}

impl Shop {
    async fn with(queues: &[(&str, u64)]) -> Self {
        let sqs = SqsLocal::new();
        let client = sqs.client();
        for (queue, messages) in queues {
            client.create_queue().queue_name(*queue).send().await.unwrap();
            let shop = Self {
                sqs: sqs.clone(),
                client: client.clone(),
            };
            shop.send(queue, *messages).await;
        }
        Self { sqs, client }
    }

    async fn send(&self, queue: &str, messages: u64) {
        let producer = Producer::new(self.client.clone()).to(queue);
        producer
            .send_all((0..messages).map(|id| Task { id }))
            .await
            .into_result()
            .unwrap();
    }

    fn worker(&self, log: &Log) -> Worker<Log> {
        Worker::new(self.client.clone(), log.clone()).seed(3)
    }

    fn left(&self, queue: &str) -> usize {
        self.sqs.queue(queue).unwrap().messages.len()
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_queue_takes_nothing_from_a_full_one() {
    let (shop, log) = (Shop::with(&[("empty", 0), ("full", 500)]).await, Log::default());
    let worker = shop
        .worker(&log)
        .shared_concurrency(10)
        .handler_on::<work>("empty")
        .handler_on::<work>("full")
        .queue(QueueOptions::named("empty").priority(1));
    let (stats, started) = (worker.stats(), Instant::now());
    let mut took = Duration::ZERO;
    let play = async {
        until(stats, |stats| stats.acked == 500).await;
        took = started.elapsed();
    };
    worker.run_until(play).await.unwrap();
    // Ten at a time for a tenth of a second each make five seconds.
    assert!(took < SECOND * 11 / 2, "{took:?}");
    assert_eq!(log.0.lock().unwrap().most_in_all, 10);
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_higher_priority_goes_first_even_when_it_comes_later() {
    let (shop, log) = (Shop::with(&[("high", 0), ("low", 600)]).await, Log::default());
    let worker = shop
        .worker(&log)
        .shared_concurrency(10)
        .handler_on::<work>("high")
        .handler_on::<work>("low")
        .queue(QueueOptions::named("high").priority(1).concurrency(20));
    let stats = worker.stats();
    let play = async {
        until(stats.clone(), |stats| stats.handled >= 100).await;
        let before = log.count("low");
        shop.send("high", 200).await;
        while log.count("high") < 200 {
            sleep(SECOND / 100).await;
        }
        // What ran when they came, and what a handler was free for before the first poll had brought them.
        let between = log.count("low") - before;
        assert!(between <= 30, "{between} of low started before the last of high");
        until(stats.clone(), |stats| stats.acked == 800).await;
    };
    worker.run_until(play).await.unwrap();
    assert_eq!((shop.left("high"), shop.left("low")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_outranked_leaves_its_messages_to_others() {
    let (shop, log) = (Shop::with(&[("high", 2_000), ("low", 600)]).await, Log::default());
    let worker = shop
        .worker(&log)
        .shared_concurrency(10)
        .handler_on::<work>("high")
        .handler_on::<work>("low")
        .queue(QueueOptions::named("high").priority(1))
        .queue(QueueOptions::named("low").concurrency(100).prefetch(100));
    let look = async {
        sleep(5 * SECOND).await;
        let held = shop.sqs.queue("low").unwrap().in_flight().len();
        assert!(held <= 20, "{held} messages are held that will not start soon");
        assert!(log.count("high") >= 400);
    };
    worker.run_until(look).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn queues_of_one_priority_share_by_weight_and_none_is_starved() {
    let (shop, log) = (
        Shop::with(&[("bulk", 800), ("normal", 800)]).await,
        Log::default(),
    );
    let worker = shop
        .worker(&log)
        .shared_concurrency(8)
        .handler_on::<work>("bulk")
        .handler_on::<work>("normal")
        .queue(QueueOptions::named("normal").weight(3));
    let stats = worker.stats();
    worker
        .run_until(until(stats, |stats| stats.acked == 1_600))
        .await
        .unwrap();
    let started = log.started();
    let normal = started[100..900]
        .iter()
        .filter(|queue| *queue == "normal")
        .count();
    assert!(
        (570..=630).contains(&normal),
        "{normal} of 800 were of weight 3 to 1"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_shared_limit_each_queue_has_its_own() {
    let (shop, log) = (Shop::with(&[("one", 200), ("two", 200)]).await, Log::default());
    let worker = shop
        .worker(&log)
        .handler_on::<work>("one")
        .handler_on::<work>("two");
    let stats = worker.stats();
    worker
        .run_until(until(stats, |stats| stats.acked == 400))
        .await
        .unwrap();
    let seen = log.0.lock().unwrap();
    assert_eq!(
        (seen.most["one"], seen.most["two"], seen.most_in_all),
        (10, 10, 20)
    );
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_start_in_the_order_of_their_priority_attribute() {
    #[handler(queue = "tasks", concurrency = 1)]
    async fn slow(task: Task, State(log): State<Log>) {
        log.start("tasks", task.id);
        sleep(SECOND).await;
        log.end("tasks");
    }
    let (shop, log) = (Shop::with(&[("tasks", 0)]).await, Log::default());
    for (id, priority) in [
        (0, None),
        (1, Some("-5")),
        (2, Some("7")),
        (3, None),
        (4, Some("9")),
        (5, Some("0.5")),
    ] {
        let value = priority.map(|priority| {
            MessageAttributeValue::builder()
                .data_type("Number")
                .string_value(priority)
                .build()
                .unwrap()
        });
        let attributes = value.map(|value| HashMap::from([("urgency".to_owned(), value)]));
        let url = shop
            .client
            .get_queue_url()
            .queue_name("tasks")
            .send()
            .await
            .unwrap()
            .queue_url
            .unwrap();
        shop.client
            .send_message()
            .queue_url(url)
            .message_body(format!(r#"{{"id":{id}}}"#))
            .set_message_attributes(attributes)
            .send()
            .await
            .unwrap();
    }
    let options = QueueOptions::named("tasks")
        .priority_attribute("urgency")
        .prefetch(10);
    let worker = shop.worker(&log).handler::<slow>().queue(options);
    let stats = worker.stats();
    worker
        .run_until(until(stats, |stats| stats.acked == 6))
        .await
        .unwrap();
    let order: Vec<u64> = log.0.lock().unwrap().started.iter().map(|(_, id)| *id).collect();
    assert_eq!(order, [4, 2, 0, 3, 5, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_has_no_more_handlers_than_it_may_and_the_others_go_on() {
    #[handler(queue = "tasks", concurrency = 10)]
    async fn fair(task: Task, Group(tenant): Group, State(log): State<Log>) {
        log.start(&tenant, task.id);
        sleep(SECOND).await;
        log.end(&tenant);
    }
    let (shop, log) = (Shop::with(&[("tasks", 0)]).await, Log::default());
    let producer = Producer::new(shop.client.clone()).to("tasks");
    // The noisy one is first, and has all the handlers if it may.
    for (tenant, messages) in [("noisy", 100), ("quiet", 20), ("calm", 20)] {
        for id in 0..messages {
            producer.send(&Task { id }).group(tenant).await.unwrap();
        }
    }
    let options = QueueOptions::named("tasks").tenant_concurrency(3);
    let worker = shop.worker(&log).handler::<fair>().queue(options);
    let (stats, started) = (worker.stats(), Instant::now());
    let mut quiet_done = None;
    let play = async {
        while log.count("quiet") < 20 || log.count("calm") < 20 {
            sleep(SECOND / 10).await;
        }
        quiet_done = Some(started.elapsed());
        until(stats, |stats| stats.acked == 140).await;
    };
    worker.run_until(play).await.unwrap();
    let most = log.0.lock().unwrap().most.clone();
    assert_eq!((most["noisy"], most["quiet"], most["calm"]), (3, 3, 3));
    // The noisy one alone takes 34 seconds.
    let quiet_done = quiet_done.unwrap();
    assert!(quiet_done < 20 * SECOND, "{quiet_done:?}");
}
