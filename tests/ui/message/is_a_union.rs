use sqs_worker::Message;

#[derive(Message)]
#[message(name = "orders.placed")]
union OrderPlaced {
    id: u64,
}

fn main() {}
