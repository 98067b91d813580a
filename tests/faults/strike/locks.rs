//! Transactions that hold what the workers need.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::session::Session;
use crate::world::World;

/// The wallets of the newest entries, whose refunds, retellings and chargebacks are still to come.
const RECENT_WALLETS: &str = "SELECT DISTINCT wallet_id FROM (\
     SELECT wallet_id FROM ledger_entries ORDER BY entry_id DESC LIMIT 200) recent";
const WAITING: &str = "SELECT count(*) AS value FROM pg_locks \
     WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
/// Less than the workers wait for a lock, so that they meet deadlocks before that.
const DEADLOCK_TIMEOUT: &str = "200ms";
/// Between two looks at who waits.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn wallets(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let share = random.u32(5..=100);
    let lock = format!(
        "SELECT count(*) AS value FROM (SELECT wallet_id FROM wallets \
         WHERE wallet_id IN ({RECENT_WALLETS}) AND abs(hashint8(wallet_id)) % 100 < {share} \
         ORDER BY wallet_id FOR UPDATE) held"
    );
    let mut session = Session::open(world)?;
    session.run("SET deadlock_timeout TO '10ms'")?;
    let mut held = begin_and(&mut session, &lock);
    // A deadlock with a worker ends one of the two.
    if held.is_err() {
        held = begin_and(&mut session, &lock);
    }
    let held = held?;
    let waited = hold_open(world, &mut session, hold)?;
    world.note(format!(
        "held {held} wallets; {waited} sessions waited at once"
    ));
    Ok(())
}

pub(super) fn table(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let tables = [
        "webhook_events",
        "ledger_entries",
        "wallets",
        "orders",
        "dead_letters",
    ];
    let modes = ["SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"];
    let table = tables[random.usize(..tables.len())];
    let mode = modes[random.usize(..modes.len())];
    let mut session = Session::open(world)?;
    session.run(&format!("BEGIN; LOCK TABLE {table} IN {mode} MODE"))?;
    let waited = hold_open(world, &mut session, hold)?;
    world.note(format!(
        "held {table} in {mode} mode; {waited} sessions waited at once"
    ));
    Ok(())
}

fn begin_and(session: &mut Session, lock: &str) -> Result<i64, String> {
    session.run("ROLLBACK; BEGIN")?;
    session.number(lock)
}

/// Keeps the transaction open. Returns how many sessions waited for it at the same time.
fn hold_open(world: &World, session: &mut Session, hold: Duration) -> Result<i64, String> {
    let end = Instant::now() + hold;
    let mut most = 0;
    while Instant::now() < end && !world.is_given_up() {
        most = most.max(session.number(WAITING)?);
        world.pause(LOOK);
    }
    session.run("ROLLBACK")?;
    Ok(most)
}

/// Takes the newest wallets in descending order and, as soon as a worker waits for one of them, a lock
/// that this worker's transaction is in the way of.
pub(super) fn deadlock(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    session.alter_system(&format!("SET deadlock_timeout TO '{DEADLOCK_TIMEOUT}'"))?;
    let result = deadlocks(world, random, &mut session, hold);
    session.run("ROLLBACK")?;
    session.alter_system("RESET deadlock_timeout")?;
    let [ours, theirs] = result?;
    world.note(format!(
        "deadlocks: {ours} ended this fault's transaction, {theirs} a worker's"
    ));
    Ok(())
}

/// Returns how often a transaction of ours and one of a worker was cancelled.
fn deadlocks(
    world: &World,
    random: &mut Rng,
    session: &mut Session,
    hold: Duration,
) -> Result<[u32; 2], String> {
    let lock = format!(
        "SELECT count(*) AS value FROM (SELECT wallet_id FROM wallets \
         WHERE wallet_id IN ({RECENT_WALLETS}) ORDER BY wallet_id DESC FOR UPDATE) held"
    );
    let end = Instant::now() + hold;
    let mut cancelled = [0; 2];
    while Instant::now() < end && !world.is_given_up() {
        // The server cancels the one that finds the deadlock.
        let is_ours = random.bool();
        let timeout = if is_ours { "10ms" } else { "10s" };
        session.run(&format!("SET deadlock_timeout TO '{timeout}'"))?;
        let is_cancelled = |result: &Result<(), String>| {
            let error = result.as_ref().err();
            error.is_some_and(|error| error.contains("deadlock detected"))
        };
        let held = begin_and(session, &lock).map(drop);
        if is_cancelled(&held) {
            cancelled[0] += 1;
            continue;
        }
        held?;
        if world.wait(LOOK * 8, || session.number(WAITING) != Ok(0)) {
            let locked = session.run("LOCK TABLE webhook_events IN SHARE MODE");
            cancelled[usize::from(locked.is_ok())] += 1;
            if !is_cancelled(&locked) {
                locked?;
            }
        }
        session.run("ROLLBACK")?;
        world.pause(LOOK);
    }
    Ok(cancelled)
}
