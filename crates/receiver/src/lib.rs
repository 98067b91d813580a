//! The receiver: bytes, verified, queued, answered. It authenticates and enqueues, nothing else.
//! Invariant: no database and no state; a 202 is given only for what the broker confirmed.

pub mod app;
pub mod body;
pub mod config;
mod connection;
pub mod failures;
mod http;
pub mod observe;
pub mod publish;
pub mod refusal;
pub mod reload;
mod room;
pub mod secrets;
mod server;
pub mod source;
mod stream;
pub mod verify;
