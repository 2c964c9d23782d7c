//! The program `quotes` as a person runs it.

use std::process::Command;

#[test]
fn every_question_is_accounted_for_and_an_order_sent_five_times_is_charged_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_quotes"))
        .args(["--customers", "30"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for part in [
        "47.70 €",
        "we sell tea, and no coffee",
        "no answer within 250ms",
        "receipt no. 1 over 47.70 €, five times",
        "30 quotes",
        "38 asked",
        "1 order charged",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_redis_that_is_not_there_is_said_to_be_the_reason() {
    let output = Command::new(env!("CARGO_BIN_EXE_quotes"))
        .args(["--redis", "redis://127.0.0.1:1/"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("quotes: the idempotency store failed"), "{text}");
}
