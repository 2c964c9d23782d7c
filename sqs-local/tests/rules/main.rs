//! The rules of SQS, one test each, through the AWS SDK's own client under tokio's paused clock.

mod support;

mod clock;
mod dead_letter;
mod fifo;
mod long_poll;
mod visibility;
