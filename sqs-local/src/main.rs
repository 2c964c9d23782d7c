//! Serves sqs-local over HTTP.
fn main() {}
