//! The order flow.
fn main() {}
