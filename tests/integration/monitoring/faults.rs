//! Every alert, seen to fire by a fault that was really made, and to end with it: on the rules we
//! ship, by Prometheus's own word, with time compressed. `ops/seen-firing.md` lists them.
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

/// Five minutes are a second, an hour is twelve.
const QUICK: u64 = 300;
/// Slower, for what has to come and go several times within a window.
const STEADY: u64 = 120;
/// A day is a quarter of a minute: for the windows of hours and days.
const DAYS: u64 = 5_000;
/// A week is a quarter of a minute.
const WEEKS: u64 = 40_000;
