//! The machine that was measured: hardware, versions, and which other programs were running. Names of
//! hosts and paths are left out, because the table is published.

use std::time::Duration;

use crate::clock::pause;
use crate::servers::{Pids, ServerFacts, label_of};
use crate::usage::other_processes;
use procfs::{CpuInfo, Current, LoadAverage, Meminfo};

/// Other programs are listed from this share of a core.
const LISTED_FROM: f64 = 0.02;
const OBSERVED_FOR: Duration = Duration::from_secs(1);

/// A name and its value.
pub(crate) type Fact = (&'static str, String);

/// Reads the facts, before anything is measured. `broker_metrics` is its Prometheus text.
pub(crate) fn facts(database: &ServerFacts, broker_metrics: &str, servers: Pids) -> Vec<Fact> {
    let version =
        |label| label_of(broker_metrics, "rabbitmq_build_info", label).unwrap_or("unknown");
    let broker = format!(
        "RabbitMQ {}, Erlang {}, one node, quorum queues",
        version("rabbitmq_version"),
        version("erlang_version")
    );
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = Meminfo::current().map_or(0, |memory| memory.mem_total / 1024);
    let load = LoadAverage::current().map_or_else(
        |_unreadable| "unknown".to_owned(),
        |load| format!("{:.2} {:.2} {:.2}", load.one, load.five, load.fifteen),
    );
    vec![
        ("processor", processor()),
        ("memory", format!("{memory} kB")),
        ("kernel", format!("Linux {}", kernel.trim())),
        ("broker", broker),
        ("database", database.text.clone()),
        ("build", build().to_owned()),
        ("load average before", load),
        ("also running before", others(servers)),
    ]
}

fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = CpuInfo::current().ok();
    let model = info.as_ref().and_then(|info| info.model_name(0));
    format!("{}, {cores} cores", model.unwrap_or("unknown"))
}

fn build() -> &'static str {
    if cfg!(debug_assertions) {
        "debug: the figures mean nothing"
    } else {
        "release"
    }
}

/// The five other programs that used the most of a core during a second.
fn others(servers: Pids) -> String {
    let ours = [servers.broker, servers.database, std::process::id()];
    let before = other_processes(&ours);
    pause(OBSERVED_FOR);
    let share = |(process, seconds): ((i32, String), f64)| {
        let share = (seconds - before.get(&process)?) / OBSERVED_FOR.as_secs_f64();
        (share >= LISTED_FROM).then_some((process.1, share))
    };
    let mut found: Vec<(String, f64)> = other_processes(&ours)
        .into_iter()
        .filter_map(share)
        .collect();
    found.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let listed = found
        .iter()
        .take(5)
        .map(|(name, share)| format!("{name} {:.0} % of a core", share * 100.0));
    match listed.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "nothing that used 2 % of a core".to_owned(),
        some => some,
    }
}
