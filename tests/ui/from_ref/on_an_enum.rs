use sqs_worker::FromRef;

#[derive(Clone, FromRef)]
enum App {
    Test,
}

fn main() {}
