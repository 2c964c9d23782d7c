use sqs_worker::FromRef;

#[derive(Clone, FromRef)]
struct App {
    orders: String,
    invoices: String,
}

fn main() {}
