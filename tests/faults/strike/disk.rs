//! A full disk, as the database sees it: no file may grow past the size of the largest table, and each
//! attempt ends as PostgreSQL ends it when the device is full (SQLSTATE 53100). The limit is the
//! kernel's limit on file sizes of the server's processes, so that no other program is in need.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::session::Session;
use super::signal;
use crate::world::World;

/// Larger than a segment of the write-ahead log, so that the log, whose files have their full size from
/// the beginning, is not limited. A full disk under the log ends the server, as `kill_database` does.
const SIZE_MIN: i64 = 17 << 20;
/// A page is then written in part, as on a device that has space for a part of it.
const HALF_PAGE: i64 = 4096;
/// Rows that are rolled back, so that only the space that they took is left. Their ids are no event's.
const PADDING: &str = "INSERT INTO webhook_events \
     (event_id, event_type, outcome, attempts, body_sha256, payload) \
     SELECT -n, 'padding', 'ignored', 1, decode(repeat('00', 32), 'hex'), \
         decode(repeat(md5(n::text), 50), 'hex') \
     FROM generate_series(coalesce((SELECT 1 - min(event_id) FROM webhook_events WHERE event_id < 0), 1), \
         coalesce((SELECT 1 - min(event_id) FROM webhook_events WHERE event_id < 0), 1) + 2000) n";
const SIZE: &str = "SELECT pg_relation_size('webhook_events') AS value";

pub(super) fn fill(world: &World, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    let size = pad(&mut session)?;
    let postmaster = signal::parent(session.pid()?)?;
    set_limit(postmaster, &(size + HALF_PAGE).to_string())?;
    let full = is_full(world);
    world.note(format!("no file grows past {size} bytes"));
    world.pause(hold);
    set_limit(postmaster, "unlimited")?;
    full?;
    session.run(&format!("BEGIN; {PADDING}; ROLLBACK"))
}

/// Takes all free space in the table, so that the next events need new pages. Returns its size.
fn pad(session: &mut Session) -> Result<i64, String> {
    let before = session.number(SIZE)?;
    session.run("BEGIN")?;
    let mut size = before;
    while size <= before.max(SIZE_MIN) {
        session.run(PADDING)?;
        size = session.number(SIZE)?;
    }
    session.run("ROLLBACK")?;
    Ok(size)
}

/// Checks in a new session, which has the limit of the process that started it.
fn is_full(world: &World) -> Result<(), String> {
    let mut session = Session::open(world)?;
    match session.run(&format!("BEGIN; {PADDING}")) {
        Err(error) if error.contains("could not extend file") => Ok(()),
        Err(error) => Err(format!("the disk is not full: {error}")),
        Ok(()) => Err("the disk is not full: a table could grow".to_owned()),
    }
}

/// Limits the server and all its processes. Those that it starts later inherit the limit.
fn set_limit(postmaster: u32, bytes: &str) -> Result<(), String> {
    limit_one(postmaster, bytes)?;
    for pid in signal::children(postmaster) {
        let limited = limit_one(pid, bytes);
        if limited.is_err() && signal::runs(pid) {
            return limited;
        }
    }
    Ok(())
}

/// Changes the soft limit. Only the user of a process may, or one with a right that containers lack.
fn limit_one(pid: u32, bytes: &str) -> Result<(), String> {
    let owner = |process: String| {
        let directory = std::fs::metadata(Path::new("/proc").join(process));
        directory.map(|directory| directory.uid()).ok()
    };
    let is_ours = owner(pid.to_string()) == owner("self".to_owned());
    let (pid, limit) = (pid.to_string(), format!("--fsize={bytes}:"));
    let mut command = match is_ours {
        true => Command::new("prlimit"),
        false => Command::new("runuser"),
    };
    if !is_ours {
        command.args(["-u", "postgres", "--", "prlimit"]);
    }
    let output = command
        .args(["--pid", &pid, &limit])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("prlimit does not run: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
