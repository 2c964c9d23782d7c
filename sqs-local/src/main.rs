//! Serves sqs-local over HTTP.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use sqs_local::SqsLocal;
use sqs_local::faults::Faults;
use sqs_local::server::{Persist, Server, create_queues};

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
    /// A TOML file of queues to create; see the documentation of `sqs_local::server::create_queues`.
    #[arg(long, value_name = "FILE")]
    queues: Option<PathBuf>,
    /// A file that keeps the state over a restart; it need not exist.
    #[arg(long, value_name = "FILE")]
    persist: Option<PathBuf>,
    /// A TOML file of faults; see the documentation of `sqs_local::faults::Faults::from_toml`.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
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
    let mut builder = SqsLocal::builder()
        .region(args.region)
        .account(args.account)
        .seed(args.seed.unwrap_or_else(rand::random))
        .cooldown(!args.no_cooldown)
        .lenient(args.lenient)
        .journal(10_000);
    if let Some(path) = &args.faults {
        let faults =
            Faults::from_toml(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        builder = builder.layer(faults);
    }
    let sqs = builder.build();
    let mut persist = args
        .persist
        .map(|path| Persist::load(sqs.clone(), path))
        .transpose()?;
    if let Some(path) = &args.queues {
        create_queues(&sqs, &read(path)?)
            .await
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let server = Server::bind((args.host, args.port), sqs)
        .await
        .map_err(|error| format!("cannot listen on {}:{}: {error}", args.host, args.port))?;
    // Before anybody can know that the server is there.
    let stop = stop_signal().map_err(|error| format!("cannot listen for signals: {error}"))?;
    println!("sqs-local listening on http://{}", server.local_addr());
    match &mut persist {
        None => server.run_until(stop).await,
        Some(persist) => {
            tokio::select! {
                () = server.run_until(stop) => {}
                () = persist.run() => {}
            }
            persist.save()?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Ready at the first SIGINT or SIGTERM from now on.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready at Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
