//! The console over full tables: how soon its pages are answered, its memory with many open streams, and what
//! these cost the worker.

use std::time::Duration;

use super::pages;
use crate::bench::{Bench, Queue};
use crate::failure::{Result, ensure};
use crate::figures::Latencies;
use crate::load::{Exchange, LoadReport, OpenLoop, Phase};
use crate::row::{Cost, Row, Unit};
use crate::servers::{Console, Known, Streams, Visitor};
use crate::usage::peak_mb;

const FULL: &str = "paynow_bench_console";
const PER_SECOND: f64 = 20.0;
/// The start of each run is not counted: connections are made and caches are filled.
const WARM_UP_SHARE: f64 = 0.1;
/// As browsers of all visitors may open.
const CONNECTIONS: usize = 64;
const P99_MS_MAX: f64 = 200.0;
/// A session may have four streams.
const VISITORS: usize = 25;
const STREAMS_OF_EACH: usize = 2;
/// 60 MiB.
const MB_MAX: f64 = 62.9;
const DRAIN_RATIO_MIN: f64 = 0.98;

/// What all runs measure.
struct Rows {
    pages: Row,
    memory: Row,
    drain: Row,
    exchanges: Vec<Exchange>,
}

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let (letters, past_orders) = (bench.sizes.console_letters, bench.sizes.past_orders);
    let store = bench.store.create_sibling(FULL)?;
    bench.launcher.set_up(&store)?;
    store.load_past(past_orders)?;
    store.load_letters(letters)?;
    let known = store.known()?;
    let queue = Queue {
        store,
        letters,
        ..bench.full_queue()
    };
    let streams = VISITORS * STREAMS_OF_EACH;
    let mut rows = Rows {
        pages: Row::new(
            format!(
                "console, pages at {PER_SECOND}/s with {letters} dead letters and {past_orders} ledger rows"
            ),
            "p99",
            Unit::Milliseconds,
        ),
        memory: Row::new(
            format!("console, memory with {streams} open streams"),
            "peak",
            Unit::Megabytes,
        ),
        drain: Row::new(
            format!("drain rate while {streams} streams of the console are open"),
            "credits",
            Unit::PerSecond,
        ),
        exchanges: Vec::new(),
    };
    for _run in 0..bench.sizes.runs {
        measure(bench, &queue, &known, &mut rows)?;
    }
    bench.check_invariants(&queue.store)?;
    bench.store.drop_sibling(FULL)?;
    rows.finish()
}

/// One run: a drain alone, the pages, and a drain with streams.
fn measure(bench: &mut Bench, queue: &Queue, known: &Known, rows: &mut Rows) -> Result<()> {
    bench.reset()?;
    let alone = bench.drain(queue, &mut Cost::default())?;
    let receiver = bench.launcher.receiver()?;
    let worker = bench.launcher.worker(&queue.store)?;
    let console = bench.launcher.console(&queue.store, &receiver, &worker)?;
    let visitors = sign_in(&console)?;
    let exchanges = ask(bench, &console, &visitors, known)?;
    let (p50, p99) = latency_ms(exchanges.iter())?;
    rows.pages.ours.series.push(p99);
    rows.pages.latency.push((p50, p99));
    rows.exchanges.extend(exchanges);
    // The drain starts a worker of its own.
    worker.program.stop()?;
    bench.reset()?;
    let streams = Streams::open(&visitors, STREAMS_OF_EACH)?;
    let beside = bench.drain(queue, &mut rows.drain.cost)?;
    let events = streams.close()?;
    rows.drain.push(beside, "without streams", alone);
    rows.drain.note(format!(
        "each stream has shown at least {events} states of the page"
    ));
    rows.memory.ours.series.push(peak_mb(console.program.pid()));
    console.program.stop()?;
    receiver.program.stop()
}

fn sign_in(console: &Console) -> Result<Vec<Visitor>> {
    let names = (0..VISITORS).map(|number| format!("visitor{number}"));
    names.map(|name| Visitor::sign_in(console, &name)).collect()
}

/// Asks for pages; gives those that count.
fn ask(
    bench: &Bench,
    console: &Console,
    visitors: &[Visitor],
    known: &Known,
) -> Result<Vec<Exchange>> {
    let warm_up = bench.sizes.pages_seconds * WARM_UP_SHARE;
    let phase = Phase {
        per_second: PER_SECOND,
        seconds: bench.sizes.pages_seconds + warm_up,
    };
    let requests = pages::requests(phase.requests(), visitors, known);
    let LoadReport { mut exchanges, .. } =
        OpenLoop::of(requests, console.address, CONNECTIONS, phase).run()?;
    for exchange in &exchanges {
        let (name, status) = (pages::name(exchange.index), exchange.status);
        ensure(
            pages::is_answered(exchange.index, status),
            "asking for pages",
            || format!("{name} was answered {status}"),
        )?;
    }
    let warm = Duration::from_secs_f64(warm_up);
    exchanges.retain(|exchange| exchange.due >= warm);
    Ok(exchanges)
}

fn latency_ms<'a>(exchanges: impl Iterator<Item = &'a Exchange>) -> Result<(f64, f64)> {
    Ok(Latencies::of(exchanges.map(Exchange::latency))?.p50_and_p99_ms())
}

impl Rows {
    fn finish(mut self) -> Result<Vec<Row>> {
        let mut of_pages = Vec::new();
        for page in 0..pages::COUNT {
            let of_page = self.exchanges.iter();
            let of_page = of_page.filter(|it| it.index % pages::COUNT == page);
            let (p50, p99) = latency_ms(of_page)?;
            of_pages.push(format!("`{}` {p50:.0} / {p99:.0}", pages::name(page)));
        }
        self.pages
            .note(format!("p50 / p99 ms by page: {}", of_pages.join(", ")));
        let is_soon = self.pages.latency.p99_ms.median() < P99_MS_MAX;
        self.pages
            .goal(format!("p99 under {P99_MS_MAX} ms"), is_soon);
        let is_small = self.memory.ours.series.max() <= MB_MAX;
        self.memory
            .goal(format!("at most {MB_MAX} MB (60 MiB)"), is_small);
        self.drain.ratio_goal(DRAIN_RATIO_MIN);
        Ok(vec![self.pages, self.memory, self.drain])
    }
}
