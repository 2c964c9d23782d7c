//! The engine beside a queue written the obvious way: a list that is walked from its start for everything. Whatever is
//! asked of them at random, they answer the same.
//!
//! `MODEL_SEED` repeats a failing run, `MODEL_RUNS` makes more of them.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Engine, Limits, Millis};
use crate::api::{
    Answer, Caller, ChangeMessageVisibility, CreateQueue, DeleteMessage, Operation, ReceiveMessage, Request,
    SendMessage,
};
use crate::error::Error;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Delayed(Millis),
    Visible,
    InFlight(Millis),
}

#[derive(Debug, Clone)]
struct Message {
    body: String,
    group: Option<String>,
    sent: Millis,
    state: State,
    received: Millis,
    turn: u32,
}

/// One receive of one message.
#[derive(Debug, Clone)]
struct Handle {
    text: String,
    body: String,
    turn: u32,
}

/// The obvious queue. Bodies are distinct, so that they name messages.
#[derive(Debug, Default)]
struct Obvious {
    fifo: bool,
    retention: Millis,
    max_receives: Option<u32>,
    messages: Vec<Message>,
    dead: Vec<String>,
    /// FIFO: the groups that can be received from, in the order in which they became so.
    turns: Vec<String>,
}

impl Obvious {
    fn settle(&mut self, now: Millis) {
        loop {
            let due = |message: &Message| match message.state {
                State::Delayed(until) | State::InFlight(until) if until <= now => Some(until),
                _ => None,
            };
            // The earliest first; of those, the one that came first.
            let next = self
                .messages
                .iter()
                .enumerate()
                .filter_map(|(i, m)| Some((due(m)?, i)))
                .min();
            let Some((_, i)) = next else { break };
            self.messages[i].state = State::Visible;
            self.take_turns();
        }
        let retention = self.retention;
        while let Some(i) = self
            .messages
            .iter()
            .position(|message| message.sent + retention <= now)
        {
            self.messages.remove(i);
            self.take_turns();
        }
    }

    fn head(&self, group: &str) -> Option<&Message> {
        self.messages
            .iter()
            .find(|message| message.group.as_deref() == Some(group))
    }

    /// Groups whose head became visible go to the end of the line; others leave it.
    fn take_turns(&mut self) {
        if !self.fifo {
            return;
        }
        let open =
            |queue: &Self, group: &str| queue.head(group).is_some_and(|head| head.state == State::Visible);
        let turns = std::mem::take(&mut self.turns);
        self.turns = turns.into_iter().filter(|group| open(self, group)).collect();
        for group in self
            .messages
            .iter()
            .filter_map(|message| message.group.clone())
            .collect::<Vec<_>>()
        {
            if !self.turns.contains(&group) && open(self, &group) {
                self.turns.push(group);
            }
        }
    }

    fn send(&mut self, body: String, group: Option<String>, delay: Millis, now: Millis) {
        let state = if delay > 0 {
            State::Delayed(now + delay)
        } else {
            State::Visible
        };
        self.messages.push(Message {
            body,
            group,
            sent: now,
            state,
            received: 0,
            turn: 0,
        });
        self.take_turns();
    }

