//! A run, as one reads it: virtual time, actor, event.

use std::{fmt::Write as _, time::Duration};

use crate::{
    history::{Answer, Asked, Event, What},
    world::Past,
};

/// A time, as hours, minutes, seconds and milliseconds.
pub(crate) fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        at.subsec_millis()
    )
}

/// The whole story, one line an event. Empty polls are left out.
pub(crate) fn story(past: &Past) -> String {
    let mut text = String::new();
    let mut idle: Vec<usize> = past
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Saw(number, Answer::Received(messages)) if messages.is_empty() => Some(*number),
            _ => None,
        })
        .collect();
    idle.sort_unstable();
    for event in &past.events {
        let (What::Asked(number, _) | What::Did(number, _) | What::Saw(number, _)) = &event.what else {
            let _ = writeln!(text, "{}", line(event));
            continue;
        };
        if idle.binary_search(number).is_err() {
            let _ = writeln!(text, "{}", line(event));
        }
    }
    text
}

/// One event.
pub(crate) fn line(event: &Event) -> String {
    let Event { at, actor, what } = event;
    let text = match what {
        What::Asked(number, asked) => format!("asks  {number}: {}", asked_text(asked)),
        What::Did(number, answer) => format!("  SQS {number}: {}", answer_text(answer)),
        What::Saw(number, answer) => format!("  sees {number}: {}", answer_text(answer)),
        What::Started(number, run) => format!("run {number} starts on {:?}", run.handle),
        What::Ended(number, how) => format!("run {number} ends: {how:?}"),
        What::Claimed(plan) => format!("claims the key of message {plan}"),
        What::Recorded(plan) => format!("records that message {plan} is done"),
        What::Wished(number, time) => format!("run {number} asks for {time:?}"),
        What::Granted(number, Some(time)) => format!("run {number} has {time:?}"),
        What::Granted(number, None) => format!("run {number} hears that its lease is lost"),
        What::WorkerReturned(end) => {
            format!(
                "returns; interrupted {}, abandoned {}",
                end.report.interrupted, end.report.abandoned
            )
        }
        What::DetachedEnded(number) => format!("what run {number} left behind ends"),
        other => format!("{other:?}"),
    };
    format!("{} {:<6} {text}", clock(*at), actor.to_string())
}

fn asked_text(asked: &Asked) -> String {
    match asked {
        Asked::Receive {
            queue,
            most,
            wait,
            visibility,
        } => {
            format!("receive up to {most} from {queue}, wait {wait} s, visibility {visibility:?}")
        }
        Asked::Delete(handles) => format!("delete {handles:?}"),
        Asked::Hide(changes) => format!("hide {changes:?}"),
        Asked::Send(queue, sent) => {
            let plans: Vec<_> = sent.iter().map(|sent| sent.plan).collect();
            format!("send messages {plans:?} to {queue}")
        }
        Asked::Other(action) => (*action).to_owned(),
    }
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Received(messages) => {
            let handles: Vec<_> = messages.iter().map(|delivered| delivered.handle).collect();
            format!("received {handles:?}")
        }
        Answer::Settled(entries) => {
            let texts: Vec<String> = entries
                .iter()
                .map(|entry| {
                    let result = match (entry.ok, entry.effect) {
                        (true, true) => "done",
                        (true, false) => "without effect",
                        (false, _) => "failed",
                    };
                    format!("{:?} {result}", entry.handle)
                })
                .collect();
            texts.join(", ")
        }
        Answer::Sent(stored) => {
            let texts: Vec<String> = stored
                .iter()
                .map(|stored| match stored {
                    Some(stored) if stored.duplicate => format!("{:?}, which it had", stored.message),
                    Some(stored) => format!("{:?}", stored.message),
                    None => "not at all".to_owned(),
                })
                .collect();
            format!("sent as {}", texts.join(", "))
        }
        Answer::Refused(code) => format!("refused: {code}"),
        Answer::ShownAgain(messages) => format!("shows {messages:?} again"),
        Answer::Done => "done".to_owned(),
        Answer::Abandoned => "no answer".to_owned(),
    }
}
