use sqs_worker::FromRef;

#[derive(Clone, FromRef)]
struct App {
    #[from_ref(skp)]
    orders: String,
}

fn main() {}
