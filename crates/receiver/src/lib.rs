//! The receiver: bytes, verified, queued, answered. It authenticates and enqueues, nothing else.
//! Invariant: no database and no state; a 202 is given only for what the broker confirmed.
//!
//! The modules are in reading order: the program, one webhook's path, then what these use.

pub mod app;
pub mod config;
pub mod settings;

mod http;
pub mod source;
pub mod body;
pub mod verify;
pub mod publish;
mod answer;

pub mod refusal;
pub mod code;
pub mod failures;
mod socket;
pub mod observe;
