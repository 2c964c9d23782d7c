use sqs_worker::FromRef;

#[derive(Clone, FromRef)]
struct App<T> {
    part: T,
}

fn main() {}
