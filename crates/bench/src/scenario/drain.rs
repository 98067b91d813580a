//! The worker with a full queue, and what its rate depends on: one hot wallet, a long queue, a big ledger.

use crate::bench::{Bench, Queue};
use crate::failure::Result;
use crate::figures::{Series, combined};
use crate::row::{Cost, Row, Unit};

const BARE_RATIO_MIN: f64 = 0.55;
const PROOF_SHARE_MAX: f64 = 0.03;
const HOT_WALLET_RATIO_MIN: f64 = 0.5;
const LONG_QUEUE_RATIO_MIN: f64 = 0.8;
const BIG_LEDGER_RATIO_MIN: f64 = 0.8;
/// Peak memory may differ this much between two starts of a program.
const MEMORY_RATIO_MAX: f64 = 1.2;
const BIG: &str = "paynow_bench_big";

/// Compared with bare consuming and bare batches combined.
pub(super) fn full_queue(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = row_of("worker, draining a full queue");
    let [mut consumed, mut written] = [const { Series::new() }; 2];
    let queue = bench.full_queue();
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let rates = [bench.bare_consume()?, bench.bare_rows()?];
        consumed.push(rates[0]);
        written.push(rates[1]);
        let credits = bench.drain(&queue, &mut row.cost)?;
        row.push(credits, "consume + batch", combined(&rates));
    }
    row.note(format!(
        "alone, the bare client consumes {:.0}/s and one connection writes {:.0} rows/s",
        consumed.median(),
        written.median()
    ));
    row.ratio_goal(BARE_RATIO_MIN);
    let proof = proof(bench, &row.cost)?;
    Ok(vec![row, proof])
}

/// What the worker's own check of PayNow's signature costs. All cores are busy while a queue is drained, so
/// the drain rate is lower by as much as this is of the CPU time of an event.
fn proof(bench: &mut Bench, cost: &Cost) -> Result<Row> {
    let mut row = Row::new(
        "worker, share of the check of a signature",
        "share",
        Unit::Ratio,
    );
    let per_thousand = cost.per_thousand().unwrap_or_default();
    let mut checks = Series::new();
    for _run in 0..bench.sizes.runs {
        let seconds = bench.orders.seconds_per_check()?;
        checks.push(seconds * 1_000_000.0);
        row.ours
            .series
            .push(seconds * 1000.0 / per_thousand.pipeline().max(f64::EPSILON));
    }
    row.note(format!(
        "one check takes {:.1} us, an event {:.1} us of CPU time in worker, broker and database",
        checks.median(),
        per_thousand.pipeline() * 1000.0
    ));
    let is_reached = row.ours.series.median() <= PROOF_SHARE_MAX;
    row.goal(format!("share at most {PROOF_SHARE_MAX}"), is_reached);
    Ok(row)
}

/// Every event is for one wallet, whose row every transaction locks. Compared with many wallets.
pub(super) fn hot_wallet(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = row_of("one hot wallet taking every event");
    let many = bench.full_queue();
    let hot = Queue {
        wallets: 1,
        ..many.clone()
    };
    compare(bench, &mut row, &hot, ("100,000 wallets", &many))?;
    row.ratio_goal(HOT_WALLET_RATIO_MIN);
    Ok(vec![row])
}

/// A long queue, compared with a short one.
pub(super) fn long_queue(bench: &mut Bench) -> Result<Vec<Row>> {
    let [short, long] = [bench.sizes.few_waiting, bench.sizes.many_waiting].map(|messages| Queue {
        messages,
        ..bench.full_queue()
    });
    let mut row = row_of(format!("{} messages waiting", long.messages));
    let cost_of_short = compare(bench, &mut row, &long, ("a short queue", &short))?;
    let peak = |cost: &Cost| cost.peak_mb.worker.unwrap_or_default();
    let (small, large) = (peak(&cost_of_short), peak(&row.cost));
    let is_flat = large <= small * MEMORY_RATIO_MAX;
    row.goal(
        format!("memory of the worker flat, ratio at least {LONG_QUEUE_RATIO_MIN}"),
        is_flat && row.median_ratio() >= LONG_QUEUE_RATIO_MIN,
    );
    row.note(format!(
        "the worker's peak is {small:.0} MB with {} messages waiting, {large:.0} MB with {}",
        short.messages, long.messages
    ));
    Ok(vec![row])
}

/// A ledger of two years, compared with an empty one: two databases of one server, measured in turn.
pub(super) fn big_ledger(bench: &mut Bench) -> Result<Vec<Row>> {
    let past_orders = bench.sizes.past_orders;
    let empty = bench.full_queue();
    let store = bench.store.create_sibling(BIG)?;
    bench.launcher.set_up(&store)?;
    store.load_past(past_orders)?;
    let big = Queue {
        store,
        ..empty.clone()
    };
    let mut row = row_of(format!("drain rate with {past_orders} ledger rows"));
    compare(bench, &mut row, &big, ("empty ledger", &empty))?;
    bench.check_invariants(&big.store)?;
    let check_seconds = big.store.ledger_check_seconds()?;
    bench.store.drop_sibling(BIG)?;
    row.note(format!(
        "the check of all invariants, which runs once an hour and not within these runs, takes \
         {check_seconds:.1} s"
    ));
    row.ratio_goal(BIG_LEDGER_RATIO_MIN);
    Ok(vec![row])
}

fn row_of(what: impl Into<String>) -> Row {
    Row::new(what, "credits", Unit::PerSecond)
}

/// Drains a queue and its limit in turn; gives the cost of the limit.
fn compare(
    bench: &mut Bench,
    row: &mut Row,
    ours: &Queue,
    (limit_name, limit): (&'static str, &Queue),
) -> Result<Cost> {
    let mut cost_of_limit = Cost::default();
    for _run in 0..bench.sizes.runs {
        bench.reset()?;
        let limit = bench.drain(limit, &mut cost_of_limit)?;
        bench.reset()?;
        let credits = bench.drain(ours, &mut row.cost)?;
        row.push(credits, limit_name, limit);
    }
    Ok(cost_of_limit)
}
