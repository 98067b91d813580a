//! What processes use, from `/proc`: CPU seconds and peak memory.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::servers::Pids;

/// Linux tells processes' times in hundredths of a second, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Whose time is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub(crate) servers: Pids,
    pub(crate) receiver: Option<u32>,
    pub(crate) worker: Option<u32>,
}

/// CPU seconds, user and system.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cpu {
    pub(crate) receiver: f64,
    pub(crate) worker: f64,
    pub(crate) broker: f64,
    pub(crate) database: f64,
    /// The benchmark itself.
    pub(crate) bench: f64,
    /// Everything on this machine, those above included.
    pub(crate) machine: f64,
}

impl Cpu {
    fn now(watched: &Watched) -> Self {
        let own = |pid: Option<u32>| pid.and_then(times).map_or(0.0, |times| times.own);
        Self {
            receiver: own(watched.receiver),
            worker: own(watched.worker),
            broker: own(Some(watched.servers.broker)),
            database: family(watched.servers.database),
            bench: own(Some(std::process::id())),
            machine: machine(&fs::read_to_string("/proc/stat").unwrap_or_default()),
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            receiver: self.receiver - earlier.receiver,
            worker: self.worker - earlier.worker,
            broker: self.broker - earlier.broker,
            database: self.database - earlier.database,
            bench: self.bench - earlier.bench,
            machine: self.machine - earlier.machine,
        }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.since(&other.times(-1.0))
    }

    pub(crate) fn times(&self, factor: f64) -> Self {
        Self {
            receiver: self.receiver * factor,
            worker: self.worker * factor,
            broker: self.broker * factor,
            database: self.database * factor,
            bench: self.bench * factor,
            machine: self.machine * factor,
        }
    }

    /// What was used by nobody that is watched.
    pub(crate) fn others(&self) -> f64 {
        let watched = self.receiver + self.worker + self.broker + self.database + self.bench;
        (self.machine - watched).max(0.0)
    }
}

/// Takes the time from its making.
pub(crate) struct Meter {
    watched: Watched,
    began: Cpu,
    began_at: Instant,
}

impl Meter {
    pub(crate) fn start(watched: Watched) -> Self {
        Self {
            watched,
            began: Cpu::now(&watched),
            began_at: Instant::now(),
        }
    }

    /// Watches a worker that was started since: all it used counts.
    pub(crate) fn watch_worker(&mut self, pid: u32) {
        self.watched.worker = Some(pid);
    }

    pub(crate) fn stop(&self) -> (Cpu, Duration) {
        let took = self.began_at.elapsed();
        (Cpu::now(&self.watched).since(&self.began), took)
    }
}

/// The most memory a process ever had resident, in MB.
pub(crate) fn peak_mb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak
        .and_then(|peak| peak.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    kib * 1024.0 / 1_000_000.0
}

struct Times {
    name: String,
    parent: u32,
    own: f64,
    /// Of children that ended.
    ended: f64,
}

fn times(pid: u32) -> Option<Times> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name stands in brackets and may hold anything, brackets too.
fn parse_stat(stat: &str) -> Option<Times> {
    let (front, rest) = stat.rsplit_once(')')?;
    let name = front.split_once('(')?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let seconds = |place: usize| Some(fields.get(place)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    Some(Times {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        own: seconds(11)? + seconds(12)?,
        ended: seconds(13)? + seconds(14)?,
    })
}

fn machine(stat: &str) -> f64 {
    let all = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = all
        .split_whitespace()
        .skip(1)
        .filter_map(|it| it.parse().ok())
        .collect();
    // The fourth and fifth are idle and waiting for a disk; guests are counted in the first two.
    let busy = ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(place, _ticks)| ![3, 4].contains(place));
    busy.map(|(_place, ticks)| ticks).sum::<f64>() / TICKS_PER_SECOND
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A server with a process for each connection: those there are, and those that ended.
fn family(main: u32) -> f64 {
    let children = pids()
        .filter_map(times)
        .filter(|times| times.parent == main);
    let main = times(main).map_or(0.0, |times| times.own + times.ended);
    main + children.map(|times| times.own).sum::<f64>()
}

/// CPU seconds of every process but those of `ours` and their children, by name.
pub(crate) fn strangers(ours: &[u32]) -> BTreeMap<(u32, String), f64> {
    let stranger = |pid: u32| {
        let times =
            times(pid).filter(|times| !ours.contains(&pid) && !ours.contains(&times.parent));
        times.map(|times| ((pid, times.name), times.own))
    };
    pids().filter_map(stranger).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_line_is_read_whatever_its_name_is() {
        let stat = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 150 50 20 5 20 0 1 0 99";
        let times = parse_stat(stat).unwrap();
        assert_eq!((times.name.as_str(), times.parent), ("a) b (c", 3));
        assert_eq!((times.own, times.ended), (2.0, 0.25));
        assert!(parse_stat("7 (short) S 3").is_none());
    }

    #[test]
    fn a_machine_is_busy_with_all_but_idling_and_waiting() {
        let stat = "cpu  100 10 50 9999 888 5 15 20 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(machine(stat), 2.0);
    }

    #[test]
    fn this_process_uses_something() {
        assert!(peak_mb(std::process::id()) > 1.0);
        assert!(times(std::process::id()).is_some());
    }
}
