use sqs_worker::handler;

#[handler(queue = "orders")]
async fn charge(_: String) {}

fn main() {}
