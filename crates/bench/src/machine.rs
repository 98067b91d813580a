//! The machine the figures are of: hardware, versions, and what else was running. No names of hosts, no
//! paths.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::pause;
use crate::servers::{Pids, Settings, label_of};
use crate::usage::strangers;

/// A stranger that used less of a core is not worth a word.
const WORTH_A_WORD: f64 = 0.02;
const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct Machine(Vec<(&'static str, String)>);

impl Machine {
    /// Reads the facts before anything is measured.
    pub(crate) fn facts(settings: &Settings, broker: &str, servers: Pids) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let version = |label| label_of(broker, "rabbitmq_build_info", label).unwrap_or("unknown");
        let load = read("/proc/loadavg");
        let load: Vec<&str> = load.split_whitespace().take(3).collect();
        Self(vec![
            (
                "processor",
                format!("{}, {cores} cores", field(&cpuinfo, "model name")),
            ),
            ("memory", field(&read("/proc/meminfo"), "MemTotal")),
            (
                "kernel",
                format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            ),
            (
                "broker",
                format!(
                    "RabbitMQ {}, Erlang {}, one node, quorum queues",
                    version("rabbitmq_version"),
                    version("erlang_version")
                ),
            ),
            (
                "database",
                format!(
                    "PostgreSQL {}, fsync {}, synchronous_commit {}, full_page_writes {}, \
                     shared_buffers {}",
                    settings.version,
                    settings.fsync,
                    settings.synchronous_commit,
                    settings.full_page_writes,
                    settings.shared_buffers
                ),
            ),
            ("build", build().to_owned()),
            ("load average before", load.join(" ")),
            ("also running before", others(servers)),
        ])
    }

    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn rows(&self) -> &[(&'static str, String)] {
        &self.0
    }

    pub(crate) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, fact)| ((*name).to_owned(), json!(fact)))
            .collect()
    }
}

fn build() -> &'static str {
    if cfg!(debug_assertions) {
        "debug: the figures say nothing"
    } else {
        "release"
    }
}

/// The first field of this name in a file of `name : value` lines.
fn field(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _value)| key.trim() == name)
        .map_or_else(
            || "unknown".to_owned(),
            |(_key, value)| value.trim().to_owned(),
        )
}

/// Who used how much of a core during a second, the largest first.
fn others(servers: Pids) -> String {
    let ours = [servers.broker, servers.database, std::process::id()];
    let before = strangers(&ours);
    pause(LOOK);
    let share = |(process, seconds): (&(u32, String), &f64)| {
        let used = (seconds - before.get(process)?) / LOOK.as_secs_f64();
        (used >= WORTH_A_WORD).then(|| (process.1.clone(), used))
    };
    let mut found: Vec<(String, f64)> = strangers(&ours).iter().filter_map(share).collect();
    found.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let told = found
        .iter()
        .take(5)
        .map(|(name, used)| format!("{name} {:.0} % of a core", used * 100.0));
    match told.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "nothing that used 2 % of a core".to_owned(),
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\nmodel name\t: Other\n";
        assert_eq!(field(cpuinfo, "model name"), "Some CPU @ 2.0GHz");
        assert_eq!(field("MemTotal:   24 kB\n", "MemTotal"), "24 kB");
        assert_eq!(field("", "MemTotal"), "unknown");
    }
}
