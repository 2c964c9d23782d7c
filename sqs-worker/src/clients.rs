//! The two SDK clients of a worker: one for long polls, one for everything else.
//!
//! The SDK has no response time-out of its own: a lost answer would hang a receive for ever. Setting the time-outs
//! once, on a client, costs nothing per call; setting them on each call would rebuild the client's plugins.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    config::{Builder, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig},
};

/// How long one attempt of a call that does not wait may take before it is abandoned.
const COMMAND_ATTEMPT: Duration = Duration::from_secs(5);

/// How long such a call may take with all its attempts and the pauses between them.
const COMMAND_TOTAL: Duration = Duration::from_secs(15);

/// What a receive may take beyond its long-poll wait.
const POLL_GRACE: Duration = Duration::from_secs(5);

/// The caller's client for calls that answer at once: whatever time-outs it has, and ours where it has none.
pub(crate) fn commands(client: &Client) -> Client {
    configured(client, |config| config.timeout_config(command_timeouts(client)))
}

/// The same for settling, without retries: the engine tries each entry again itself, with the newest handle, for as long
/// as its lease lasts, and draws the pauses from its seed.
pub(crate) fn settling(client: &Client) -> Client {
    configured(client, |config| {
        config
            .timeout_config(command_timeouts(client))
            .retry_config(RetryConfig::disabled())
    })
}

fn command_timeouts(client: &Client) -> TimeoutConfig {
    let theirs = client.config().timeout_config();
    let timeouts = theirs.map(TimeoutConfig::to_builder).unwrap_or_default();
    timeouts
        .operation_attempt_timeout(
            theirs
                .and_then(TimeoutConfig::operation_attempt_timeout)
                .unwrap_or(COMMAND_ATTEMPT),
        )
        .operation_timeout(
            theirs
                .and_then(TimeoutConfig::operation_timeout)
                .unwrap_or(COMMAND_TOTAL),
        )
        .build()
}

/// The caller's client for long polls of `wait`, with time-outs that leave room for it.
///
/// It does not retry: a lease counts from the instant its receive was sent, which only a single attempt makes known,
/// and the poll loop has a delay of its own for every kind of error.
pub(crate) fn polls(client: &Client, wait: Duration) -> Client {
    let attempt = wait + POLL_GRACE;
    let theirs = client.config().timeout_config();
    let mut timeouts = theirs.map(TimeoutConfig::to_builder).unwrap_or_default();
    // A read time-out shorter than the poll would end every idle poll with an error.
    if theirs
        .and_then(TimeoutConfig::read_timeout)
        .is_some_and(|limit| limit < attempt)
    {
        timeouts = timeouts.read_timeout(attempt);
    }
    let timeouts = timeouts
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt)
        .build();
    configured(client, |config| {
        config
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
    })
}

/// Bodies are at most 1 MiB and every attempt has a time-out, so that protection from stalled streams finds nothing
/// the time-out does not; without it a long poll does not wake up every second to look.
fn configured(client: &Client, change: impl FnOnce(Builder) -> Builder) -> Client {
    let config = client.config().to_builder();
    let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(change(config).build())
}
