//! What every program needs to run as a process: settings from the environment, logs and metrics,
//! signals, the broker connection and the admin server. Reads no event and knows no ledger.

pub mod environment;
pub mod error_chain;
pub mod exit;

mod healthcheck;
pub mod interrupt;
pub mod program;

pub mod clock;
pub mod telemetry;

pub mod catalog;
pub mod observe;

pub mod admin;
pub mod backoff;
pub mod certificate;

pub mod broker;
