//! Serves sqs-local over HTTP.

use std::net::IpAddr;
use std::process::ExitCode;

use clap::Parser;
use sqs_local::SqsLocal;
use sqs_local::server::Server;

/// Amazon SQS in memory, for any SDK: give your client the endpoint this program prints.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 9324)]
    port: u16,
    /// The region of requests that are not signed for another.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// The account that queues belong to.
    #[arg(long, default_value = "000000000000")]
    account: String,
    /// What message ids and receipt handles come from; by chance if left out.
    #[arg(long)]
    seed: Option<u64>,
    /// Lets a queue's name be used again at once after its deletion, and a queue be purged twice in a minute.
    #[arg(long)]
    no_cooldown: bool,
    /// Accepts what AWS refuses and other emulators accept, such as a retention under 60 s.
    #[arg(long)]
    lenient: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sqs-local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let sqs = SqsLocal::builder()
        .region(args.region)
        .account(args.account)
        .seed(args.seed.unwrap_or_else(rand::random))
        .cooldown(!args.no_cooldown)
        .lenient(args.lenient)
        .journal(10_000)
        .build();
    let server = Server::bind((args.host, args.port), sqs)
        .await
        .map_err(|error| format!("cannot listen on {}:{}: {error}", args.host, args.port))?;
    println!("sqs-local listening on http://{}", server.local_addr());
    server.run_until(stop_signal()).await;
    Ok(())
}

/// Ready at the first SIGINT or SIGTERM.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
