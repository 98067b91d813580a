//! The worker with a full queue, compared with bare consuming and bare batches combined.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::{Series, combined};
use crate::row::{Cost, Figure, Row, Unit};

const RATIO_MIN: f64 = 0.55;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut ours, mut limit, mut consumed, mut rows] = [const { Series::new() }; 4];
    let mut cost = Cost::default();
    let store = bench.store.clone();
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let rates = [bench.bare_consume()?, bench.bare_rows()?];
        limit.push(combined(&rates));
        consumed.push(rates[0]);
        rows.push(rates[1]);
        ours.push(bench.drain(&store, bench.sizes.full_queue, MANY_WALLETS, &mut cost)?);
    }
    let note = format!(
        "alone, the bare client consumes {:.0}/s and one connection writes {:.0} rows/s",
        consumed.median(),
        rows.median()
    );
    let ours = Figure::new("credits", Unit::PerSecond, ours);
    let limit = Figure::new("consume + batch", Unit::PerSecond, limit);
    let row = Row::new("worker, draining a full queue", ours).limit(limit);
    let reached = row.median_ratio() >= RATIO_MIN;
    let row = row.goal("ratio at least 0.55", reached);
    Ok(vec![row.cost(cost).note(note)])
}
