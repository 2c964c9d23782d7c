//! A tea merchant who answers questions: request-reply, and orders that are charged once however often they are sent.
//!
//! Everything runs in this process, SQS included. Customers ask what tea costs and get a quote, a refusal, or no answer
//! in time; a nervous one sends her order five times; two hundred ask at once. In the end the books are checked.

// In a program `pub` means: for the other files.
#![allow(unreachable_pub)]

mod customers;
mod merchant;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use sqs_local::SqsLocal;
use sqs_worker::{
    Requester, Worker,
    idempotency::{Idempotency, MemoryStore, RedisStore},
};
use tracing_subscriber::EnvFilter;

use crate::merchant::{Merchant, order, quote};

// The SDK allocates a lot: a good allocator takes a seventh off its CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type BoxError = Box<dyn Error + Send + Sync>;

/// Asks a tea merchant for quotes, and orders: requests and replies on an SQS in this process.
#[derive(Debug, Parser)]
#[command(name = "quotes")]
struct Args {
    /// How many customers ask at once.
    #[arg(long, default_value_t = 200)]
    customers: u64,
    /// Where the merchant keeps which orders are done, for example `redis://127.0.0.1/`, in place of this process's
    /// memory.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("the books do not add up");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("quotes: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<bool, BoxError> {
    let client = SqsLocal::new().client();
    client.create_queue().queue_name("tea-dead").send().await?;
    client.create_queue().queue_name("tea").send().await?;

    let merchant = Merchant::default();
    let done: Idempotency = match &args.redis {
        Some(url) => RedisStore::connect(url)
            .await?
            // Each run of this program sells its own tea.
            .prefix(format!("quotes-{:08x}", rand::random::<u32>()))
            .into(),
        None => MemoryStore::new().into(),
    };
    let worker = Worker::new(client.clone(), merchant.clone())
        .handler::<quote>()
        .handler::<order>()
        .idempotency(done);
    let requester = Requester::new(client, "tea");

    let kept = if args.redis.is_some() { "Redis" } else { "memory" };
    println!("\n  A tea merchant on an SQS embedded in this process; what is done is kept in {kept}\n");
    let mut story = Ok(());
    let report = worker
        .run_until(async { story = customers::all(&requester, args.customers).await })
        .await?;
    story?;

    let asked = requester.stats();
    requester.close().await?;
    let stats = report.stats;
    println!("\n  the customers   {:>5} asked", asked.asked);
    println!(
        "                  {:>5} answered, refusals included",
        asked.answered
    );
    println!("                  {:>5} lost patience", asked.timed_out);
    println!(
        "                  {:>5} answer came when nobody waited any more",
        asked.unclaimed
    );
    println!(
        "  the merchant    {:>5} replies, {} refusals",
        stats.replies, stats.refusals
    );
    println!(
        "                  {:>5} orders that were there already, and were not charged again",
        stats.duplicates
    );
    println!(
        "                  {:>5} order charged: {}",
        merchant.orders(),
        euros(merchant.till())
    );
    println!();
    Ok(report.is_clean()
        && asked.asked == asked.answered + asked.timed_out
        && (merchant.orders(), merchant.till()) == (1, 3 * 1_590)
        && stats.duplicates == 4)
}

/// Cents as people write them.
pub fn euros(cents: u64) -> String {
    format!("{}.{:02} €", cents / 100, cents % 100)
}
