//! Workers and producers for Amazon SQS.
