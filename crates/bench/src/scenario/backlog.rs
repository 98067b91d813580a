//! The worker with a long queue, compared with a short queue: the length must make no difference.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::Series;
use crate::row::{Cost, Figure, Row, Unit};

const RATIO_MIN: f64 = 0.8;
/// Peak memory may differ this much between two starts of a program.
const MEMORY_RATIO_MAX: f64 = 1.2;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (mut few, mut many) = (Series::default(), Series::default());
    let (mut cost_of_few, mut cost_of_many) = (Cost::default(), Cost::default());
    let (store, sizes) = (bench.store.clone(), bench.sizes);
    for _run in 0..sizes.runs {
        bench.reset()?;
        few.push(bench.drain(&store, sizes.few_waiting, MANY_WALLETS, &mut cost_of_few)?);
        bench.reset()?;
        many.push(bench.drain(&store, sizes.many_waiting, MANY_WALLETS, &mut cost_of_many)?);
    }
    let peak = |cost: &Cost| cost.worker_peak_mb.unwrap_or_default();
    let (small, large) = (peak(&cost_of_few), peak(&cost_of_many));
    let what = format!("{} messages waiting", sizes.many_waiting);
    let row = Row::new(what, Figure::new("credits", Unit::PerSecond, many)).limit(Figure::new(
        "a short queue",
        Unit::PerSecond,
        few,
    ));
    let reached = row.median_ratio() >= RATIO_MIN && large <= small * MEMORY_RATIO_MAX;
    let row = row.goal("memory of the worker flat, ratio at least 0.8", reached);
    let note = format!(
        "the worker's peak is {small:.0} MB with {} messages waiting, {large:.0} MB with {}",
        sizes.few_waiting, sizes.many_waiting
    );
    Ok(vec![row.cost(cost_of_many).note(note)])
}
