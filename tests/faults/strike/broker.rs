//! Faults of the broker as a whole. Values that a fault changes are kept in the broker's memory and put
//! back from there; a broker that is started again has its configuration's.

use std::time::Duration;

use super::signal;
use crate::world::World;

/// Longer than the broker takes to notice.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) fn kill(world: &World, hold: Duration) -> Result<(), String> {
    world.stack(&["kill", "broker"])?;
    world.pause(hold);
    world.stack(&["start", "broker"])
}

pub(super) fn stop(world: &World, hold: Duration) -> Result<(), String> {
    world.stack(&["stop", "broker"])?;
    world.pause(hold);
    world.stack(&["start", "broker"])
}

pub(super) fn stop_app(world: &World, hold: Duration) -> Result<(), String> {
    world.stack(&["rabbitmqctl", "stop_app"])?;
    let stopped = eval(world, "false = rabbit:is_running().");
    world.pause(hold);
    world.stack(&["rabbitmqctl", "start_app"])?;
    // Waits until it also answers.
    world.stack(&["start", "broker"])?;
    stopped
}

pub(super) fn pause(world: &World, hold: Duration) -> Result<(), String> {
    let process = || {
        world.broker.get("nodes")[0]["os_pid"]
            .as_str()?
            .parse()
            .ok()
    };
    let mut pid = None;
    // A broker that has just started does not tell its process at once.
    world.wait(LIMIT, || {
        pid = process();
        pid.is_some()
    });
    let pid = pid.ok_or("the broker does not tell its process")?;
    signal::stop_for(world, &[pid], hold)
}

pub(super) fn alarm_memory(world: &World, hold: Duration) -> Result<(), String> {
    keep(world, "vm_memory_monitor:get_vm_memory_high_watermark()")?;
    world.stack(&["rabbitmqctl", "set_vm_memory_high_watermark", "0"])?;
    let alarmed = alarm_for(world, hold);
    eval(
        world,
        &format!("vm_memory_monitor:set_vm_memory_high_watermark({KEPT})."),
    )?;
    end_alarms(world)?;
    alarmed
}

pub(super) fn alarm_disk(world: &World, hold: Duration) -> Result<(), String> {
    keep(world, "rabbit_disk_monitor:get_disk_free_limit()")?;
    world.stack(&["rabbitmqctl", "set_disk_free_limit", "999999GB"])?;
    let alarmed = alarm_for(world, hold);
    eval(
        world,
        &format!("rabbit_disk_monitor:set_disk_free_limit({KEPT})."),
    )?;
    end_alarms(world)?;
    alarmed
}

fn alarm_for(world: &World, hold: Duration) -> Result<(), String> {
    let alarmed = eventually(world, "[_ | _] = rabbit_alarm:get_alarms().");
    world.pause(hold);
    alarmed
}

fn end_alarms(world: &World) -> Result<(), String> {
    eventually(world, "[] = rabbit_alarm:get_alarms().")
}

pub(super) fn close_connections(world: &World, hold: Duration) -> Result<(), String> {
    close_all(world)?;
    world.pause(hold);
    Ok(())
}

/// Closes all connections, and waits until those that were open are gone.
pub(super) fn close_all(world: &World) -> Result<(), String> {
    keep(world, "rabbit_networking:connections()")?;
    world.stack(&[
        "rabbitmqctl",
        "close_all_connections",
        "--global",
        "a trial",
    ])?;
    let gone = format!("[] = [Open || Open <- {KEPT}, is_process_alive(Open)].");
    eventually(world, &gone)
}

/// What the last `keep` kept, as an Erlang term.
pub(super) const KEPT: &str = "element(2, application:get_env(rabbit, kept_by_trial))";

/// Keeps the value of an Erlang expression.
pub(super) fn keep(world: &World, value: &str) -> Result<(), String> {
    eval(
        world,
        &format!("application:set_env(rabbit, kept_by_trial, {value})."),
    )
}

/// Runs Erlang expressions in the broker. One that does not match is an error.
pub(super) fn eval(world: &World, expressions: &str) -> Result<(), String> {
    world.stack(&["rabbitmqctl", "eval", expressions])
}

/// Waits until Erlang expressions match.
pub(super) fn eventually(world: &World, expressions: &str) -> Result<(), String> {
    let mut result = Ok(());
    world.wait(LIMIT, || {
        result = eval(world, expressions);
        result.is_ok()
    });
    match world.is_given_up() {
        true => Ok(()),
        false => result,
    }
}
