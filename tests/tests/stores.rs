//! What every idempotency store has to do, asked of each: the one in memory, and Redis.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqs_worker::{
    Message, Reply, Requester, State, handler,
    idempotency::{
        Begun, Claim, IdempotencyStore, MemoryStore, Owner, PayloadHash, RecordKey, RedisStore, Written,
    },
};
use tests::{Job, Redis, Setup, run_until, until};
use tokio::time::{sleep, timeout};

/// Long enough for a slow machine, short enough to wait for.
const LEASE: Duration = Duration::from_millis(600);
const LONG: Duration = Duration::from_secs(60);

fn payload() -> PayloadHash {
    PayloadHash::of("body")
}

fn claim(key: RecordKey, owner: Owner, lease: Duration) -> Claim {
    Claim::new(key, owner, lease, payload()).attempt(3)
}

async fn begin(store: &impl IdempotencyStore, key: RecordKey, owner: Owner, lease: Duration) -> Begun {
    store.begin(claim(key, owner, lease)).await.unwrap()
}

/// All rules of the trait, one after the other, each on a key of its own.
async fn keeps_the_contract(store: impl IdempotencyStore) {
    let store = &store;
    let [one, two] = [Owner::new(), Owner::new()];
    let key = |name: &str| RecordKey::of("contract", name);

    // A free key is granted, again to the same owner, and to nobody else while the lease lasts.
    let k = key("held");
    assert_eq!(begin(store, k, one, LONG).await, Begun::Granted);
    assert_eq!(begin(store, k, one, LONG).await, Begun::Granted);
    match begin(store, k, two, LONG).await {
        Begun::InProgress {
            remaining,
            payload: of,
        } => {
            assert_eq!(of, payload());
            assert!(remaining > LONG / 2 && remaining <= LONG, "{remaining:?}");
        }
        other => panic!("{other:?}"),
    }
    // Nobody else may do anything to it.
    let strangers = [
        store.renew(k, two, LONG).await.unwrap(),
        store.complete(k, two, vec![], LONG).await.unwrap(),
        store.release(k, two).await.unwrap(),
    ];
    assert_eq!(strangers, [Written::NotOwner; 3]);
    assert!(matches!(
        begin(store, k, two, LONG).await,
        Begun::InProgress { .. }
    ));

    // Completed, with any bytes; once more is no harm, and from then on nothing changes it.
    let result: Vec<u8> = (0..=255).collect();
    let complete = || store.complete(k, one, result.clone(), LONG);
    assert_eq!(complete().await.unwrap(), Written::Done);
    assert_eq!(complete().await.unwrap(), Written::Done);
    assert_eq!(store.release(k, one).await.unwrap(), Written::NotOwner);
    assert_eq!(store.renew(k, one, LONG).await.unwrap(), Written::NotOwner);
    let completed = Begun::Completed {
        result: result.clone(),
        payload: payload(),
    };
    assert_eq!(begin(store, k, two, LONG).await, completed);
    assert_eq!(begin(store, k, one, LONG).await, completed);

    // Released, it is free; a second release finds nothing.
    let k = key("released");
    assert_eq!(begin(store, k, one, LONG).await, Begun::Granted);
    assert_eq!(store.release(k, one).await.unwrap(), Written::Done);
    assert_eq!(store.release(k, one).await.unwrap(), Written::NotOwner);
    assert_eq!(
        store.complete(k, one, vec![], LONG).await.unwrap(),
        Written::NotOwner
    );
    assert_eq!(begin(store, k, two, LONG).await, Begun::Granted);

    // A lease that is over is anybody's, but its owner's until somebody takes it.
    let (taken, kept, renewed, forgotten) = (key("taken"), key("kept"), key("renewed"), key("forgotten"));
    for k in [taken, kept, renewed] {
        assert_eq!(begin(store, k, one, LEASE).await, Begun::Granted);
    }
    assert_eq!(store.renew(renewed, one, LONG).await.unwrap(), Written::Done);
    assert_eq!(begin(store, forgotten, one, LONG).await, Begun::Granted);
    assert_eq!(
        store.complete(forgotten, one, vec![], LEASE).await.unwrap(),
        Written::Done
    );
    sleep(2 * LEASE).await;
    assert_eq!(begin(store, taken, two, LONG).await, Begun::Granted);
    assert_eq!(
        store.complete(taken, one, vec![], LONG).await.unwrap(),
        Written::NotOwner
    );
    assert_eq!(store.renew(taken, one, LONG).await.unwrap(), Written::NotOwner);
    assert_eq!(store.release(taken, one).await.unwrap(), Written::NotOwner);
    assert_eq!(
        store.complete(taken, two, vec![], LONG).await.unwrap(),
        Written::Done
    );
    assert_eq!(
        store.complete(kept, one, vec![], LONG).await.unwrap(),
        Written::Done
    );
    assert!(matches!(
        begin(store, renewed, two, LONG).await,
        Begun::InProgress { .. }
    ));
    assert_eq!(begin(store, forgotten, two, LONG).await, Begun::Granted);

    // Of many who come at once, one is granted.
    for round in 0..20 {
        let k = key(&format!("race {round}"));
        let all = (0..8).map(|_| async move { begin(store, k, Owner::new(), LONG).await });
        let granted = futures_join(all)
            .await
            .into_iter()
            .filter(|begun| *begun == Begun::Granted);
        assert_eq!(granted.count(), 1);
    }
}

