//! The worker with a full queue, and what its rate depends on: one hot wallet, a long queue, a big ledger.

use crate::bench::{Bench, MANY_WALLETS};
use crate::failure::Result;
use crate::figures::{Series, combined};
use crate::row::{Cost, Figure, Row};

const BARE_RATIO_MIN: f64 = 0.55;
const HOT_WALLET_RATIO_MIN: f64 = 0.5;
const LONG_QUEUE_RATIO_MIN: f64 = 0.8;
const BIG_LEDGER_RATIO_MIN: f64 = 0.8;
/// Peak memory may differ this much between two starts of a program.
const MEMORY_RATIO_MAX: f64 = 1.2;
const BIG: &str = "paynow_bench_big";

/// Compared with bare consuming and bare batches combined.
pub(super) fn full_queue(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut ours, mut limit, mut consumed, mut rows] = [const { Series::new() }; 4];
    let (mut cost, store) = (Cost::default(), bench.store.clone());
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let rates = [bench.bare_consume()?, bench.bare_rows()?];
        limit.push(combined(&rates));
        consumed.push(rates[0]);
        rows.push(rates[1]);
        ours.push(bench.drain(&store, bench.sizes.full_queue, MANY_WALLETS, &mut cost)?);
    }
    let row = Row::new(
        "worker, draining a full queue",
        Figure::rate("credits", ours),
    )
    .limit(Figure::rate("consume + batch", limit));
    let reached = row.median_ratio() >= BARE_RATIO_MIN;
    let note = format!(
        "alone, the bare client consumes {:.0}/s and one connection writes {:.0} rows/s",
        consumed.median(),
        rows.median()
    );
    let row = row.goal("ratio at least 0.55", reached);
    Ok(vec![row.cost(cost).note(note)])
}

/// Every event is for one wallet, whose row every transaction locks. Compared with many wallets.
pub(super) fn hot_wallet(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut hot, mut many] = [const { Series::new() }; 2];
    let (mut cost, store, count) = (Cost::default(), bench.store.clone(), bench.sizes.full_queue);
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        many.push(bench.drain(&store, count, MANY_WALLETS, &mut Cost::default())?);
        bench.reset()?;
        hot.push(bench.drain(&store, count, 1, &mut cost)?);
    }
    let row = Row::new(
        "one hot wallet taking every event",
        Figure::rate("credits", hot),
    )
    .limit(Figure::rate("100,000 wallets", many));
    let reached = row.median_ratio() >= HOT_WALLET_RATIO_MIN;
    Ok(vec![row.goal("ratio at least 0.5", reached).cost(cost)])
}

/// A long queue, compared with a short one.
pub(super) fn long_queue(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut few, mut many] = [const { Series::new() }; 2];
    let (mut cost_of_few, mut cost_of_many) = (Cost::default(), Cost::default());
    let (store, sizes) = (bench.store.clone(), bench.sizes);
    for _run in 0..sizes.runs {
        bench.reset()?;
        few.push(bench.drain(&store, sizes.few_waiting, MANY_WALLETS, &mut cost_of_few)?);
        bench.reset()?;
        many.push(bench.drain(&store, sizes.many_waiting, MANY_WALLETS, &mut cost_of_many)?);
    }
    let peak = |cost: &Cost| cost.peak_mb.worker.unwrap_or_default();
    let (small, large) = (peak(&cost_of_few), peak(&cost_of_many));
    let what = format!("{} messages waiting", sizes.many_waiting);
    let row = Row::new(what, Figure::rate("credits", many));
    let row = row.limit(Figure::rate("a short queue", few));
    let is_flat = large <= small * MEMORY_RATIO_MAX;
    let reached = is_flat && row.median_ratio() >= LONG_QUEUE_RATIO_MIN;
    let row = row.goal("memory of the worker flat, ratio at least 0.8", reached);
    let note = format!(
        "the worker's peak is {small:.0} MB with {} messages waiting, {large:.0} MB with {}",
        sizes.few_waiting, sizes.many_waiting
    );
    Ok(vec![row.cost(cost_of_many).note(note)])
}

/// A ledger of two years, compared with an empty one: two databases of one server, measured in turn.
pub(super) fn big_ledger(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut big, mut empty] = [const { Series::new() }; 2];
    let (mut cost, store, sizes) = (Cost::default(), bench.store.clone(), bench.sizes);
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
    let row = Row::new(what, Figure::rate("credits", big));
    let row = row.limit(Figure::rate("empty ledger", empty));
    let reached = row.median_ratio() >= BIG_LEDGER_RATIO_MIN;
    let note = format!(
        "the check of all invariants, which runs once an hour and not within these runs, takes \
         {check_seconds:.1} s"
    );
    let row = row.goal("ratio at least 0.8", reached);
    Ok(vec![row.cost(cost).note(note)])
}
