//! The broker process of the private stack, for tests that scrape or suspend it.

use std::process::Command;

use crate::harness::TestApp;

/// The broker of the stack that `PAYNOW_STACK` names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrokerProcess {
    pub(crate) pid: u32,
    /// The port of its Prometheus plugin.
    pub(crate) metrics_port: u16,
}

impl BrokerProcess {
    pub(crate) fn of_stack() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/stack");
        let status = Command::new(script).arg("status").output();
        let status = String::from_utf8(status.expect("ops/stack runs").stdout);
        let status = status.expect("it prints UTF-8");
        let after = |mark: &str| {
            let rest = status.split_once(mark).map(|(_before, rest)| rest);
            let rest = rest.unwrap_or_else(|| panic!("no {mark} in: {status}"));
            rest.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            pid: after("broker: running, pid ").parse().expect("a pid"),
            metrics_port: after("PROMETHEUS_PORT=").parse().expect("a port"),
        }
    }
}

/// A process that is suspended (SIGSTOP) until this is dropped.
pub(crate) struct Suspended(u32);

impl Suspended {
    pub(crate) fn process(pid: u32) -> Self {
        signal("STOP", pid);
        Self(pid)
    }

    /// The process may have ended since its id was read.
    fn unless_gone(pid: u32) -> Option<Self> {
        is_sent("STOP", pid).then_some(Self(pid))
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        // The process may have ended meanwhile.
        let _was_there = is_sent("CONT", self.0);
    }
}

impl TestApp {
    /// Suspends the server's processes of the workers' sessions, until they are dropped: to the workers
    /// the database is silent.
    pub(crate) fn silence_database(&self) -> Vec<Suspended> {
        let processes = self.database.texts(
            "SELECT pid::text AS value FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'paynow-worker'",
        );
        assert!(!processes.is_empty(), "no worker has a session");
        let processes = processes.iter().map(|pid| pid.parse().expect("a pid"));
        processes.filter_map(Suspended::unless_gone).collect()
    }
}

fn signal(name: &str, pid: u32) {
    assert!(is_sent(name, pid), "SIG{name} to {pid}");
}

fn is_sent(name: &str, pid: u32) -> bool {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    status.expect("kill runs").success()
}
