//! The worker on a full queue, against bare consuming and bare batches one behind the other.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::{Series, combined};
use crate::row::{Cost, Row, rate};

const RATIO_MIN: f64 = 0.55;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut ours, mut limit, mut consumed, mut rows] = [const { Vec::new() }; 4];
    let mut cost = Cost::default();
    let store = bench.store.clone();
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        consumed.push(bench.bare_consume()?);
        rows.push(bench.bare_rows()?);
        limit.extend(
            consumed
                .last()
                .zip(rows.last())
                .map(|(a, b)| combined(&[*a, *b])),
        );
        ours.push(bench.drain(&store, bench.sizes.full_queue, MANY_WALLETS, &mut cost)?);
    }
    let series = |figures: Vec<f64>| figures.into_iter().collect::<Series>();
    let note = format!(
        "alone, the bare client consumes {:.0}/s and one connection applies {:.0} rows/s",
        series(consumed).median(),
        series(rows).median()
    );
    let row = Row::new(
        "worker, draining a full queue",
        rate("credits", series(ours)),
    );
    let (row, ratio) = row.beside(rate("consume + batch", series(limit)));
    let row = row.goal("ratio at least 0.55", ratio >= RATIO_MIN);
    Ok(vec![row.cost(cost).note(note)])
}
