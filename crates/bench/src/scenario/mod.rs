//! The scenarios: each measures one or more rows of the table.

mod console;
mod drain;
mod flood;
mod latency;
mod memory;
mod overload;
mod pages;
mod receiver;
mod replay;
mod timed;
mod whole_way;

pub(crate) use memory::memory;

use crate::bench::Bench;
use crate::cli::Scenario;
use crate::failure::Result;
use crate::row::Row;

/// Measures one scenario.
pub(crate) fn run(scenario: Scenario, bench: &mut Bench) -> Result<Vec<Row>> {
    match scenario {
        Scenario::Receiver64 => receiver::with_64_connections(bench),
        Scenario::Receiver8 => receiver::with_8_connections(bench),
        Scenario::Drain => drain::full_queue(bench),
        Scenario::WholeWay => whole_way::run(bench),
        Scenario::Latency => latency::run(bench),
        Scenario::BigLedger => drain::big_ledger(bench),
        Scenario::HotWallet => drain::hot_wallet(bench),
        Scenario::Backlog => drain::long_queue(bench),
        Scenario::Overload => overload::run(bench),
        Scenario::Flood => flood::run(bench),
        Scenario::Replay => replay::run(bench),
        Scenario::Console => console::run(bench),
    }
}
