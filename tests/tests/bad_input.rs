//! What is wrong is said once, in one sentence that names the place and the cure; and no message is lost by it.

use std::{error::Error as _, time::Duration};

use aws_sdk_sqs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use sqs_worker::{Producer, QueueOptions, State, Worker, WorkerError, handler};
use tests::{Job, Setup};
use tokio::net::TcpListener;

#[handler(queue = "jobs")]
async fn nothing(_: Job) {}

/// What a worker says when it does not start.
async fn refusal<S: Clone + Send + Sync + 'static>(worker: Worker<S>) -> WorkerError {
    match worker.run_until(std::future::pending::<()>()).await {
        Err(error) => error,
        Ok(report) => panic!("it ran: {report:?}"),
    }
}

/// A client of the SDK as most people build it, for a server at this address.
fn client_of(address: std::net::SocketAddr) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

#[tokio::test(start_paused = true)]
async fn a_missing_queue_is_named_with_what_to_do() {
    let setup = Setup::standard().await;
    let worker = setup.worker(()).handler_on::<nothing>("ordres");
    let text = refusal(worker).await.to_string();
    assert_eq!(
        text,
        "sqs:GetQueueUrl on queue `ordres` failed: The specified queue does not exist \
         (AWS.SimpleQueueService.NonExistentQueue); create the queue, or correct its name, the region or the account \
         of the credentials"
    );
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_an_error_at_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = refusal(Worker::new(client_of(address), ()).handler::<nothing>()).await;
    let text = error.to_string();
    for part in ["queue `jobs`", "no connection", "refused", "check the endpoint"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_an_error_at_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Takes connections and says nothing.
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    let started = std::time::Instant::now();
    let text = refusal(Worker::new(client_of(address), ()).handler::<nothing>())
        .await
        .to_string();
    silent.abort();
    for part in [
        "queue `jobs`",
        "no answer within the time-out",
        "check the endpoint",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        started.elapsed() < Duration::from_secs(16),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_setting_out_of_range_is_named_with_its_range() {
    let setup = Setup::standard().await;
    let options = QueueOptions::named("jobs").visibility(Duration::from_secs(13 * 3_600));
    let text = refusal(setup.worker(()).handler::<nothing>().queue(options))
        .await
        .to_string();
    assert_eq!(
        text,
        "`visibility` of queue `jobs` cannot be 46800s: it must be between 2 seconds and 12 hours"
    );
    let options = QueueOptions::named("jobs").concurrency(0);
    let text = refusal(setup.worker(()).handler::<nothing>().queue(options))
        .await
        .to_string();
    assert!(
        text.contains("`concurrency`") && text.contains("at least 1"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn options_for_a_queue_that_nobody_consumes_are_an_error() {
    let setup = Setup::standard().await;
    let worker = setup
        .worker(())
        .handler::<nothing>()
        .queue(QueueOptions::named("jbos"));
    let text = refusal(worker).await.to_string();
    assert!(text.contains("`jbos`") && text.contains("`jobs`"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_handlers_says_how_to_mount_one() {
    let text = refusal(Setup::standard().await.worker(())).await.to_string();
    assert!(text.contains(".handler::<my_handler>()"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn two_handlers_for_one_message_are_refused_with_both_places() {
    #[handler(queue = "jobs")]
    async fn another(_: Job, State(()): State<()>) {}

    let worker = Setup::standard()
        .await
        .worker(())
        .handler::<nothing>()
        .handler::<another>();
    let text = refusal(worker).await.to_string();
    for part in ["`job`", "nothing", "another", "bad_input.rs"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_names_no_queue_is_an_error_before_any_call() {
    let setup = Setup::standard().await;
    setup.sqs.clear_journal();
    let text = refusal(setup.worker(()).handler_on::<nothing>("my queue"))
        .await
        .to_string();
    assert!(
        text.contains("`my queue`") && text.contains("1 to 80 letters"),
        "{text}"
    );
    let error = Producer::new(setup.client.clone())
        .to("my queue")
        .send(&Job::new(1, "a"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), text);
    assert_eq!(setup.sqs.journal().requests.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_disappears_is_polled_slowly_until_it_is_there_again() {
    let setup = Setup::standard().await;
    let worker = setup.worker(()).handler::<nothing>();
    let stats = worker.stats();
    let meddle = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        setup
            .client
            .delete_queue()
            .queue_url(&setup.url)
            .send()
            .await
            .unwrap();
        setup.sqs.clear_journal();
        tokio::time::sleep(Duration::from_secs(600)).await;
        let polls = setup.sqs.journal().count("ReceiveMessage");
        assert!((8..40).contains(&polls), "{polls} polls in ten minutes");
        setup
            .client
            .create_queue()
            .queue_name("jobs")
            .send()
            .await
            .unwrap();
        setup.send([Job::new(1, "a")]).await;
        tests::until(stats.clone(), |stats| stats.acked == 1).await;
    };
    let report = worker.run_until(meddle).await.unwrap();
    assert!(report.stats.poll_errors > 5, "{:?}", report.stats);
}

#[tokio::test(start_paused = true)]
async fn the_error_keeps_the_sdks_own_error_as_its_source() {
    let setup = Setup::standard().await;
    let WorkerError::Sqs(error) = refusal(setup.worker(()).handler_on::<nothing>("ordres")).await else {
        panic!("an error of SQS");
    };
    assert_eq!(error.class(), sqs_worker::ErrorClass::QueueMissing);
    assert!(error.source().is_some());
}
