//! From a seed to a scenario.
//!
//! Sizes are chosen so that a run has hundreds of requests, rarely thousands: many small worlds find more than one
//! large one.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use sqs_local::faults::Fault;

use super::{
    Attempt, Death, FaultPlan, Kind, LifePlan, MessagePlan, Patience, PausePlan, QueuePlan, Scenario, Then,
    WorkerPlan, extend, key, rank,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The scenario of a seed: always the same.
pub(crate) fn generate(seed: u64) -> Scenario {
    let mut dice = Dice(StdRng::seed_from_u64(seed));
    let queues = 1 + dice.weighted(&[75, 20, 5]);
    let workers = 1 + dice.weighted(&[40, 30, 15, 10, 5]);
    // Where messages stay hidden for hours, few may poll meanwhile.
    let long = queues == 1 && workers <= 2 && dice.chance(0.08);
    let queues: Vec<QueuePlan> = (0..queues).map(|_| dice.queue(long)).collect();
    let trouble = match dice.weighted(&[6, 3, 1]) {
        0 => dice.time(MINUTE, 5 * MINUTE),
        1 => dice.time(5 * MINUTE, HOUR),
        _ => dice.time(HOUR, 8 * HOUR),
    };
    let trouble = trouble.min(affordable(&queues, workers));
    let workers: Vec<WorkerPlan> = (0..workers).map(|_| dice.worker(trouble)).collect();
    let messages = dice.messages(&queues, trouble);
    let faults = (0..dice.weighted(&[15, 25, 25, 15, 10, 10]))
        .map(|_| dice.fault(queues.len(), trouble))
        .collect();
    let shared = (queues.len() > 1 && dice.chance(0.4)).then(|| dice.one_of(&[5, 6, 10, 30]));
    let latency = Duration::from_millis(dice.one_of(&[0, 1, 20, 20, 100, 400]));
    let pauses = if dice.chance(0.15) {
        dice.pauses(workers.len(), queues.len(), trouble)
    } else {
        Vec::new()
    };
    let mut scenario = Scenario {
        seed,
        trouble,
        queues,
        workers,
        messages,
        faults,
        latency,
        shared,
        pauses,
    };
    extend::add(&mut scenario);
    rank::add(&mut scenario);
    key::add(&mut scenario);
    scenario
}

/// The time in which idle workers send as many polls as a run may have.
pub(super) fn affordable(queues: &[QueuePlan], workers: usize) -> Duration {
    const POLLS: f64 = 200.0;
    let wait = |queue: &QueuePlan| (queue.visibility.as_secs() * 2 / 3).clamp(1, 20) as f64;
    let a_second: f64 = queues.iter().map(|queue| workers as f64 / wait(queue)).sum();
    Duration::from_secs((POLLS / a_second) as u64)
}

pub(super) struct Dice(StdRng);

impl Dice {
    /// The dice of one feature: what it draws changes nothing of what the others do.
    pub(super) fn of(feature: u64, seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed ^ feature))
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability)
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.choose(&mut self.0).expect("there is a choice")
    }

    /// The place of the weight that came up.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.0.random_range(0..weights.iter().sum::<u32>());
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum")
    }

    /// Between the two, in whole milliseconds.
    pub(super) fn time(&mut self, least: Duration, most: Duration) -> Duration {
        let (least, most) = (least.as_millis() as u64, most.as_millis() as u64);
        Duration::from_millis(self.0.random_range(least..=most.max(least)))
    }

    fn queue(&mut self, long: bool) -> QueuePlan {
        let visibility = if long {
            self.one_of(&[1_200, 3_600, 3_600, 10_000, 43_200])
        } else {
            self.one_of(&[2, 3, 5, 5, 10, 10, 20, 30, 30, 30, 60, 60, 120, 300, 600])
        };
        let visibility = Duration::from_secs(visibility);
        let base = Duration::from_secs(self.one_of(&[1, 1, 2, 5, 10]));
        let fifo = self.chance(0.45);
        let patience = match self.weighted(&[3, 5, 2, 1]) {
            3 => Patience::Batch,
            2 if visibility >= MINUTE => Patience::Long,
            0 => Patience::Brief,
            _ => Patience::Usual,
        };
        QueuePlan {
            fifo,
            delay: if self.chance(0.1) {
                self.one_of(&[SECOND, 10 * SECOND, 900 * SECOND])
            } else {
                Duration::ZERO
            },
            retention: if self.chance(0.1) {
                Duration::from_secs(self.0.random_range(60..1_200))
            } else {
                14 * 24 * HOUR
            },
            max_receives: self.chance(0.75).then(|| self.one_of(&[1, 2, 3, 5, 10, 100])),
            visibility,
            concurrency: match patience {
                Patience::Batch => self.one_of(&[5, 10, 20]),
                _ => self.one_of(&[1, 1, 2, 3, 5, 10, 10, 20, 50]),
            },
            pollers: self.one_of(&[1, 1, 2, 4]),
            linger: Duration::from_millis(self.one_of(&[0, 50, 50, 50, 500])),
            retry: (base, base * self.one_of(&[1, 4, 30])),
            max_attempts: self.chance(0.3).then(|| self.one_of(&[1, 2, 3, 8])),
            patience,
            prefetch: self.chance(0.6).then(|| self.one_of(&[0, 0, 0, 1, 5, 20])),
            rate_limit: self.chance(0.08).then(|| self.one_of(&[0.5, 3.0, 20.0])),
            breaker: self.chance(0.08),
            tenant_limit: (!fifo && self.chance(0.08)).then(|| self.one_of(&[1, 2])),
            priority: self.one_of(&[0, 0, 0, 1, -1]),
            weight: self.one_of(&[1, 1, 2, 5]),
            ranked: false,
        }
    }

    fn worker(&mut self, trouble: Duration) -> WorkerPlan {
        let mut lives = Vec::new();
        let mut start = if self.chance(0.6) {
            Duration::ZERO
        } else {
            self.time(Duration::ZERO, trouble / 4)
        };
        for _ in 0..self.weighted(&[50, 25, 15, 10]) {
            let end = start + self.time(SECOND, trouble / 2);
            let death = self.one_of(&[
                Death::Asked,
                Death::Asked,
                Death::Hurried,
                Death::Killed,
                Death::Killed,
            ]);
            lives.push(LifePlan {
                start,
                end: Some((end, death)),
            });
            start = end + self.time(Duration::ZERO, MINUTE);
        }
        if lives.is_empty() || self.chance(0.7) {
            lives.push(LifePlan { start, end: None });
        }
        lives.retain(|life| life.start < trouble);
        for life in &mut lives {
            life.end = life.end.filter(|(end, _)| *end < trouble);
        }
        WorkerPlan {
            shutdown: self.one_of(&[SECOND, 5 * SECOND, 10 * SECOND, 25 * SECOND, 25 * SECOND, MINUTE]),
            lives,
        }
    }

    fn pauses(&mut self, workers: usize, queues: usize, trouble: Duration) -> Vec<PausePlan> {
        (0..self.0.random_range(1..4))
            .map(|_| {
                let from = self.time(Duration::ZERO, trouble * 3 / 4);
                PausePlan {
                    worker: self.0.random_range(0..workers),
                    queue: self.0.random_range(0..queues),
                    from,
                    until: (from + self.time(SECOND, 5 * MINUTE)).min(trouble),
                }
            })
            .collect()
    }

    fn messages(&mut self, queues: &[QueuePlan], trouble: Duration) -> Vec<MessagePlan> {
        let count = match self.weighted(&[3, 5, 2]) {
            0 => self.0.random_range(1..8),
            1 => self.0.random_range(8..40),
            _ => self.0.random_range(40..120),
        };
        let bursts: Vec<Duration> = (0..self.0.random_range(1..5))
            .map(|_| self.time(Duration::ZERO, trouble / 2))
            .collect();
        let groups = self.one_of(&[1, 2, 3, 8]);
        let trickle = self.chance(0.3);
        let mut messages: Vec<MessagePlan> = (0..count)
            .map(|_| {
                let queue = self.0.random_range(0..queues.len());
                let at = if trickle {
                    self.time(Duration::ZERO, trouble * 3 / 4)
                } else {
                    self.one_of(&bursts) + self.time(Duration::ZERO, Duration::from_millis(200))
                };
                self.message(at, queue, &queues[queue], groups)
            })
            .collect();
        messages.sort_by_key(|message| message.at);
        messages
    }

    fn message(&mut self, at: Duration, queue: usize, plan: &QueuePlan, groups: u8) -> MessagePlan {
        let group = (plan.fifo || self.chance(0.2)).then(|| self.0.random_range(0..groups));
        let dead_letters = plan.max_receives.is_some();
        let kind = match self.weighted(&[80, 12, 4, 4]) {
            1 => Kind::Note,
            2 if dead_letters => Kind::Garbage,
            3 if dead_letters => Kind::Unknown,
            _ => Kind::Task,
        };
        let attempts = match self.weighted(&[55, 25, 12, 8]) {
            0 => 1,
            1 => 2,
            2 => 3,
            _ => self.0.random_range(4..9),
        };
        MessagePlan {
            at,
            queue,
            group,
            kind,
            filler: match self.weighted(&[90, 8, 2]) {
                0 => self.0.random_range(0..200),
                1 => self.0.random_range(200..5_000),
                _ => self.0.random_range(5_000..120_000),
            },
            attributes: self.one_of(&[0, 0, 0, 1, 2, 8]),
            rank: None,
            copies: if self.chance(0.08) { 2 } else { 1 },
            copies_apart: Duration::ZERO,
            key_of: None,
            attempts: (0..attempts)
                .map(|number| self.attempt(plan, number + 1 == attempts))
                .collect(),
        }
    }

    fn attempt(&mut self, plan: &QueuePlan, last: bool) -> Attempt {
        let visibility = plan.visibility;
        let takes = match self.weighted(&[40, 25, 20, 10, 5]) {
            0 => Duration::from_micros(self.0.random_range(1..2_000)),
            1 => self.time(Duration::from_millis(2), SECOND),
            2 => self.time(SECOND, (2 * visibility).min(10 * MINUTE)),
            3 => self.time(visibility, (6 * visibility).min(13 * HOUR)),
            _ => self.time(visibility, (30 * visibility).min(14 * HOUR)),
        };
        let then = if last {
            match self.weighted(&[80, 8, 5, 4, 3]) {
                0 => Then::Succeed,
                1 => Then::FailForEver,
                2 => Then::Drop,
                3 => Then::Detach,
                _ => Then::FailFor(self.time(Duration::ZERO, HOUR)),
            }
        } else {
            match self.weighted(&[50, 15, 15, 5, 15]) {
                0 => Then::Fail,
                1 => Then::FailFor(self.time(Duration::ZERO, 5 * MINUTE)),
                2 => Then::Panic,
                // Twelve hours, while everybody polls: only where few do.
                3 if plan.patience == Patience::Long && visibility < 20 * MINUTE => Then::Panic,
                3 => Then::Hang,
                _ => Then::Release,
            }
        };
        Attempt {
            takes,
            then,
            extend: None,
        }
    }

    fn fault(&mut self, queues: usize, trouble: Duration) -> FaultPlan {
        const COMMANDS: [Option<&str>; 9] = [
            None,
            None,
            Some("ReceiveMessage"),
            Some("ReceiveMessage"),
            Some("DeleteMessageBatch"),
            Some("DeleteMessageBatch"),
            Some("ChangeMessageVisibilityBatch"),
            Some("ChangeMessageVisibilityBatch"),
            Some("SendMessageBatch"),
        ];
        let fault = self.one_of(&[
            Fault::Throttle,
            Fault::InternalError,
            Fault::Unavailable,
            Fault::OverLimit,
            Fault::ExpiredCredentials,
            Fault::AccessDenied,
            Fault::ClockSkew,
            Fault::Disconnect,
            Fault::LoseAnswer,
            Fault::LoseAnswer,
            Fault::Hang,
            Fault::SlowRequest,
            Fault::SlowAnswer,
            Fault::SlowAnswer,
            Fault::Duplicate,
            Fault::Duplicate,
            Fault::Reorder,
            Fault::PartialBatch,
            Fault::PartialBatch,
        ]);
        let from = if self.chance(0.5) {
            Duration::ZERO
        } else {
            self.time(Duration::ZERO, trouble / 2)
        };
        let until = match self.weighted(&[4, 3, 3]) {
            0 => trouble,
            1 => from + self.time(SECOND, MINUTE),
            _ => from + self.time(MINUTE, trouble),
        };
        let least = self.time(Duration::from_millis(10), 6 * SECOND);
        FaultPlan {
            fault,
            action: self.one_of(&COMMANDS),
            queue: self.chance(0.2).then(|| self.0.random_range(0..queues)),
            from,
            until: until.min(trouble),
            // At no distance, a message that is always delivered again is received for ever at the same instant.
            chance: if fault == Fault::Duplicate {
                self.one_of(&[0.02, 0.1])
            } else {
                self.one_of(&[0.02, 0.1, 0.1, 0.3, 0.5, 1.0])
            },
            delay: (least, least + self.time(Duration::ZERO, 25 * SECOND)),
            share: self.one_of(&[0.1, 0.5, 1.0]),
        }
    }
}
