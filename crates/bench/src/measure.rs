//! A complete run: checks the servers, sets up the programs, measures each scenario, prints the table.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::bench::Bench;
use crate::cli::{Cli, Scenario};
use crate::config::Config;
use crate::failure::{Doing, Result, ensure};
use crate::machine;
use crate::orders::Orders;
use crate::row::{PeakMb, Row};
use crate::scenario;
use crate::servers::{Broker, Launcher, Scraper, Stack, Store};
use crate::table::Results;

pub(crate) fn run(cli: &Cli, config: Config) -> Result<()> {
    let broker_metrics = format!("{}/metrics", config.prometheus_url);
    let mut bench = set_up(cli, config)?;
    let database = bench.store.facts()?;
    // A database that may lose commits is faster, and its figures would mean nothing.
    ensure(
        database.is_durable,
        "checking the database's settings",
        || database.text.clone(),
    )?;
    bench.broker.ensure_quorum_queue()?;
    let broker_metrics = Scraper::new().get(&broker_metrics)?;
    let machine = machine::facts(&database, &broker_metrics, bench.stack.pids()?);
    bench.reset()?;
    let (mut rows, mut baseline_rows) = (Vec::new(), Vec::new());
    for one in cli.scenarios() {
        let (began, name) = (Instant::now(), one.name());
        report_progress(&format!("{name} …"))?;
        match &cli.baseline {
            None => rows.extend(scenario::run(one, &mut bench)?),
            Some(directory) => {
                let (ours, theirs) = in_turn(&mut bench, one, directory)?;
                rows.extend(ours);
                baseline_rows.extend(theirs);
            }
        }
        report_progress(&format!("{name}: {:.1} s", began.elapsed().as_secs_f64()))?;
    }
    bench.check_invariants(&bench.store)?;
    if cli.baseline.is_none() {
        rows.extend(scenario::memory(bench.peak_mb));
    }
    let results = Results {
        command: cli.command(),
        machine: &machine,
        rows: &rows,
        baseline: cli.baseline.is_some().then_some(baseline_rows.as_slice()),
    };
    if let Some(path) = &cli.json {
        let document = format!("{:#}\n", results.json());
        std::fs::write(path, document).doing("writing the JSON file")?;
    }
    print(&results.markdown()).doing("printing the table")
}

/// Measures our programs and those of the baseline in turn, so that both meet the same changes of the
/// machine's speed. Each goes first in every other run.
fn in_turn(bench: &mut Bench, one: Scenario, baseline: &Path) -> Result<(Vec<Row>, Vec<Row>)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let runs = std::mem::replace(&mut bench.sizes.runs, 1);
    for run in 0..runs {
        let ours_first = run % 2 == 0;
        for is_ours in [ours_first, !ours_first] {
            bench
                .launcher
                .measure_programs_in((!is_ours).then_some(baseline))?;
            let rows = scenario::run(one, bench)?;
            append(if is_ours { &mut ours } else { &mut theirs }, rows);
        }
    }
    bench.sizes.runs = runs;
    Ok((ours, theirs))
}

fn append(rows: &mut Vec<Row>, more: Vec<Row>) {
    if rows.is_empty() {
        *rows = more;
    } else {
        for (row, more) in rows.iter_mut().zip(more) {
            row.append(more);
        }
    }
}

fn set_up(cli: &Cli, config: Config) -> Result<Bench> {
    let secret = random_secret();
    let store = Store(config.database_url);
    let launcher = Launcher::new(config.amqp_url, config.management_url, &secret)?;
    launcher.set_up(&store)?;
    Ok(Bench {
        sizes: cli.sizes(),
        stack: Stack {
            script: cli.stack.clone(),
        },
        broker: Broker {
            address: config.broker,
        },
        store,
        launcher,
        orders: Orders::new(&secret),
        peak_mb: PeakMb::default(),
        sustained: None,
    })
}

/// A signing secret in `PayNow`'s format.
fn random_secret() -> String {
    let letters = std::iter::repeat_with(fastrand::alphanumeric).take(32);
    format!("pn-{}", letters.collect::<String>())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark prints only its own figures"
)]
fn print(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}

/// Writes to standard error, because the table goes to standard output.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark prints only its own figures"
)]
fn report_progress(text: &str) -> Result<()> {
    let written = writeln!(std::io::stderr(), "{text}");
    written.doing("reporting progress")
}
