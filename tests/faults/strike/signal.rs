//! Signals to processes that are not ours, and what `/proc` says about them.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::World;

const LIMIT: Duration = Duration::from_secs(5);

/// Sends a signal, given as the option of `kill`, to those processes that still exist.
pub(super) fn send(signal: &str, pids: &[u32]) -> Result<(), String> {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let sent = Command::new("kill")
        .arg(signal)
        .args(&pids)
        .stderr(Stdio::null())
        .status();
    match sent {
        // It also fails for one that has ended.
        Ok(_status) => Ok(()),
        Err(error) => Err(format!("kill {signal} does not run: {error}")),
    }
}

/// Stops processes, holds, and lets them go on, which needs no answer of theirs.
pub(super) fn stop_for(world: &World, pids: &[u32], hold: Duration) -> Result<(), String> {
    send("-STOP", pids)?;
    let stopped = world.wait(LIMIT, || pids.iter().all(|pid| !runs(*pid)));
    world.pause(hold);
    send("-CONT", pids)?;
    match stopped || world.is_given_up() {
        true => Ok(()),
        false => Err(format!("SIGSTOP did not stop all of {pids:?}")),
    }
}

/// Whether a process exists and is not stopped.
pub(super) fn runs(pid: u32) -> bool {
    status(pid, "State:").is_some_and(|state| !state.starts_with('T') && !state.starts_with('Z'))
}

/// The processes that one has started.
pub(super) fn children(pid: u32) -> Vec<u32> {
    let parent = pid.to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| status(*pid, "PPid:").as_ref() == Some(&parent))
        .collect()
}

pub(super) fn parent(pid: u32) -> Result<u32, String> {
    let parent = status(pid, "PPid:").and_then(|parent| parent.parse().ok());
    parent.ok_or_else(|| format!("process {pid} has ended"))
}

fn status(pid: u32, name: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}
