//! A ledger of two years, compared with an empty one: two databases of one server, measured in turn.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::Series;
use crate::row::{Cost, Figure, Row, Unit};

const RATIO_MIN: f64 = 0.8;
const BIG: &str = "paynow_bench_big";

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (mut big, mut empty) = (Series::default(), Series::default());
    let mut cost = Cost::default();
    let (store, sizes) = (bench.store.clone(), bench.sizes);
    let big_store = store.create_sibling(BIG)?;
    bench.launcher.set_up(&big_store)?;
    big_store.load_past(sizes.past_orders)?;
    for _run in 0..sizes.runs {
        bench.reset()?;
        empty.push(bench.drain(&store, sizes.full_queue, MANY_WALLETS, &mut Cost::default())?);
        big.push(bench.drain(&big_store, sizes.full_queue, MANY_WALLETS, &mut cost)?);
    }
    bench.check_invariants(&big_store)?;
    let check_seconds = big_store.ledger_check_seconds()?;
    store.drop_sibling(BIG)?;
    let what = format!("drain rate with {} ledger rows", sizes.past_orders);
    let row = Row::new(what, Figure::new("credits", Unit::PerSecond, big)).limit(Figure::new(
        "empty ledger",
        Unit::PerSecond,
        empty,
    ));
    let reached = row.median_ratio() >= RATIO_MIN;
    let note = format!(
        "the check of all invariants, which runs once an hour and not within these runs, takes \
         {check_seconds:.1} s"
    );
    let row = row.goal("ratio at least 0.8", reached);
    Ok(vec![row.cost(cost).note(note)])
}
