//! The HTTP server, over real sockets on 127.0.0.1.

mod http;

mod bad_input;
mod clients;
mod lifetime;
mod program;
mod protocols;
