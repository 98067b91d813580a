//! Every event for the same wallet, whose row every transaction waits for.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::Series;
use crate::row::{Cost, Row, rate};

const RATIO_MIN: f64 = 0.5;

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (mut hot, mut many) = (Series::default(), Series::default());
    let mut cost = Cost::default();
    let (store, count) = (bench.store.clone(), bench.sizes.full_queue);
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        many.push(bench.drain(&store, count, MANY_WALLETS, &mut Cost::default())?);
        bench.begin_anew()?;
        hot.push(bench.drain(&store, count, 1, &mut cost)?);
    }
    let row = Row::new("one hot wallet taking every event", rate("credits", hot));
    let (row, ratio) = row.beside(rate("100,000 wallets", many));
    let row = row.goal("ratio at least 0.5", ratio >= RATIO_MIN);
    Ok(vec![row.cost(cost)])
}
