use sqs_worker::FromRef;

struct Cards;

#[derive(FromRef)]
struct App {
    cards: Cards,
}

fn main() {}
