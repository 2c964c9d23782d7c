//! Polling: when to ask for messages, for how many, and the call itself.
//!
//! [`PollPlan`] decides, [`Receiver`] calls. The plan is a pure state machine: it is told the time and what came of
//! each poll, and says whether to send another.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName},
};
use futures_util::future::BoxFuture;
use rand::Rng;
use tokio::time::Instant;
use tower_service::Service;

use crate::{
    batch::MAX_ENTRIES,
    error::{ErrorClass, SqsError},
    queue::Queue,
};

/// How long a busy worker waits for a poll worth its price once a permit is free. At ten free permits every answer
/// can be a full batch; polling for one at a time costs six to ten times the requests and moves no more messages.
const GATHER: Duration = Duration::from_millis(100);

/// Decides when the next poll goes out.
#[derive(Debug)]
pub(crate) struct PollPlan {
    /// The most polls at once.
    max: usize,
    /// How many at once make sense now: one while the queue is idle, more while full batches come back.
    allowed: usize,
    in_flight: usize,
    /// Whether any poll has been answered.
    answered: bool,
    /// Errors in a row.
    failures: u32,
    not_before: Option<Instant>,
    /// Since when permits were free, but too few of them.
    gathering_since: Option<Instant>,
    /// The attempts of a FIFO queue whose answers were lost, to be asked for again.
    lost: Vec<Attempt>,
}

/// A receive of a FIFO queue that can be repeated: within five minutes, SQS answers the same attempt with the same
/// messages ([ReceiveMessage]). Without it, messages that an answer carried away would lock their groups for a whole
/// visibility time-out.
///
/// [ReceiveMessage]: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) id: String,
    pub(crate) max: usize,
    first: Instant,
}

/// SQS remembers an attempt for five minutes; the request has to arrive before that.
const REPEATABLE: Duration = Duration::from_secs(4 * 60);

impl Attempt {
    pub(crate) fn new<R: Rng + ?Sized>(max: usize, now: Instant, rng: &mut R) -> Self {
        Self {
            id: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()),
            max,
            first: now,
        }
    }
}

/// What the plan asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send a poll for this many messages.
    Poll(usize),
    /// Ask again at this instant, unless something changes before.
    Wait(Instant),
    /// Nothing to do until a permit is freed or a poll ends.
    Idle,
}

impl PollPlan {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            allowed: 1,
            in_flight: 0,
            answered: false,
            failures: 0,
            not_before: None,
            gathering_since: None,
            lost: Vec::new(),
        }
    }

    /// What to do now, with `free` permits at hand, of which `worthwhile` are worth a poll.
    pub(crate) fn next(&mut self, free: usize, worthwhile: usize, now: Instant) -> Next {
        if self.in_flight >= self.allowed || free == 0 {
            return Next::Idle;
        }
        if let Some(at) = self.not_before {
            if now < at {
                return Next::Wait(at);
            }
            self.not_before = None;
        }
        if free < worthwhile.min(MAX_ENTRIES) {
            let until = *self.gathering_since.get_or_insert(now) + GATHER;
            if now < until {
                return Next::Wait(until);
            }
        }
        Next::Poll(free.min(MAX_ENTRIES))
    }

    /// A poll went out.
    pub(crate) fn sent(&mut self) {
        self.in_flight += 1;
        self.gathering_since = None;
    }

    /// A poll for `asked` messages brought `got`.
    pub(crate) fn answered(&mut self, asked: usize, got: usize) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answered = true;
        self.failures = 0;
        if got == 0 {
            self.allowed = 1;
        } else if got >= asked && asked == MAX_ENTRIES {
            self.allowed = (self.allowed + 1).min(self.max);
        }
    }

    /// Whether the last poll failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether no poll has been answered yet.
    pub(crate) fn is_new(&self) -> bool {
        !self.answered
    }

    /// An attempt whose answer was lost, if it can be repeated with `free` permits at hand.
    pub(crate) fn repeat(&mut self, free: usize, now: Instant) -> Option<Attempt> {
        self.lost.retain(|attempt| now < attempt.first + REPEATABLE);
        let place = self.lost.iter().position(|attempt| attempt.max <= free)?;
        Some(self.lost.swap_remove(place))
    }

    /// The answer to this attempt was lost: SQS may have handed out messages.
    pub(crate) fn lost(&mut self, attempt: Attempt) {
        self.lost.push(attempt);
    }

    /// A poll failed: back to one poll, after a delay that is never zero. Returns the delay.
    pub(crate) fn failed<R: Rng + ?Sized>(
        &mut self,
        class: ErrorClass,
        now: Instant,
        rng: &mut R,
    ) -> Duration {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failures = self.failures.saturating_add(1);
        self.allowed = 1;
        let delay = class.poll_schedule().jittered(self.failures, rng);
        self.not_before = Some(now + delay);
        delay
    }
}

/// One long poll.
#[derive(Clone, Debug)]
pub(crate) struct Receive {
    /// One to ten.
    pub(crate) max: usize,
    /// Names the attempt, in a FIFO queue.
    pub(crate) attempt: Option<String>,
}

/// What SQS is asked to say about a message: what extractors, retries and failure records need. Each one not asked for
/// saves bytes and time.
const SYSTEM_ATTRIBUTES: &[MessageSystemAttributeName] = &[
    MessageSystemAttributeName::ApproximateReceiveCount,
    MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    MessageSystemAttributeName::SentTimestamp,
    MessageSystemAttributeName::MessageGroupId,
    MessageSystemAttributeName::MessageDeduplicationId,
    MessageSystemAttributeName::SequenceNumber,
    MessageSystemAttributeName::AwsTraceHeader,
];

