//! A simulation that tries to lose a message, and cannot.
//!
//! The real worker and the real SDK client on an SQS in memory, under a virtual clock, in a world where everything
//! goes wrong: requests fail and answers are lost, workers are killed, handlers panic and hang. A seed decides all of
//! it, and the same seed gives the same run. After each run the rules of [`invariants`] are checked.
//!
//! ```text
//! cargo test -p tests --test simulation                                                # 200 seeds
//! SIM_SEEDS=20000 cargo test --release -p tests --test simulation -- --nocapture      # more of them
//! SIM_SEED=123 cargo test -p tests --test simulation -- --nocapture                   # one, with its story
//! ```

mod campaign;
mod handlers;
mod history;
mod invariants;
mod latency;
mod regressions;
mod scenario;
mod shelf;
mod shrink;
mod trace;
mod wire;
mod witness;
mod world;

use crate::campaign::Campaign;

/// Seeds without any wish of the caller's.
const SEEDS: u64 = 200;

#[test]
fn no_message_is_lost_whatever_goes_wrong() {
    if let Some(seed) = number("SIM_SEED") {
        return campaign::replay(seed);
    }
    let first = number("SIM_FIRST").unwrap_or(0);
    let count = number("SIM_SEEDS").unwrap_or(SEEDS);
    let campaign = Campaign::run(first..first + count);
    println!("{campaign}");
    if let Some(failure) = campaign.failure() {
        panic!("{failure}");
    }
}

#[test]
fn what_once_went_wrong_does_not_any_more() {
    for (seed, what) in regressions::SEEDS {
        let found = campaign::try_twice(*seed).violations;
        assert!(found.is_empty(), "seed {seed} ({what}): {found:?}");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
