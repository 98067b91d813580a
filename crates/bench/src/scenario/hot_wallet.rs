//! Every event for one wallet, whose row every transaction locks, compared with many wallets.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::Series;
use crate::row::{Cost, Figure, Row, Unit};

const RATIO_MIN: f64 = 0.5;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (mut hot, mut many) = (Series::default(), Series::default());
    let mut cost = Cost::default();
    let (store, count) = (bench.store.clone(), bench.sizes.full_queue);
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        many.push(bench.drain(&store, count, MANY_WALLETS, &mut Cost::default())?);
        bench.reset()?;
        hot.push(bench.drain(&store, count, 1, &mut cost)?);
    }
    let hot = Figure::new("credits", Unit::PerSecond, hot);
    let many = Figure::new("100,000 wallets", Unit::PerSecond, many);
    let row = Row::new("one hot wallet taking every event", hot).limit(many);
    let reached = row.median_ratio() >= RATIO_MIN;
    Ok(vec![row.goal("ratio at least 0.5", reached).cost(cost)])
}
