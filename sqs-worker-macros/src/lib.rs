//! The macros of sqs-worker.
