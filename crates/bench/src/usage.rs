//! CPU time and peak memory of processes. They come from `procfs`, because `sysinfo` gives neither the
//! CPU time of children that have ended nor peak memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use procfs::process::{Process, Stat, all_processes};
use procfs::{CurrentSI, KernelStats, ticks_per_second};

use crate::servers::Pids;

/// The processes whose CPU time is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub(crate) servers: Pids,
    pub(crate) receiver: Option<u32>,
    pub(crate) worker: Option<u32>,
}

/// CPU seconds, user and system together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cpu {
    pub(crate) receiver: f64,
    pub(crate) worker: f64,
    pub(crate) broker: f64,
    pub(crate) database: f64,
    /// The benchmark, which includes the load generator.
    pub(crate) bench: f64,
    /// Every process of the machine, including those above.
    pub(crate) machine: f64,
}

impl Cpu {
    fn now(watched: &Watched) -> Self {
        let own = |pid: Option<u32>| pid.and_then(stat).map_or(0.0, |stat| own_seconds(&stat));
        Self {
            receiver: own(watched.receiver),
            worker: own(watched.worker),
            broker: own(Some(watched.servers.broker)),
            database: with_children(watched.servers.database),
            bench: own(Some(std::process::id())),
            machine: machine(),
        }
    }

    /// Adds `other`, multiplied by `factor`.
    pub(crate) fn plus(&self, other: &Self, factor: f64) -> Self {
        Self {
            receiver: self.receiver + other.receiver * factor,
            worker: self.worker + other.worker * factor,
            broker: self.broker + other.broker * factor,
            database: self.database + other.database * factor,
            bench: self.bench + other.bench * factor,
            machine: self.machine + other.machine * factor,
        }
    }

    /// CPU time of the programs and servers of the pipeline.
    pub(crate) fn pipeline(&self) -> f64 {
        self.receiver + self.worker + self.broker + self.database
    }

    /// CPU time of all processes that are not watched.
    pub(crate) fn others(&self) -> f64 {
        (self.machine - self.pipeline() - self.bench).max(0.0)
    }
}

/// Measures CPU time from its creation.
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

    /// Adds a worker that was started after the meter: all of its CPU time counts.
    pub(crate) fn watch_worker(&mut self, pid: u32) {
        self.watched.worker = Some(pid);
    }

    pub(crate) fn stop(&self) -> (Cpu, Duration) {
        let took = self.began_at.elapsed();
        (Cpu::now(&self.watched).plus(&self.began, -1.0), took)
    }
}

/// The largest resident memory that a running process has had, in MB; 0 when it cannot be read.
pub(crate) fn peak_mb(pid: u32) -> f64 {
    let status = process(pid).and_then(|process| process.status().ok());
    let peak_kib = status.and_then(|status| status.vmhwm).unwrap_or_default();
    peak_kib as f64 * 1024.0 / 1_000_000.0
}

fn process(pid: u32) -> Option<Process> {
    Process::new(i32::try_from(pid).ok()?).ok()
}

fn stat(pid: u32) -> Option<Stat> {
    process(pid)?.stat().ok()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / ticks_per_second() as f64
}

fn own_seconds(stat: &Stat) -> f64 {
    seconds(stat.utime + stat.stime)
}

fn machine() -> f64 {
    KernelStats::current().map_or(0.0, |stats| {
        let cpu = stats.total;
        let interrupts = [cpu.irq, cpu.softirq, cpu.steal].into_iter().flatten();
        // Guests are counted in `user` and `nice` already.
        seconds(cpu.user + cpu.nice + cpu.system + interrupts.sum::<u64>())
    })
}

fn stats() -> impl Iterator<Item = Stat> {
    let processes = all_processes().into_iter().flatten();
    processes.filter_map(|process| process.ok()?.stat().ok())
}

/// CPU seconds of a process, of its running children and of its children that have ended: `PostgreSQL`
/// has a process for each connection.
fn with_children(pid: u32) -> f64 {
    let of = |stat: Stat| match u32::try_from(stat.pid) == Ok(pid) {
        true => own_seconds(&stat) + seconds((stat.cutime + stat.cstime).unsigned_abs()),
        false if u32::try_from(stat.ppid) == Ok(pid) => own_seconds(&stat),
        false => 0.0,
    };
    stats().map(of).sum()
}

/// CPU seconds of every process except `ours` and their children, by process id and name.
pub(crate) fn other_processes(ours: &[u32]) -> BTreeMap<(i32, String), f64> {
    let is_ours = |pid| u32::try_from(pid).is_ok_and(|pid| ours.contains(&pid));
    stats()
        .filter(|stat| !is_ours(stat.pid) && !is_ours(stat.ppid))
        .map(|stat| ((stat.pid, stat.comm.clone()), own_seconds(&stat)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_this_machine_have_used_cpu_time_and_memory() {
        let pid = std::process::id();
        assert!(peak_mb(pid) > 1.0);
        assert!(machine() > 0.0);
        assert!(stat(pid).is_some_and(|stat| with_children(pid) >= own_seconds(&stat)));
    }
}
