//! The program `orders` as a person runs it: by itself, killed, stopped, misused, and fed by other SDKs.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_sqs::{Client, types::QueueAttributeName as Attribute};
use sqs_local::{SqsLocal, server::Server};

/// An SQS over HTTP with a queue `shop` and a dead-letter queue `shop-dead`, on a runtime of its own.
struct Shop {
    sqs: SqsLocal,
    url: String,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    fn open(visibility: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sqs = SqsLocal::new();
        let server = runtime
            .block_on(Server::bind("127.0.0.1:0", sqs.clone()))
            .unwrap();
        let url = format!("http://{}", server.local_addr());
        runtime.spawn(server.run_until(std::future::pending()));
        let client = sqs.client();
        runtime.block_on(async {
            create(&client, "shop-dead", &[]).await;
            let policy =
                r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:shop-dead","maxReceiveCount":"8"}"#;
            create(&client, "shop", &[(Attribute::RedrivePolicy, policy), (Attribute::VisibilityTimeout, visibility)])
                .await;
        });
        Self { sqs, url, runtime }
    }

    /// The program, against this shop.
    fn orders(&self, arguments: &[&str]) -> Command {
        let mut command = orders(&["--endpoint-url", &self.url, "--queue", "shop"]);
        command.args(arguments);
        command
    }

    /// Orders as any program would send them: plain bodies, one call each ten.
    fn place(&self, ids: impl Iterator<Item = u64>) {
        let client = self.sqs.client();
        self.runtime.block_on(async {
            let url = client
                .get_queue_url()
                .queue_name("shop")
                .send()
                .await
                .unwrap()
                .queue_url
                .unwrap();
            for id in ids {
                let body = format!(r#"{{"id": {id}, "customer": 1, "sku": "tea", "cents": 990}}"#);
                client
                    .send_message()
                    .queue_url(&url)
                    .message_body(body)
                    .send()
                    .await
                    .unwrap();
            }
        });
    }

    /// The ids of the orders in the dead-letter queue.
    fn dead(&self) -> BTreeSet<u64> {
        let queue = self.sqs.queue("shop-dead").unwrap();
        let id = |body: &&str| {
            let body: serde_json::Value = serde_json::from_str(body).ok()?;
            body["id"].as_u64().or_else(|| body["order"]["id"].as_u64())
        };
        queue.bodies().iter().filter_map(id).collect()
    }
}

async fn create(client: &Client, name: &str, attributes: &[(Attribute, &str)]) {
    let mut request = client.create_queue().queue_name(name);
    for (name, value) in attributes {
        request = request.attributes(name.clone(), *value);
    }
    request.send().await.unwrap();
}

fn orders(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command
        .args(arguments)
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("RUST_LOG");
    command.stdin(Stdio::null());
    command
}

/// A file of this test alone.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// The ids in a mail log.
fn mailed(log: &Path) -> BTreeSet<u64> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split(' ').next()?.parse().ok())
        .collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Waits for something outside this process, up to a minute.
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{what} does not happen"
        );
        // Another process is watched: there is no clock to pause.
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn by_itself_it_handles_every_order_and_the_numbers_add_up() {
    let output = orders(&["--orders", "300", "--quiet"]).output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("together = 300 placed"), "{text}");
    assert!(
        text.contains("sold out") && text.contains("card declined") && text.contains("no JSON"),
        "{text}"
    );
}

#[test]
fn a_worker_killed_in_mid_flight_loses_nothing() {
    let shop = Shop::open("4");
    let log = scratch("killed");
    let log_text = log.to_str().unwrap();
    let all: BTreeSet<u64> = (1..=400).collect();
    shop.place(all.iter().copied());

    let mut first = shop
        .orders(&["--no-produce", "--mail-log", log_text, "--quiet"])
        .spawn()
        .unwrap();
    wait_for("the fiftieth confirmation", || mailed(&log).len() >= 50);
    first.kill().unwrap(); // SIGKILL
    first.wait().unwrap();
    let queue = shop.sqs.queue("shop").unwrap();
    assert!(!queue.in_flight().is_empty(), "it was killed in mid-flight");
    assert!(mailed(&log).len() < 380, "it was killed too late");

    let arguments = [
        "--no-produce",
        "--mail-log",
        log_text,
        "--idle-exit",
        "7",
        "--quiet",
    ];
    let output = shop.orders(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let (mailed, dead) = (mailed(&log), shop.dead());
    assert_eq!(&mailed | &dead, all, "{}", text(&output));
    assert!(mailed.is_disjoint(&dead), "{:?}", &mailed & &dead);
    assert!(shop.sqs.queue("shop").unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn asked_to_end_it_finishes_what_is_in_flight_and_accounts_for_the_rest() {
    let shop = Shop::open("30");
    let arguments = ["--orders", "3000", "--concurrency", "16", "--quiet"];
    let child = shop
        .orders(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("some work", || {
        shop.sqs.queue("shop").unwrap().in_flight().len() > 10
    });
    let asked = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(
        text.contains("still in the queue") && text.contains("together ="),
        "{text}"
    );
}

#[test]
fn a_queue_that_does_not_exist_is_named_with_what_to_do() {
    let shop = Shop::open("30");
    let output = orders(&["--endpoint-url", &shop.url, "--queue", "shpo", "--no-produce"])
        .output()
        .unwrap();
    let text = text(&output);
    assert!(!output.status.success());
    assert!(
        text.contains("orders: sqs:GetQueueUrl on queue `shpo` failed") && text.contains("create the queue"),
        "{text}"
    );
}

#[test]
#[ignore = "needs python3 with boto3 and awscli: pip install boto3 awscli"]
fn boto3_and_the_aws_cli_create_queues_and_send_orders_that_it_handles() {
    let shop = Shop::open("30");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/place_orders.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let placed = Command::new(&python)
        .arg(script)
        .args([&shop.url, "bakery"])
        .output()
        .unwrap();
    assert!(placed.status.success(), "{}", text(&placed));

    let log = scratch("python");
    let arguments = [
        "--endpoint-url",
        &shop.url,
        "--queue",
        "bakery",
        "--no-produce",
        "--idle-exit",
        "4",
        "--mail-log",
    ];
    let output = orders(&arguments).arg(&log).output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    // The script sends ids 101 to 130 with boto3, 201 to 203 with the CLI, and two bodies that are no order.
    let expected: BTreeSet<u64> = (101..=130).chain(201..=203).collect();
    assert_eq!(mailed(&log), expected, "{text}");
    assert!(shop.sqs.queue("bakery").unwrap().is_empty());
    assert_eq!(shop.sqs.queue("bakery-dead").unwrap().bodies().len(), 2, "{text}");
}
