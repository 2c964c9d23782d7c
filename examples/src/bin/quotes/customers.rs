//! Those who ask: what each says, and what comes of it.

use std::time::Duration;

use sqs_worker::{Requester, request::AskError};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    BoxError, euros,
    merchant::{Order, QuoteRequest},
};

/// As long as anybody waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The whole story.
pub async fn all(requester: &Requester, crowd: u64) -> Result<(), BoxError> {
    ask(requester, "Ada", "darjeeling", 3, PATIENCE).await?;
    ask(requester, "Ben", "coffee", 1, PATIENCE).await?;
    ask(requester, "Cleo", "gyokuro", 2, Duration::from_millis(250)).await?;
    nervous(requester).await?;
    at_once(requester, crowd).await?;
    // Cleo's answer was on its way when she left.
    while requester.stats().unclaimed == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// One question, and what became of it.
async fn ask(
    requester: &Requester,
    who: &str,
    tea: &str,
    bags: u64,
    patience: Duration,
) -> Result<(), BoxError> {
    let request = QuoteRequest {
        tea: tea.into(),
        bags,
    };
    let started = Instant::now();
    let answer = match requester.ask(&request, patience).await {
        Ok(quote) => format!("{} (after {:.0?})", euros(quote.cents), started.elapsed()),
        Err(AskError::Refused { reason, .. }) => format!("\"{reason}\""),
        Err(AskError::TimedOut { timeout, .. }) => {
            format!("... no answer within {timeout:?}, and she leaves")
        }
        Err(error) => return Err(error.into()),
    };
    println!(
        "  {:<42}{answer}",
        format!("{who}: {bags} × {tea}, please. How much?")
    );
    Ok(())
}

/// Ada orders, and is not sure that it was heard: the same order, five times, all at once.
async fn nervous(requester: &Requester) -> Result<(), BoxError> {
    let mut sending = JoinSet::new();
    for _ in 0..5 {
        let requester = requester.clone();
        sending.spawn(async move {
            let order = Order {
                number: "ada-1".into(),
                tea: "darjeeling".into(),
                bags: 3,
            };
            requester.ask(&order, 12 * PATIENCE).await
        });
    }
    let mut receipts = Vec::new();
    while let Some(receipt) = sending.join_next().await {
        receipts.push(receipt??);
    }
    receipts.dedup();
    let [receipt] = &receipts[..] else {
        return Err(format!("Ada has different receipts: {receipts:?}").into());
    };
    println!(
        "  {:<42}receipt no. {} over {}, five times",
        "Ada: I take them! (says it five times)",
        receipt.receipt,
        euros(receipt.cents)
    );
    Ok(())
}

/// A crowd, each with a question of their own.
async fn at_once(requester: &Requester, crowd: u64) -> Result<(), BoxError> {
    let started = Instant::now();
    let mut asking = JoinSet::new();
    for bags in 1..=crowd {
        let requester = requester.clone();
        asking.spawn(async move {
            let request = QuoteRequest {
                tea: "assam".into(),
                bags,
            };
            let quote = requester.ask(&request, 12 * PATIENCE).await?;
            Ok::<_, AskError>(quote.cents == bags * 890)
        });
    }
    let mut right = 0;
    while let Some(answer) = asking.join_next().await {
        right += u64::from(answer??);
    }
    let took = started.elapsed();
    println!(
        "  {:<42}{right} quotes, each to who asked, in {took:.0?}",
        format!("{crowd} customers, all at once: How much?")
    );
    if right == crowd {
        Ok(())
    } else {
        Err("somebody has another's quote".into())
    }
}
