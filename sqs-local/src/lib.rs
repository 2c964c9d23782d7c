//! Amazon SQS in memory.
