//! What every program needs to run as a process: settings from the environment, logs and metrics,
//! signals, the broker connection and the admin server. Reads no event and knows no ledger.
//! The modules are in reading order.

pub mod setting;
pub mod environment;
pub mod error_chain;
pub mod exit;

pub mod program;
pub mod interrupt;
mod healthcheck;
mod usage;

pub mod clock;
pub mod telemetry;

pub mod observe;
pub mod catalog;

pub mod admin;
pub mod backoff;
pub mod idle;
pub mod fault;
pub mod certificate;
pub mod secrets;
pub mod paynow;

pub mod broker;
