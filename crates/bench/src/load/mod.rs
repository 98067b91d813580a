//! The load generator: one thread, requests that are ready to be sent, one write and one read each. It
//! shares the cores with what it measures.

mod answer;
mod closed;
mod flood;
mod open;
mod outcome;
mod schedule;
mod wire;

pub(crate) use closed::closed;
pub(crate) use flood::{Flooded, flood};
pub(crate) use open::{Busy, OpenLoop};
pub(crate) use outcome::{Outcome, Shot, halves_and_tails};
pub(crate) use schedule::Phase;
