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
const DEADLOCK_TIMEOUT: &str = "20ms";
/// Between two looks at who waits.
const LOOK: Duration = Duration::from_millis(250);
/// Between two wallets, so that a worker comes between.
const STEP: Duration = Duration::from_millis(5);

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

/// Takes the newest wallets in descending order, one at a time, while the workers take theirs in
/// ascending order.
pub(super) fn deadlock(world: &World, hold: Duration) -> Result<(), String> {
    let mut session = Session::open(world)?;
    session.alter_system(&format!("SET deadlock_timeout TO '{DEADLOCK_TIMEOUT}'"))?;
    let before = deadlocks(&mut session);
    let end = Instant::now() + hold;
    let mut cancelled = 0;
    let mut result = Ok(());
    while Instant::now() < end && result.is_ok() && !world.is_given_up() {
        result = descend(world, &mut session).map(|was_cancelled| {
            cancelled += u32::from(was_cancelled);
        });
    }
    session.alter_system("RESET deadlock_timeout")?;
    result?;
    // The server counts a moment later.
    world.pause(Duration::from_secs(1));
    let found = deadlocks(&mut session)? - before?;
    world.note(format!(
        "{found} deadlocks, {cancelled} of them ended by this fault's transaction"
    ));
    Ok(())
}

fn deadlocks(session: &mut Session) -> Result<i64, String> {
    session.number(
        "SELECT deadlocks AS value FROM pg_stat_database WHERE datname = current_database()",
    )
}

/// Whether the server chose this transaction to end a deadlock.
fn descend(world: &World, session: &mut Session) -> Result<bool, String> {
    let wallets = format!(
        "SELECT wallet_id::text AS value FROM ({RECENT_WALLETS}) ids ORDER BY wallet_id DESC"
    );
    let wallets = session.texts(&wallets)?;
    session.run("BEGIN")?;
    let mut cancelled = false;
    for wallet in wallets {
        let take = format!("SELECT FROM wallets WHERE wallet_id = {wallet} FOR UPDATE");
        match session.run(&take) {
            Ok(()) => world.pause(STEP),
            Err(error) if error.contains("deadlock detected") => {
                cancelled = true;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    session.run("ROLLBACK")?;
    world.pause(LOOK);
    Ok(cancelled)
}
