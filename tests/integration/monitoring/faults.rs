//! Makes real faults and checks in Prometheus that each alert fires and then stops firing, with the
//! rules we ship and in compressed time. `ops/seen-firing.md` lists faults and alerts.
//!
//! These tests break the servers of the stack that `PAYNOW_STACK` names, or read its broker's
//! metrics, so `ops/test` runs them one at a time, on a stack of their own.

mod broker;
mod desk;
mod processes;
mod queue;
mod receiver;
mod table;
mod watchers;

use table::Fault;

/// Five minutes take a second, an hour takes twelve.
const QUICK: u64 = 300;
/// Slower, for faults that must come and go several times within a window.
const STEADY: u64 = 120;
/// A day takes a quarter of a minute, for windows of hours and days.
const DAYS: u64 = 5_000;
/// A week takes a quarter of a minute.
const WEEKS: u64 = 40_000;
