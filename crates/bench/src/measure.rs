//! The course of a whole run: servers looked at, programs set up, one scenario after the other, the
//! table printed.

use std::io::Write;
use std::time::Instant;

use clap::ValueEnum;

use crate::bench::Bench;
use crate::cli::Cli;
use crate::config::Config;
use crate::failure::{Doing, Result, ensure};
use crate::figures::Series;
use crate::machine::Machine;
use crate::orders::{Orders, PRODUCT};
use crate::scenario;
use crate::servers::{Broker, Launcher, Scraper, Settings, Stack, Store};
use crate::table;

pub(crate) fn run(cli: &Cli, config: Config) -> Result<()> {
    let prometheus = format!("{}/metrics", config.prometheus_url);
    let mut bench = set_up(cli, config)?;
    let settings = bench.store.settings()?;
    ensure_durable(&settings)?;
    bench.broker.ensure_quorum_queue()?;
    let broker = Scraper::new().get(&prometheus)?;
    let machine = Machine::facts(&settings, &broker, bench.stack.pids()?);
    bench.begin_anew()?;
    let mut rows = Vec::new();
    for one in cli.scenarios() {
        let began = Instant::now();
        let name = one.to_possible_value();
        let name = name.as_ref().map_or("", |name| name.get_name());
        say(&format!("{name} …"))?;
        rows.extend(scenario::run(one, &mut bench)?);
        say(&format!("{name}: {:.1} s", began.elapsed().as_secs_f64()))?;
    }
    bench.prove(&bench.store)?;
    rows.extend(scenario::memory(&bench));
    if let Some(path) = &cli.json {
        let document = format!("{:#}\n", table::json(&cli.command(), &machine, &rows));
        std::fs::write(path, document).doing("writing the JSON file")?;
    }
    let text = table::markdown(&cli.command(), &machine, &rows);
    std::io::stdout()
        .write_all(text.as_bytes())
        .doing("printing the table")
}

fn set_up(cli: &Cli, config: Config) -> Result<Bench> {
    let secret = random_secret();
    let store = Store::new(config.database_url);
    let launcher = Launcher::new(config.amqp_url, config.management_url, &secret)?;
    launcher.run_ctl(&store, &["setup"])?;
    launcher.run_ctl(&store, &["products", "set", &PRODUCT.to_string(), "500"])?;
    Ok(Bench {
        sizes: cli.sizes(),
        stack: Stack::new(cli.stack.clone()),
        broker: Broker {
            address: config.broker,
        },
        store,
        launcher,
        orders: Orders::new(&secret),
        receiver_peaks: Series::default(),
        worker_peaks: Series::default(),
        sustained: None,
    })
}

/// For this run only; `PayNow` makes the real ones.
fn random_secret() -> String {
    let letters = std::iter::repeat_with(fastrand::alphanumeric).take(32);
    format!("pn-{}", letters.collect::<String>())
}

/// Figures of a database that may forget are of no use.
fn ensure_durable(settings: &Settings) -> Result<()> {
    let values = [
        &settings.fsync,
        &settings.synchronous_commit,
        &settings.full_page_writes,
    ];
    let all_on = values.iter().all(|value| value.as_str() == "on");
    ensure(all_on, "looking at the database's settings", || {
        format!("{settings:?}")
    })
}

/// Progress goes to standard error: standard output is the table's.
fn say(text: &str) -> Result<()> {
    let written = writeln!(std::io::stderr(), "{text}");
    written.doing("saying what goes on")
}
