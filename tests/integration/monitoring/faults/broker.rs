//! The broker: killed, in alarm, slow, and with a way that leads nowhere.

use std::thread;

use super::{DAYS, Fault, QUICK, STEADY};
use crate::harness::{HeldUp, Order, Stack, flake, post};
use crate::monitoring::world::{POINTS, World, lasts};

pub(super) const FAULTS: [Fault; 6] = [KILLED, BURNING, ALARM, SLOW, BURNING_TIME, UNBOUND];

const KILLED: Fault = Fault {
    what: "the broker is killed while webhooks come",
    test: "broker::a_killed_broker_is_told",
    alerts: &[
        "PayNowBrokerDown critical",
        "PayNowBrokerNodeDown warning",
        "PayNowPublisherDisconnected critical",
        "PayNowPublisherDisconnected warning",
        "PayNowWorkerPaused critical",
        "PayNowWorkerPaused warning",
        "PayNowMonitoringDown warning",
        "PayNowMetricsMissing warning",
        "PayNowLowSuccessRate critical",
        "PayNowSuccessBudgetBurn critical",
    ],
};

const BURNING: Fault = Fault {
    what: "the same, in compressed days",
    test: "broker::a_killed_broker_is_told",
    alerts: &["PayNowSuccessBudgetBurn warning"],
};

const ALARM: Fault = Fault {
    what: "the broker is allowed next to no memory",
    test: "broker::an_alarm_and_a_way_that_leads_nowhere_are_told",
    alerts: &[
        "PayNowBrokerAlarm critical",
        "PayNowBrokerNearAlarm warning",
        "PayNowPublisherBlocked critical",
    ],
};

const SLOW: Fault = Fault {
    what: "the broker is held up (SIGSTOP) for 1.3 s again and again",
    test: "broker::a_slow_broker_is_told",
    alerts: &[
        "PayNowSlowConfirms warning",
        "PayNowHighLatency warning",
        "PayNowLatencyBudgetBurn critical",
    ],
};

const BURNING_TIME: Fault = Fault {
    what: "the same, in compressed weeks",
    test: "broker::a_slow_broker_is_told",
    alerts: &["PayNowLatencyBudgetBurn warning"],
};

const UNBOUND: Fault = Fault {
    what: "the binding of paynow.credits is deleted while webhooks come",
    test: "broker::an_alarm_and_a_way_that_leads_nowhere_are_told",
    alerts: &["PayNowUnroutedMessages critical"],
};

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_killed_broker_is_told() {
    let world = World::start();
    let (watch, days) = world.watched_twice(QUICK, DAYS);
    KILLED.is_not_told_yet(&watch);
    BURNING.is_not_told_yet(&days);

    Stack::kill("broker");
    KILLED.is_told(&watch, || world.post_order());
    BURNING.is_told(&days, || world.post_order());

    Stack::start("broker");
    KILLED.is_over(&watch, || world.post_order());
    BURNING.is_over(&days, || {});
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_slow_broker_is_told() {
    let world = World::start();
    let (watch, days) = world.watched_twice(STEADY, DAYS);
    SLOW.is_not_told_yet(&watch);
    BURNING_TIME.is_not_told_yet(&days);

    let url = world.app.webhook_url();
    let held_up = || {
        thread::scope(|scope| {
            let held = HeldUp::process(world.broker.pid);
            for _sender in 0..4 {
                scope.spawn(|| post(&url, &Order::of(POINTS, flake()).body()));
            }
            lasts(1_300);
            drop(held);
        });
    };
    SLOW.is_told(&watch, held_up);
    BURNING_TIME.is_told(&days, held_up);

    SLOW.is_over(&watch, || {});
    BURNING_TIME.is_over(&days, || {});
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn an_alarm_and_a_way_that_leads_nowhere_are_told() {
    let world = World::with(&[("RECEIVER_PUBLISH_TIMEOUT_MS", "500")], &[]);
    // What goes nowhere is not settled.
    world.app.leave_unaudited();
    let watch = world.watched(QUICK);
    ALARM.is_not_told_yet(&watch);
    UNBOUND.is_not_told_yet(&watch);

    Stack::rabbitmqctl(&["set_vm_memory_high_watermark", "0.0001"]);
    ALARM.is_told(&watch, || world.post_order());
    Stack::rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]);
    ALARM.is_over(&watch, || {});

    let broker = &world.app.broker;
    let vhost = broker.vhost();
    broker.delete(&format!(
        "bindings/{vhost}/e/paynow.events/q/paynow.credits/paynow.%23"
    ));
    UNBOUND.is_told(&watch, || world.post_order());

    world.app.ctl(&["setup"]).succeeded();
    broker.delete(&format!("queues/{vhost}/paynow.unrouted/contents"));
    UNBOUND.is_over(&watch, || world.post_order());
}
