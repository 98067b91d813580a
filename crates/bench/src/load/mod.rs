//! The load generator: one thread, one write and one read for each request. Requests are complete before
//! a run. It uses the same cores as the programs that it measures.

mod answer;
mod closed;
mod open;
mod report;
mod schedule;
mod wire;

pub(crate) use closed::{closed, closed_while};
pub(crate) use open::{OpenLoop, WhenBusy};
pub(crate) use report::{Exchange, LoadReport};
pub(crate) use schedule::Phase;
