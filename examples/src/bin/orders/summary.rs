//! The account at the end: every order is somewhere, and the numbers add up.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sqs::{Client, types::QueueAttributeName as Attribute};
use sqs_worker::{Headers, Report, message::HEADERS_ATTRIBUTE};

use crate::{BoxError, screen::ratio};

/// What this run knows when it ends.
pub struct Account {
    pub run: String,
    /// Sent by this run, broken ones included; `None` when others send.
    pub placed: Option<u64>,
    pub confirmed: u64,
    pub took: Duration,
    pub report: Report,
}

impl Account {
    /// Prints the summary. Whether the numbers add up.
    pub async fn print(&self, client: &Client, queue: &str) -> Result<bool, BoxError> {
        let dead = self.dead_letters(client, &format!("{queue}-dead")).await?;
        let dead_total: u64 = dead.values().sum();
        let waiting = waiting(client, queue).await?;
        let stats = &self.report.stats;

        println!("\n  Where the orders are");
        println!("    {:>7}  confirmed by mail", self.confirmed);
        println!("    {dead_total:>7}  in the dead-letter queue");
        for (reason, count) in &dead {
            println!("    {:>7}    {count:>5}  {reason}", "");
        }
        println!("    {waiting:>7}  still in the queue");
        let sum = self.confirmed + dead_total + waiting;
        if let Some(placed) = self.placed {
            let sign = if sum == placed { "=" } else { "≠" };
            println!("    {sum:>7}  together {sign} {placed} placed");
        }

        println!("\n  What it took");
        let seconds = self.took.as_secs_f64();
        println!(
            "    {} messages handled in {seconds:.1} s, {:.0} a second",
            stats.handled,
            stats.handled as f64 / seconds.max(0.001)
        );
        println!(
            "    retries {}, panics caught {}, leases lost {}",
            stats.retried, stats.panics, stats.leases_lost
        );
        println!(
            "    {} requests by the worker ({} receive, {} delete, {} visibility, {} dead-letter): {:.2} a message",
            stats.requests(),
            stats.receive_requests,
            stats.delete_requests,
            stats.visibility_requests,
            stats.dead_letter_requests,
            ratio(stats.requests(), stats.received)
        );
        if !self.report.is_clean() {
            println!(
                "    {} handlers were interrupted and {} messages left to their visibility time-out",
                self.report.interrupted, self.report.abandoned
            );
        }
        println!();
        Ok(self.placed.is_none_or(|placed| sum == placed))
    }

    /// Reads the dead-letter queue without deleting anything, and counts this run's messages by reason.
    async fn dead_letters(&self, client: &Client, queue: &str) -> Result<BTreeMap<String, u64>, BoxError> {
        let mut reasons = BTreeMap::new();
        let Ok(answer) = client.get_queue_url().queue_name(queue).send().await else {
            return Ok(reasons);
        };
        let url = answer.queue_url.unwrap_or_default();
        // Seen messages stay hidden long enough for one look at each.
        loop {
            let answer = client
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(10)
                .visibility_timeout(60)
                .message_attribute_names(HEADERS_ATTRIBUTE)
                .send()
                .await?;
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(reasons);
            }
            for message in messages {
                if self.placed.is_some() && !message.body().unwrap_or_default().contains(&self.run) {
                    continue;
                }
                let headers = message
                    .message_attributes()
                    .and_then(|all| all.get(HEADERS_ATTRIBUTE));
                let headers = headers.and_then(|value| Headers::parse(value.string_value()?).ok());
                let reason = headers.and_then(|headers| headers.failure).map_or_else(
                    || "moved by SQS itself, after too many receives".to_owned(),
                    |failure| short(&failure.reason),
                );
                *reasons.entry(reason).or_default() += 1;
            }
        }
    }
}

/// Reasons of one kind under one line.
fn short(reason: &str) -> String {
    if reason.starts_with("cannot decode") {
        return "not an order: the body is no JSON of one".to_owned();
    }
    reason.chars().take(90).collect()
}

/// Messages that are still there, wherever: waiting, delayed or hidden.
async fn waiting(client: &Client, queue: &str) -> Result<u64, BoxError> {
    let url = client
        .get_queue_url()
        .queue_name(queue)
        .send()
        .await?
        .queue_url
        .unwrap_or_default();
    let counts = [
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
        Attribute::ApproximateNumberOfMessagesDelayed,
    ];
    let answer = client
        .get_queue_attributes()
        .queue_url(url)
        .set_attribute_names(Some(counts.to_vec()))
        .send()
        .await?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(counts
        .iter()
        .filter_map(|count| attributes.get(count)?.parse::<u64>().ok())
        .sum())
}