    fn receive(&mut self, max: usize, visibility: Millis, now: Millis) -> Vec<String> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let next = if self.fifo {
                self.turns.first().cloned().map(Some)
            } else {
                Some(None)
            };
            let Some(group) = next else { break };
            if let Some(group) = &group {
                self.turns.retain(|other| other != group);
            }
            let mut at = 0;
            while taken.len() < max && at < self.messages.len() {
                let message = &mut self.messages[at];
                let mine = group.is_none() || message.group == group;
                let again = taken.contains(&message.body);
                if !mine || again || (group.is_none() && message.state != State::Visible) {
                    at += 1;
                    continue;
                }
                if message.state != State::Visible {
                    break;
                }
                if self.max_receives.is_some_and(|max| message.turn >= max) {
                    self.dead.push(self.messages.remove(at).body);
                    continue;
                }
                message.turn += 1;
                message.received = now;
                message.state = State::InFlight(now + visibility);
                taken.push(message.body.clone());
                at += 1;
            }
            self.take_turns();
            if group.is_none() {
                break;
            }
        }
        if visibility == 0 {
            for body in &taken {
                if let Some(message) = self.messages.iter_mut().find(|message| message.body == *body) {
                    message.state = State::Visible;
                }
                self.take_turns();
            }
        }
        taken
    }

    fn delete(&mut self, handle: &Handle) -> bool {
        let Some(i) = self
            .messages
            .iter()
            .position(|message| message.body == handle.body)
        else {
            return true;
        };
        let latest = self.messages[i].turn == handle.turn;
        if self.fifo && !(latest && matches!(self.messages[i].state, State::InFlight(_))) {
            return false;
        }
        if latest {
            self.messages.remove(i);
            self.take_turns();
        }
        true
    }

    fn change(&mut self, handle: &Handle, seconds: Millis, now: Millis) -> bool {
        let fifo = self.fifo;
        let found = self
            .messages
            .iter_mut()
            .find(|message| message.body == handle.body);
        let usable = |m: &Message| !fifo || (m.turn == handle.turn && matches!(m.state, State::InFlight(_)));
        let Some(message) = found.filter(|message| usable(message)) else {
            return false;
        };
        if now + seconds * 1000 > message.received + 43_200_000 {
            return false;
        }
        message.state = if seconds == 0 {
            State::Visible
        } else {
            State::InFlight(now + seconds * 1000)
        };
        self.take_turns();
        true
    }
}

struct Real {
    engine: Engine,
    url: Option<String>,
}

impl Real {
    fn ask(&mut self, operation: Operation, now: Millis) -> Result<Answer, Error> {
        let caller = Caller {
            account: "1".into(),
            region: "r".into(),
            trace_id: None,
            base_url: "http://h".into(),
        };
        let answer = self.engine.apply(Request { caller, operation }, now);
        self.engine.check();
        answer
    }

    fn create(&mut self, name: &str, attributes: &[(&str, String)]) {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let create = CreateQueue {
            queue_name: Some(name.into()),
            attributes,
            ..Default::default()
        };
        self.ask(Operation::CreateQueue(create), 0)
            .expect("the queue is created");
    }
}