async fn futures_join<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in all.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(cx) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn memory_keeps_the_contract() {
    keeps_the_contract(MemoryStore::new()).await;
}

#[tokio::test(start_paused = true)]
async fn memory_forgets_the_oldest_finished_key_when_it_is_full_and_none_in_progress() {
    let store = MemoryStore::new().capacity(2);
    let key = |n: u32| RecordKey::of("full", &n.to_string());
    let owner = Owner::new();
    assert_eq!(begin(&store, key(9), owner, LONG).await, Begun::Granted);
    for n in 0..3 {
        assert_eq!(begin(&store, key(n), owner, LONG).await, Begun::Granted);
        // They expire long after the run in progress would be forgotten.
        let completed = store.complete(key(n), owner, vec![], 1_000 * LONG).await;
        assert_eq!(completed.unwrap(), Written::Done);
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(store.len(), 3);
    let other = Owner::new();
    assert_eq!(begin(&store, key(0), other, LONG).await, Begun::Granted);
    assert!(matches!(
        begin(&store, key(1), other, LONG).await,
        Begun::Completed { .. }
    ));
    assert!(matches!(
        begin(&store, key(9), other, LONG).await,
        Begun::InProgress { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn memory_is_empty_once_everything_has_expired() {
    let store = MemoryStore::new();
    let owner = Owner::new();
    for n in 0..10 {
        let key = RecordKey::of("expire", &n.to_string());
        assert_eq!(begin(&store, key, owner, LONG).await, Begun::Granted);
        if n % 2 == 0 {
            assert_eq!(
                store.complete(key, owner, vec![], LONG).await.unwrap(),
                Written::Done
            );
        }
    }
    assert_eq!(store.len(), 10);
    sleep(2 * LONG).await;
    assert_eq!(
        store.len(),
        5,
        "runs that ended without a word are known for an hour more"
    );
    sleep(Duration::from_secs(3_600)).await;
    assert!(store.is_empty());
}

type Calls = Arc<AtomicU32>;

#[handler(queue = "jobs", visibility = "3s", concurrency = 8, idempotent)]
async fn count(_: Job, State(calls): State<Calls>) {
    sleep(Duration::from_millis(300)).await;
    calls.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_keeps_the_contract() {
    let redis = Redis::start().await;
    keeps_the_contract(redis.store().await).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn redis_tells_applications_apart_by_their_prefix() {
    let redis = Redis::start().await;
    let (one, two) = (redis.store().await, redis.store().await.prefix("other"));
    let key = RecordKey::of("jobs", "1");
    assert_eq!(begin(&one, key, Owner::new(), LONG).await, Begun::Granted);
    assert_eq!(begin(&two, key, Owner::new(), LONG).await, Begun::Granted);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn two_workers_on_one_redis_run_each_key_once() {
    let (redis, setup, calls) = (Redis::start().await, Setup::standard().await, Calls::default());
    // Every job three times.
    setup.send((0..60).map(|n| Job::new(n % 20, "a"))).await;
    let one = setup
        .worker(calls.clone())
        .handler::<count>()
        .idempotency(redis.store().await);
    let two = setup
        .worker(calls.clone())
        .handler::<count>()
        .idempotency(redis.store().await);
    let (first, second) = (one.stats(), two.stats());
    let all = async || {
        while first.snapshot().acked + second.snapshot().acked < 60 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let both = async { tokio::join!(one.run_until(all()), two.run_until(all())) };
    let (one, two) = timeout(Duration::from_secs(120), both)
        .await
        .expect("a minute is enough");
    let (one, two) = (one.unwrap().stats, two.unwrap().stats);
    assert_eq!(calls.load(Ordering::Relaxed), 20, "{one:?} {two:?}");
    assert_eq!(one.duplicates + two.duplicates, 40);
    assert_eq!((setup.left(), setup.dead_letters()), (0, 0));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn while_redis_is_away_messages_wait() {
    let (redis, setup, calls) = (Redis::start().await, Setup::standard().await, Calls::default());
    let (port, store) = (redis.port(), redis.store().await);
    redis.stop();
    setup.send([Job::new(1, "a")]).await;
    let worker = setup.worker(calls.clone()).handler::<count>().idempotency(store);
    let stats = worker.stats();
    let outage = async {
        until(stats.clone(), |stats| stats.store_errors >= 2).await;
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        let redis = Redis::start_on(port).await;
        let back = until(stats, |stats| stats.acked == 1);
        timeout(Duration::from_secs(60), back).await.expect("it goes on");
        redis
    };
    let report = worker.run_until(outage).await.unwrap();
    assert_eq!((calls.load(Ordering::Relaxed), report.stats.retried), (1, 0));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_reply_is_recorded_in_redis_and_sent_again() {
    #[derive(serde::Serialize, serde::Deserialize, Message)]
    #[message(name = "question", reply = Answer)]
    struct Question {
        #[message(key)]
        id: u64,
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Message)]
    #[message(name = "answer")]
    struct Answer {
        text: String,
    }

    #[handler(queue = "jobs", idempotent)]
    async fn answer(_: Question, State(calls): State<Calls>) -> Reply<Answer> {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        Reply(Answer {
            text: format!("„{number}“ \u{0}"),
        })
    }

    let (redis, setup, calls) = (Redis::start().await, Setup::standard().await, Calls::default());
    let requester = Requester::new(setup.client.clone(), "jobs");
    let expected = Answer {
        text: "„0“ \u{0}".into(),
    };
    // A worker each: what the second knows it has from Redis.
    for _ in 0..2 {
        let worker = setup.worker(calls.clone()).handler::<answer>();
        let worker = worker.idempotency(redis.store().await);
        let asking = async {
            let answer = requester.ask(&Question { id: 1 }, Duration::from_secs(20)).await;
            assert_eq!(answer.unwrap(), expected);
        };
        worker.run_until(asking).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn one_store_in_memory_serves_the_workers_of_a_process() {
    let (setup, calls, store) = (
        Setup::standard().await,
        Calls::default(),
        Arc::new(MemoryStore::new()),
    );
    for _ in 0..2 {
        setup.send([Job::new(1, "a")]).await;
        let worker = setup.worker(calls.clone()).handler::<count>();
        run_until(worker.idempotency(store.clone()), |stats| stats.acked == 1).await;
    }
    assert_eq!((calls.load(Ordering::Relaxed), store.len()), (1, 1));
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_at_the_start() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let connecting = RedisStore::connect(&format!("redis://{free}/")).await;
    let error = connecting.unwrap_err().to_string();
    assert!(error.contains("the idempotency store failed"), "{error}");
    assert!(RedisStore::connect("not a URL").await.is_err());
}
