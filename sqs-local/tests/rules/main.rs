//! The rules of SQS, one test each, through the AWS SDK's own client under tokio's paused clock.

mod support;

mod batches;
mod clock;
mod dead_letter;
mod faults;
mod fifo;
mod journal;
mod limits;
mod long_poll;
mod messages;
mod move_tasks;
mod queues;
mod threads;
mod visibility;
mod wire;
