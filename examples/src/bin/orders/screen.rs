//! Live progress: a panel that redraws itself on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal, Write, stdout},
    time::Duration,
};

use sqs_worker::worker::{Stats, StatsSnapshot};
use tokio::time::{Instant, interval};

use crate::shop::{Shop, Step};

const BAR: usize = 32;

pub struct Screen {
    pub shop: Shop,
    pub stats: Stats,
    /// How many orders are placed in all; unknown when others place them.
    pub goal: Option<u64>,
    pub quiet: bool,
}

impl Screen {
    /// Draws until dropped.
    pub async fn run(self) {
        let terminal = stdout().is_terminal();
        let mut ticks = interval(Duration::from_millis(if terminal { 120 } else { 2_000 }));
        let started = Instant::now();
        let (mut drawn, mut last, mut rate) = (0, (started, 0), 0.0);
        loop {
            ticks.tick().await;
            if self.quiet {
                continue;
            }
            let stats = self.stats.snapshot();
            let elapsed = last.0.elapsed().as_secs_f64();
            if elapsed > 0.4 {
                rate = (stats.handled - last.1) as f64 / elapsed;
                last = (Instant::now(), stats.handled);
            }
            let text = if terminal {
                self.panel(&stats, rate)
            } else {
                self.line(&stats, started.elapsed())
            };
            let mut out = stdout().lock();
            // Back to the first line of the panel; each line clears what is left of the old one.
            let up = if terminal && drawn > 0 {
                format!("\x1b[{drawn}A")
            } else {
                String::new()
            };
            let _ = write!(out, "{up}{text}");
            let _ = out.flush();
            drawn = text.lines().count();
        }
    }

    fn panel(&self, stats: &StatsSnapshot, rate: f64) -> String {
        let reached = self.shop.reached();
        let most = self.goal.unwrap_or(reached[0]).max(1);
        let mut text = String::from("\x1b[K\n");
        for (step, count) in Step::ALL.into_iter().zip(reached) {
            let filled = (count as usize * BAR / most as usize).min(BAR);
            let bar = format!(
                "\x1b[32m{}\x1b[90m{}\x1b[0m",
                "█".repeat(filled),
                "░".repeat(BAR - filled)
            );
            text += &format!("  {:<10} {bar} {count:>6}\x1b[K\n", step.label());
        }
        text += &format!(
            "\n  {:.0} messages/s · {} running · {} retries · \x1b[33m{} dead letters\x1b[0m · {:.2} requests a message\x1b[K\n",
            rate,
            stats.running,
            stats.retried,
            stats.dead_lettered,
            ratio(stats.requests(), stats.handled),
        );
        if stats.poll_errors > 0 {
            text += &format!(
                "  \x1b[31m{} polls failed\x1b[0m: RUST_LOG=sqs_worker=warn shows why\x1b[K\n",
                stats.poll_errors
            );
        }
        let troubles = self.shop.troubles();
        for n in 0..4 {
            let line = troubles.get(n).map_or("", String::as_str);
            text += &format!(
                "  \x1b[90m{}\x1b[0m\x1b[K\n",
                line.chars().take(100).collect::<String>()
            );
        }
        text
    }

    fn line(&self, stats: &StatsSnapshot, elapsed: Duration) -> String {
        let [received, .., confirmed] = self.shop.reached();
        format!(
            "{:>5.1} s  received {received}  confirmed {confirmed}  retries {}  dead letters {}\n",
            elapsed.as_secs_f64(),
            stats.retried,
            stats.dead_lettered
        )
    }
}

pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
