//! Decides, after the last fault, whether every promise was kept.

mod people;
mod snapshot;
mod verdict;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::load::Load;
use crate::model::told::Told;
use crate::recovery::Credited;
use crate::world::World;

pub(crate) use verdict::{Broken, Promise};
use verdict::{broken, verdict};

/// How long a webhook may be sent again after the last fault until it is accepted.
const ACCEPT_LIMIT: Duration = Duration::from_secs(120);
/// After the last fault, until a new event is credited: a minute, and the longest wait between two
/// attempts to reach a server.
const STALL_LIMIT: Duration = Duration::from_secs(68);
/// Without any further event settled. The whole ladder takes a quarter of it.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// The broker's figures, which `paynowctl check` reads, lag behind.
const CHECK_LIMIT: Duration = Duration::from_secs(45);
const EVERY: Duration = Duration::from_secs(1);

/// Waits, with the programs and the load running, until everything that was sent has come to an end;
/// then lets people do what is left to them. `healed_at` is when the last fault was healed.
pub(crate) fn settle(
    world: &World,
    load: &Load<'_>,
    told: &[Told],
    healed_at: Duration,
) -> Result<Vec<Broken>, String> {
    let mut all = Vec::new();
    all.extend(await_credit(world, load, healed_at));
    if !all.is_empty() {
        return Ok(all);
    }
    all.extend(await_accepted(world, load));
    all.extend(await_settled(world, load));
    all.extend(check_ledger(world));
    // What is lost now never comes, and nobody mends a wrong ledger: to wait on would only tell it later.
    if !all.is_empty() {
        return Ok(all);
    }
    // Other bodies under the ids of events that are in the ledger only now.
    load.release();
    all.extend(await_accepted(world, load));
    all.extend(await_settled(world, load));
    all.extend(check_given_up(world));

    people::replay(world)?;
    let decisions = people::decide(world, told);
    world.note(format!("people decided {decisions} refunds"));
    people::replay(world)?;

    load.stop();
    all.extend(await_accepted(world, load));
    load.close();
    all.extend(await_settled(world, load));
    all.extend(check(world, load));
    Ok(all)
}

/// Compares the end with what it must be, when all programs have ended.
pub(crate) fn judge(
    world: &World,
    load: &Load<'_>,
    told: &[Told],
    wrong_exits: &[String],
) -> Vec<Broken> {
    let expected = snapshot::expected(world, load, told);
    let mut all = verdict(&expected, &snapshot::snapshot(world));
    let exits = wrong_exits.iter();
    all.extend(exits.map(|exit| broken(Promise::RightExits, exit)));
    let fooled = load.fooled().into_iter();
    all.extend(fooled.map(|post| {
        let what = format!("a forged post was accepted, {post}");
        broken(Promise::NothingInvented, what)
    }));
    all
}

/// The probes that were credited, for the times of recovery.
pub(crate) fn credited_probes(world: &World, load: &Load<'_>) -> Vec<Credited> {
    snapshot::credited_probes(world, load)
}

/// Faults are outages and crashes that no message caused, so the broker never gives an event up. A replay
/// would hide that it did.
fn check_given_up(world: &World) -> Option<Broken> {
    let given_up = world.database.texts(
        "SELECT event_id AS value FROM dead_letters \
         WHERE error LIKE 'delivered more often than the delivery limit%'",
    );
    let what = || format!("the broker gave up {}", given_up.join(", "));
    (!given_up.is_empty()).then(|| broken(Promise::NothingGivenUp, what()))
}

fn await_credit(world: &World, load: &Load<'_>, healed_at: Duration) -> Option<Broken> {
    let is_credited = || {
        let probes = snapshot::credited_probes(world, load);
        probes.iter().any(|probe| probe.sent_at >= healed_at)
    };
    let what = format!("no new event was credited within {STALL_LIMIT:?} after the last fault");
    (!wait(world, STALL_LIMIT, is_credited)).then(|| broken(Promise::NothingStalled, what))
}

fn await_accepted(world: &World, load: &Load<'_>) -> Option<Broken> {
    let is_accepted = world.wait(ACCEPT_LIMIT, || load.unsettled() == 0);
    let what = || {
        format!(
            "{} posts were not accepted in {ACCEPT_LIMIT:?}",
            load.unsettled()
        )
    };
    (!is_accepted).then(|| broken(Promise::NothingStalled, what()))
}

/// Waits until what is accepted by now is recorded or dead, for as long as there is progress.
fn await_settled(world: &World, load: &Load<'_>) -> Option<Broken> {
    let accepted = load.accepted();
    let mut least = usize::MAX;
    let mut progress_at = Instant::now();
    loop {
        let settled = snapshot::settled(world).unwrap_or_default();
        let left = accepted.keys().filter(|digest| !settled.contains(*digest));
        let left = left.count();
        if left == 0 {
            return None;
        }
        if left < least {
            (least, progress_at) = (left, Instant::now());
        }
        if progress_at.elapsed() > SETTLE_LIMIT || world.is_given_up() {
            let depths = depths(world);
            let what = format!(
                "{left} accepted events are neither recorded nor dead after {SETTLE_LIMIT:?} without progress; ready in queues: {depths:?}"
            );
            return Some(broken(Promise::NothingWaits, what));
        }
        world.pause(EVERY);
    }
}

fn depths(world: &World) -> BTreeMap<String, u32> {
    let queues = snapshot::queues().into_iter();
    let depth = |queue: String| {
        let depth = world.broker.depth(&queue);
        (queue, depth)
    };
    queues.map(depth).filter(|(_, depth)| *depth > 0).collect()
}

/// The invariants of the database, which hold at every moment.
fn check_ledger(world: &World) -> Option<Broken> {
    let outcome = world.ctl(&["check", "--skip-broker"]);
    let said = outcome.stdout + &outcome.stderr;
    (outcome.code != Some(0)).then(|| broken(Promise::CheckClean, said))
}

fn check(world: &World, load: &Load<'_>) -> Option<Broken> {
    let accepted = load.accepted().len().to_string();
    let mut said = String::new();
    let is_clean = || {
        let outcome = world.ctl(&["check", "--accepted", &accepted]);
        said = outcome.stdout + &outcome.stderr;
        outcome.code == Some(0)
    };
    let is_clean = wait(world, CHECK_LIMIT, is_clean);
    (!is_clean).then(|| broken(Promise::CheckClean, said))
}

/// Waits for something that takes a while to find out.
fn wait(world: &World, limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > limit || world.is_given_up() {
            return false;
        }
        world.pause(EVERY);
    }
    true
}
