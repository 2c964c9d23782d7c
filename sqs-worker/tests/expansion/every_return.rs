//! Everything a handler may return.

use sqs_worker::{HandlerDef, HandlerError, Message, Outcome, Reply, handler, handler::IntoOutcome};

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.quoted")]
struct Quote {}

#[derive(serde::Serialize, serde::Deserialize, Message)]
#[message(name = "orders.quote", reply = Quote)]
struct QuoteRequest {}

type AppResult<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[handler(no_reply)]
async fn unit(_: QuoteRequest) {}

#[handler(no_reply)]
async fn outcome(_: QuoteRequest) -> Outcome {
    Outcome::retry()
}

#[handler]
async fn reply(_: QuoteRequest) -> Reply<Quote> {
    Reply(Quote {})
}

#[handler(no_reply)]
async fn unit_result(_: QuoteRequest) -> Result<(), std::io::Error> {
    Ok(())
}

#[handler(no_reply)]
async fn outcome_result(_: QuoteRequest) -> Result<Outcome, HandlerError> {
    Ok(Outcome::ack())
}

#[handler]
async fn reply_result(_: QuoteRequest) -> Result<Reply<Quote>, &'static str> {
    Err("no")
}

#[handler(no_reply)]
async fn boxed(_: QuoteRequest) -> AppResult<()> {
    Err("no")?
}

#[handler(no_reply)]
async fn nested(_: QuoteRequest) -> Result<Result<(), String>, std::io::Error> {
    Ok(Ok(()))
}

#[handler(no_reply)]
async fn opaque(_: QuoteRequest) -> impl IntoOutcome<QuoteRequest> {
    Outcome::ack()
}

#[handler(batch(size = 10), no_reply)]
async fn each(messages: Vec<QuoteRequest>) -> Result<Vec<Outcome>, HandlerError> {
    Ok(messages.iter().map(|_| Outcome::ack()).collect())
}

#[test]
fn a_reply_is_known_by_its_type() {
    fn replies<H: HandlerDef<()>>() -> bool {
        H::SPEC.replies
    }
    assert!(replies::<reply>() && replies::<reply_result>());
    assert!(
        !replies::<unit>()
            && !replies::<outcome>()
            && !replies::<unit_result>()
            && !replies::<outcome_result>()
    );
    assert!(!replies::<boxed>() && !replies::<nested>() && !replies::<opaque>() && !replies::<each>());
}