fn run(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let fifo = rng.random_bool(0.5);
    let (suffix, kind) = if fifo {
        (".fifo", vec![("FifoQueue", "true".to_owned())])
    } else {
        ("", Vec::new())
    };
    let mut real = Real {
        engine: Engine::new(
            seed,
            Limits {
                in_flight: 1000,
                lenient: false,
                cooldown: true,
            },
        ),
        url: Some(format!("http://h/1/q{suffix}")),
    };
    let retention = [60, 3600, 345_600][rng.random_range(0..3)];
    let max_receives = rng.random_bool(0.5).then(|| rng.random_range(1..4));
    real.create(&format!("dead{suffix}"), &kind);
    let mut attributes = kind.clone();
    attributes.push(("MessageRetentionPeriod", retention.to_string()));
    if let Some(max) = max_receives {
        let policy =
            format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead{suffix}","maxReceiveCount":{max}}}"#);
        attributes.push(("RedrivePolicy", policy));
    }
    real.create(&format!("q{suffix}"), &attributes);
    let mut obvious = Obvious {
        fifo,
        retention: retention * 1000,
        max_receives,
        ..Default::default()
    };
    let (mut handles, mut now): (Vec<Handle>, Millis) = (Vec::new(), 0);

    for n in 0..300 {
        now += [0, 1, 500, 1000, 7000, 31_000][rng.random_range(0..6)];
        obvious.settle(now);
        let queue_url = real.url.clone();
        match rng.random_range(0..10) {
            0..=3 => {
                let group = fifo.then(|| format!("g{}", rng.random_range(0..4)));
                let delay = if fifo {
                    0
                } else {
                    [0, 0, 5][rng.random_range(0..3)]
                };
                let send = SendMessage {
                    queue_url,
                    message_body: Some(n.to_string()),
                    delay_seconds: (!fifo).then_some(delay),
                    message_group_id: group.clone(),
                    message_deduplication_id: fifo.then(|| n.to_string()),
                    ..Default::default()
                };
                real.ask(Operation::SendMessage(send), now).expect("it is sent");
                obvious.send(n.to_string(), group, u64::from(delay.unsigned_abs()) * 1000, now);
            }
            4..=6 => {
                let (max, visibility) = (rng.random_range(1..=10), [0, 1, 10, 30][rng.random_range(0..4)]);
                let receive = ReceiveMessage {
                    queue_url,
                    max_number_of_messages: Some(max),
                    visibility_timeout: Some(visibility),
                    ..Default::default()
                };
                let Ok(Answer::Received(messages)) = real.ask(Operation::ReceiveMessage(receive), now) else {
                    panic!("a receive is answered")
                };
                let (max, visibility) = (
                    max.unsigned_abs() as usize,
                    u64::from(visibility.unsigned_abs()) * 1000,
                );
                let bodies: Vec<_> = messages.iter().map(|message| message.body().to_owned()).collect();
                assert_eq!(
                    bodies,
                    obvious.receive(max, visibility, now),
                    "seed {seed}, step {n}"
                );
                for message in messages {
                    let turn = obvious
                        .messages
                        .iter()
                        .find(|m| m.body == message.body())
                        .map_or(0, |m| m.turn);
                    let (text, body) = (message.receipt_handle().to_owned(), message.body().to_owned());
                    handles.push(Handle { text, body, turn });
                }
            }
            step if !handles.is_empty() => {
                let handle = handles[rng.random_range(0..handles.len())].clone();
                let receipt_handle = Some(handle.text.clone());
                let (went_well, expected) = if step < 9 {
                    let delete = DeleteMessage {
                        queue_url,
                        receipt_handle,
                    };
                    (
                        real.ask(Operation::DeleteMessage(delete), now).is_ok(),
                        obvious.delete(&handle),
                    )
                } else {
                    let seconds = [0, 5, 60, 43_200][rng.random_range(0..4)];
                    let change = ChangeMessageVisibility {
                        queue_url,
                        receipt_handle,
                        visibility_timeout: Some(seconds),
                    };
                    let changed = real.ask(Operation::ChangeMessageVisibility(change), now);
                    (
                        changed.is_ok(),
                        obvious.change(&handle, u64::from(seconds.unsigned_abs()), now),
                    )
                };
                assert_eq!(went_well, expected, "seed {seed}, step {n}");
            }
            _ => {}
        }
    }
    obvious.settle(now);
    let bodies = |engine: &mut Engine, name: &str| -> Vec<String> {
        let number = engine.find_by_name("1", "r", name).expect("the queue is there");
        let snapshot = engine.snapshot(number, now).expect("the queue is there");
        snapshot
            .messages
            .into_iter()
            .map(|message| message.body)
            .collect()
    };
    let left: Vec<_> = obvious
        .messages
        .iter()
        .map(|message| message.body.clone())
        .collect();
    assert_eq!(
        bodies(&mut real.engine, &format!("q{suffix}")),
        left,
        "seed {seed}"
    );
    // The dead-letter queue forgets after four days, which no run takes.
    let mut dead = bodies(&mut real.engine, &format!("dead{suffix}"));
    dead.sort();
    obvious.dead.sort();
    assert_eq!(dead, obvious.dead, "seed {seed}");
}

#[test]
fn the_engine_answers_as_the_obvious_queue_does() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("MODEL_SEED") {
        return run(seed);
    }
    for seed in 0..number("MODEL_RUNS").unwrap_or(200) {
        run(seed);
    }
}
