//! A ledger that has grown for years, against an empty one: two databases of one server, in turn.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::Series;
use crate::orders::PRODUCT;
use crate::row::{Cost, Row, rate};

const RATIO_MIN: f64 = 0.8;
const BIG: &str = "paynow_bench_big";

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (mut big, mut empty) = (Series::default(), Series::default());
    let mut cost = Cost::default();
    let (store, count) = (bench.store.clone(), bench.sizes.full_queue);
    let grown = store.sibling(BIG)?;
    bench.launcher.run_ctl(&grown, &["setup"])?;
    bench
        .launcher
        .run_ctl(&grown, &["products", "set", &PRODUCT.to_string(), "500"])?;
    grown.load_past(bench.sizes.past_orders)?;
    for _run in 0..bench.sizes.runs {
        bench.begin_anew()?;
        empty.push(bench.drain(&store, count, MANY_WALLETS, &mut Cost::default())?);
        big.push(bench.drain(&grown, count, MANY_WALLETS, &mut cost)?);
    }
    bench.prove(&grown)?;
    let look = grown.ledger_check_seconds()?;
    store.drop_sibling(BIG)?;
    let what = format!("drain rate with {} ledger rows", bench.sizes.past_orders);
    let (row, ratio) = Row::new(what, rate("credits", big)).beside(rate("empty ledger", empty));
    let row = row.goal("ratio at least 0.8", ratio >= RATIO_MIN);
    let note = format!(
        "the look at all of its invariants, which workers together take once an hour and not \
         within these runs, takes {look:.1} s"
    );
    Ok(vec![row.cost(cost).note(note)])
}
