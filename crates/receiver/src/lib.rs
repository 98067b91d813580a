//! The receiver: bytes, verified, queued, answered. It authenticates and enqueues, nothing else.
//! Invariant: no database and no state; a 202 is given only for what the broker confirmed.
//!
//! The groups of modules are in reading order: the program, one webhook's path, then what these use.

pub mod app;
pub mod config;

mod answer;
pub mod body;
mod http;
pub mod publish;
pub mod source;
pub mod verify;

pub mod code;
pub mod failures;
pub mod observe;
pub mod refusal;
pub mod secrets;
mod socket;
