//! An order flow on SQS: place, reserve stock, charge, ship, confirm by mail.
//!
//! With no arguments everything runs in this process, SQS included. Some orders fail for a while, some for good, and
//! some are not even JSON; in the end each one is accounted for. Ctrl-C finishes what is in flight and ends.

// In a program `pub` means: for the other files.
#![allow(unreachable_pub)]

mod flow;
mod place;
mod screen;
mod services;
mod setup;
mod shop;
mod summary;
mod watch;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use sqs_worker::{Producer, QueueOptions, Worker, shutdown_signal, worker::Stats};
use tokio::time::{Instant, interval};
use tracing_subscriber::EnvFilter;

use crate::{
    flow::{Placed, charge_card, confirm_by_mail, reserve_stock, ship},
    place::Placing,
    screen::Screen,
    services::Mailer,
    shop::{App, Shop, Step},
    summary::Account,
};

// The SDK allocates a lot: a good allocator takes a seventh off its CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type BoxError = Box<dyn Error + Send + Sync>;

/// Runs the order flow: an SQS, a producer and a worker in one process.
#[derive(Debug, Parser)]
#[command(name = "orders")]
pub struct Args {
    /// How many orders to place.
    #[arg(long, default_value_t = 3_000)]
    orders: u64,
    /// The queue; its dead-letter queue is NAME-dead.
    #[arg(long, value_name = "NAME", default_value = "orders")]
    queue: String,
    /// Messages in flight at once.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// An SQS-compatible server, for example `http://127.0.0.1:9324`, in place of the embedded SQS.
    #[arg(long, value_name = "URL", conflicts_with = "aws")]
    endpoint_url: Option<String>,
    /// Real AWS, with the credentials and the region of the environment.
    #[arg(long)]
    aws: bool,
    /// Create the queues if they do not exist (always done for the embedded SQS).
    #[arg(long)]
    create_queues: bool,
    /// Place no orders: handle those that others send.
    #[arg(long)]
    no_produce: bool,
    /// End when nothing has come for so many seconds.
    #[arg(long, value_name = "SECONDS")]
    idle_exit: Option<u64>,
    /// Write each confirmation as a line into this file, as the mail that was sent.
    #[arg(long, value_name = "FILE")]
    mail_log: Option<PathBuf>,
    /// Print the summary only.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // A handler that panics is retried, and counted in the summary: its stack trace would only tear the screen.
    std::panic::set_hook(Box::new(|panic| tracing::warn!("{panic}")));
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("the numbers do not add up");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("orders: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<bool, BoxError> {
    let (client, place) = setup::client(&args).await;
    let embedded = !args.aws && args.endpoint_url.is_none();
    if embedded || args.create_queues {
        setup::create_queues(&client, &args.queue).await?;
    }
    let producer = Producer::new(client.clone());
    let app = App::new(&producer, &args.queue, Mailer::new(args.mail_log.as_deref())?);
    let shop = app.shop.clone();
    let worker = Worker::new(client.clone(), app)
        .handler::<reserve_stock>()
        .handler::<charge_card>()
        .handler::<ship>()
        .handler::<confirm_by_mail>()
        .queue(
            QueueOptions::named("orders")
                .source(&args.queue)
                .concurrency(args.concurrency)
                // Whoever sends without our message name sends an order.
                .unnamed::<Placed>(),
        )
        .layer(watch::Watch(shop.clone()));
    let stats = worker.stats();

    let run = format!("run-{:08x}", rand::random::<u32>());
    let goal = (!args.no_produce).then_some(args.orders);
    match goal {
        Some(orders) if !args.quiet => {
            println!("\n  {orders} orders through queue `{}` on {place}", args.queue);
        }
        None if !args.quiet => println!("\n  orders from queue `{}` on {place}; Ctrl-C ends", args.queue),
        _ => {}
    }
    let started = Instant::now();
    let screen = Screen {
        shop: shop.clone(),
        stats: stats.clone(),
        goal,
        quiet: args.quiet,
    };
    let screen = tokio::spawn(screen.run());
    let placing = Placing::default();
    let customers = tokio::spawn(placing.clone().run(
        client.clone(),
        args.queue.clone(),
        run.clone(),
        goal.unwrap_or(0),
    ));

    let idle = args.idle_exit.map(Duration::from_secs);
    let mut took = Duration::ZERO;
    let report = worker
        .run_until(async {
            tokio::select! {
                () = shutdown_signal() => {}
                () = all_accounted(&shop, &stats, &placing, goal) => {}
                () = nothing_came(&stats, idle) => {}
            }
            placing.stop();
            took = started.elapsed();
        })
        .await;
    placing.stop();
    screen.abort();
    let (report, customers) = (report?, customers.await?);
    if let Err(error) = customers {
        eprintln!("orders: not all orders were placed: {error}");
    }
    let account = Account {
        run,
        placed: goal.map(|_| placing.placed()),
        confirmed: shop.reached()[Step::Confirmed as usize],
        took,
        report,
    };
    account.print(&client, &args.queue).await
}

/// Resolves when every order is confirmed or in the dead-letter queue.
async fn all_accounted(shop: &Shop, stats: &Stats, placing: &Placing, goal: Option<u64>) {
    let mut ticks = interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        let ended = shop.reached()[Step::Confirmed as usize] + stats.snapshot().dead_lettered;
        if goal.is_some_and(|goal| placing.placed() == goal && ended >= goal) {
            return;
        }
    }
}

/// Resolves when nothing was received for so long; never without a limit.
async fn nothing_came(stats: &Stats, limit: Option<Duration>) {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    let mut ticks = interval(Duration::from_millis(100));
    let (mut received, mut since) = (0, Instant::now());
    loop {
        ticks.tick().await;
        let now = stats.snapshot();
        if now.received != received || now.in_flight > 0 {
            (received, since) = (now.received, Instant::now());
        }
        if since.elapsed() >= limit {
            return;
        }
    }
}
