//! Queues that are full, and a consumer that holds its deliveries too long.

use std::time::Duration;

use fastrand::Rng;
use paynow_shared::topology::{CREDITS_QUEUE, retry_queue};
use serde_json::{Value, json};

use super::broker::{KEPT, close_all, eval, eventually, keep};
use super::process::Place;
use super::signal;
use crate::world::{LADDER, World};

/// Longer than a policy takes to reach a queue.
const LIMIT: Duration = Duration::from_secs(20);
/// Shorter than the shortest hold.
const CONSUMER_TIMEOUT_MS: u32 = 3_000;
/// How often a channel looks at its consumers' deliveries; usually once a minute.
const TICK_MS: u32 = 500;

/// No worker runs meanwhile: a queue that is empty at once again is never full.
pub(super) fn limit_credits(world: &World, hold: Duration) -> Result<(), String> {
    world.scale(0);
    let limited = limit(world, CREDITS_QUEUE, hold);
    world.scale_back();
    limited
}

pub(super) fn limit_rung(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let seconds = LADDER[random.usize(..LADDER.len())];
    let seconds = u32::try_from(seconds).map_err(|error| error.to_string())?;
    limit(world, &retry_queue(seconds), hold)
}

/// The limit joins what our own policy sets, because only one policy has an effect on a queue.
fn limit(world: &World, queue: &str, hold: Duration) -> Result<(), String> {
    // The broker tells the policy of a queue some seconds after the queue's first message.
    let refuses = || policy_of(world, queue)["overflow"] == "reject-publish";
    await_policy(world, queue, "would drop messages", refuses)?;
    let mut definition = policy_of(world, queue);
    definition["max-length"] = json!(0);
    world.broker.limit_queue(queue, definition);
    let is_full = || policy_of(world, queue)["max-length"] == 0;
    let limited = await_policy(world, queue, "is not limited", is_full);
    world.pause(hold);
    let depth = world.broker.depth(queue);
    world.note(format!("{queue} was full at {depth} messages"));
    world.broker.unlimit_queue();
    let is_free = || policy_of(world, queue)["max-length"].is_null();
    await_policy(world, queue, "is still limited", is_free)?;
    limited
}

fn policy_of(world: &World, queue: &str) -> Value {
    let path = format!("queues/{}/{queue}", world.broker.vhost());
    world.broker.get(&path)["effective_policy_definition"].clone()
}

fn await_policy(
    world: &World,
    queue: &str,
    problem: &str,
    is_so: impl FnMut() -> bool,
) -> Result<(), String> {
    match world.wait(LIMIT, is_so) || world.is_given_up() {
        true => Ok(()),
        false => Err(format!("{queue} {problem}")),
    }
}

/// Stops a worker for longer than the broker lets it hold its deliveries. A channel takes the limit when
/// it is opened, so all connections are closed before and afterwards.
pub(super) fn time_out_consumer(
    world: &World,
    random: &mut Rng,
    hold: Duration,
) -> Result<(), String> {
    keep(
        world,
        "{element(2, application:get_env(rabbit, consumer_timeout)), \
         element(2, application:get_env(rabbit, channel_tick_interval))}",
    )?;
    let kept = format!("application:set_env(rabbit, kept_limits, {KEPT}).");
    eval(world, &kept)?;
    set_limits(
        world,
        &CONSUMER_TIMEOUT_MS.to_string(),
        &TICK_MS.to_string(),
    )?;
    let timed_out = close_all(world).and_then(|()| stop_consumer(world, random, hold));
    let kept = "element(2, application:get_env(rabbit, kept_limits))";
    let of = |index: u8| format!("element({index}, {kept})");
    set_limits(world, &of(1), &of(2))?;
    close_all(world)?;
    timed_out
}

fn set_limits(world: &World, timeout: &str, tick: &str) -> Result<(), String> {
    let set = format!(
        "application:set_env(rabbit, consumer_timeout, {timeout}), \
         application:set_env(rabbit, channel_tick_interval, {tick})."
    );
    eval(world, &set)
}

fn stop_consumer(world: &World, random: &mut Rng, hold: Duration) -> Result<(), String> {
    let consumers = format!(
        "rabbit_amqqueue:consumers_all(<<\"{}\">>)",
        world.broker.vhost()
    );
    // Another fault may keep the workers away.
    let back = eventually(world, &format!("[_ | _] = {consumers}."));
    let pid =
        Place::of_worker(world, random).and_then(|place| place.with(world, |slot| slot.pid()));
    let (Ok(()), Some(pid)) = (back, pid) else {
        world.note("no worker consumes, so none could hold deliveries");
        return Ok(());
    };
    keep(
        world,
        &format!("[proplists:get_value(channel_pid, One) || One <- {consumers}]"),
    )?;
    world.note(format!("the worker of process {pid} holds its deliveries"));
    signal::stop_for(world, &[pid], hold)?;
    let ended = format!("[_ | _] = [One || One <- {KEPT}, not is_process_alive(One)].");
    if eval(world, &ended).is_err() {
        world.note("did nothing: no channel was closed, so the worker held no delivery");
    }
    Ok(())
}