/// The long poll of one queue, as a tower service. It is always ready: the gate in front of it holds the permits.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    client: Client,
    queue: Queue,
    visibility: i32,
    wait: i32,
}

impl Receiver {
    pub(crate) fn new(client: Client, queue: Queue, visibility: Duration, wait: Duration) -> Self {
        Self {
            client,
            queue,
            visibility: seconds(visibility),
            wait: seconds(wait),
        }
    }
}

impl Service<Receive> for Receiver {
    type Response = Vec<Message>;
    type Error = SqsError;
    type Future = BoxFuture<'static, Result<Vec<Message>, SqsError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SqsError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, receive: Receive) -> Self::Future {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.queue.url)
            .max_number_of_messages(i32::try_from(receive.max.clamp(1, MAX_ENTRIES)).unwrap_or(10))
            .visibility_timeout(self.visibility)
            .wait_time_seconds(self.wait)
            .set_receive_request_attempt_id(receive.attempt)
            .set_message_system_attribute_names(Some(SYSTEM_ATTRIBUTES.to_vec()))
            .message_attribute_names("All");
        let queue = self.queue.name.clone();
        Box::pin(async move {
            let answer = request
                .send()
                .await
                .map_err(|error| SqsError::from_sdk("ReceiveMessage", &queue, error))?;
            Ok(answer.messages.unwrap_or_default())
        })
    }
}

/// How long a poll may wait so that a message which arrives at its very end still has a third of its lease left: the
/// lease counts from when the poll was sent. Twenty seconds is SQS's own limit.
pub(crate) fn wait_for(visibility: Duration) -> Duration {
    let longest = visibility * 2 / 3;
    Duration::from_secs(longest.as_secs().min(20))
}

/// Whole seconds, rounded down, as SQS takes them.
pub(crate) fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn poll(plan: &mut PollPlan, got: usize) {
        let now = Instant::now();
        assert_eq!(plan.next(64, 64, now), Next::Poll(10));
        plan.sent();
        plan.answered(10, got);
    }

    #[test]
    fn an_idle_queue_has_one_poll_in_flight() {
        let mut plan = PollPlan::new(4);
        assert_eq!(plan.next(64, 64, Instant::now()), Next::Poll(10));
        plan.sent();
        assert_eq!(plan.next(54, 64, Instant::now()), Next::Idle);
    }

    #[test]
    fn full_batches_add_polls_up_to_the_limit_and_an_empty_answer_takes_them_away() {
        let mut plan = PollPlan::new(3);
        (0..5).for_each(|_| poll(&mut plan, 10));
        assert_eq!(plan.allowed, 3);
        poll(&mut plan, 4);
        assert_eq!(plan.allowed, 3);
        poll(&mut plan, 0);
        assert_eq!(plan.allowed, 1);
    }

    #[test]
    fn it_never_asks_for_more_than_it_has_permits_for() {
        let mut plan = PollPlan::new(1);
        let now = Instant::now();
        assert_eq!(plan.next(0, 3, now), Next::Idle);
        assert_eq!(plan.next(3, 3, now), Next::Poll(3));
        assert_eq!(plan.next(64, 64, now), Next::Poll(10));
    }

    #[test]
    fn a_busy_worker_waits_for_a_worthwhile_batch_but_not_for_ever() {
        let mut plan = PollPlan::new(1);
        let now = Instant::now();
        assert_eq!(plan.next(2, 64, now), Next::Wait(now + GATHER));
        assert_eq!(plan.next(10, 64, now + GATHER / 2), Next::Poll(10));
        assert_eq!(plan.next(3, 64, now + GATHER), Next::Poll(3));
    }

    #[test]
    fn an_attempt_whose_answer_was_lost_is_repeated_as_it_was_while_sqs_remembers_it() {
        let mut plan = PollPlan::new(1);
        let now = Instant::now();
        let attempt = Attempt::new(7, now, &mut StdRng::seed_from_u64(1));
        assert_eq!(attempt.id.len(), 32);
        plan.lost(attempt.clone());
        assert_eq!(plan.repeat(6, now), None, "it asks for the same number");
        assert_eq!(plan.repeat(10, now), Some(attempt.clone()));
        assert_eq!(plan.repeat(10, now), None, "once");
        plan.lost(attempt);
        assert_eq!(plan.repeat(10, now + REPEATABLE), None);
    }

    #[test]
    fn errors_in_a_row_wait_longer_and_one_answer_forgets_them() {
        let mut plan = PollPlan::new(1);
        let mut rng = StdRng::seed_from_u64(1);
        let now = Instant::now();
        let mut delays = Vec::new();
        for _ in 0..8 {
            plan.sent();
            delays.push(plan.failed(ErrorClass::Unavailable, now, &mut rng));
        }
        assert!(delays[0] >= Duration::from_millis(500), "{delays:?}");
        assert!(
            delays[7] >= Duration::from_secs(15) && delays[7] <= Duration::from_secs(30),
            "{delays:?}"
        );
        assert_eq!(plan.next(10, 10, now), Next::Wait(now + delays[7]));
        assert_eq!(plan.next(10, 10, now + delays[7]), Next::Poll(10));
        plan.sent();
        plan.answered(10, 0);
        plan.sent();
        assert!(plan.failed(ErrorClass::Unavailable, now, &mut rng) <= Duration::from_secs(1));
    }

    #[test]
    fn a_short_visibility_shortens_the_poll() {
        for (visibility, wait) in [(30, 20), (600, 20), (15, 10), (3, 2), (1, 0)] {
            assert_eq!(
                wait_for(Duration::from_secs(visibility)),
                Duration::from_secs(wait)
            );
        }
    }
}
