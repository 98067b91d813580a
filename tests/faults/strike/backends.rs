//! Faults of the database's processes.

use std::time::Duration;

use fastrand::Rng;

use super::session::Session;
use super::signal;
use crate::world::World;

/// How long another fault may keep the workers away from the database.
const WORKERS_LIMIT: Duration = Duration::from_secs(15);

/// Terminates the sessions of the workers once or several times while it is held.
pub(super) fn terminate(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    await_workers(world, &mut session)?;
    let times = random.u32(1..=5);
    let mut terminated = 0;
    for _ in 0..times {
        terminated += session.number(
            "SELECT count(pg_terminate_backend(pid)) AS value FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'paynow-worker'",
        )?;
        world.pause(hold / times);
    }
    world.note(format!("{terminated} sessions of workers terminated"));
    Ok(())
}

/// Stops the processes behind the workers' sessions. New ones are answered.
pub(super) fn silence(world: &World, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    await_workers(world, &mut session)?;
    // Asked before, because a stopped process may hold what this session needs.
    let backends = session.worker_backends()?;
    world.note(format!("SIGSTOP of the workers' sessions {backends:?}"));
    signal::stop_for(world, &backends, hold)
}

/// Stops the whole server.
pub(super) fn pause_all(world: &World, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    let postmaster = signal::parent(session.pid()?)?;
    // First the one that starts others.
    let mut pids = vec![postmaster];
    signal::send("-STOP", &pids)?;
    pids.extend(signal::children(postmaster));
    signal::stop_for(world, &pids, hold)
}

fn await_workers(world: &World, session: &mut Session) -> Result<(), String> {
    let mut result = Ok(Vec::new());
    world.wait(WORKERS_LIMIT, || {
        result = session.worker_backends();
        result
            .as_ref()
            .map_or(true, |backends| !backends.is_empty())
    });
    if result?.is_empty() {
        world.note("did nothing: no worker has a session");
    }
    Ok(())
}
