//! The broker: killed, in alarm, slow, and without the binding of a queue.

use std::thread;

use super::{DAYS, Fault, QUICK, STEADY};
use crate::harness::{Order, Stack, Suspended, flake, post};
use crate::monitoring::system::{POINTS, System, wait_ms};

pub(super) const FAULTS: [Fault; 6] = [KILLED, BURNING, ALARM, SLOW, BURNING_TIME, UNBOUND];

const KILLED: Fault = Fault {
    what: "the broker is killed while webhooks arrive",
    test: "broker::a_killed_broker_raises_its_alerts",
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
    what: "the broker is killed while webhooks arrive, in compressed days",
    test: "broker::a_killed_broker_raises_its_alerts",
    alerts: &["PayNowSuccessBudgetBurn warning"],
};

const ALARM: Fault = Fault {
    what: "the broker's memory limit is set to almost nothing",
    test: "broker::an_alarm_and_a_missing_binding_raise_their_alerts",
    alerts: &[
        "PayNowBrokerAlarm critical",
        "PayNowBrokerNearAlarm warning",
        "PayNowPublisherBlocked critical",
    ],
};

const SLOW: Fault = Fault {
    what: "the broker is suspended (SIGSTOP) for 1.3 s again and again",
    test: "broker::a_slow_broker_raises_its_alerts",
    alerts: &[
        "PayNowSlowConfirms warning",
        "PayNowHighLatency warning",
        "PayNowLatencyBudgetBurn critical",
    ],
};

const BURNING_TIME: Fault = Fault {
    what: "the broker is suspended (SIGSTOP) for 1.3 s again and again, in compressed weeks",
    test: "broker::a_slow_broker_raises_its_alerts",
    alerts: &["PayNowLatencyBudgetBurn warning"],
};

const UNBOUND: Fault = Fault {
    what: "the binding of paynow.credits is deleted while webhooks arrive",
    test: "broker::an_alarm_and_a_missing_binding_raise_their_alerts",
    alerts: &["PayNowUnroutedMessages critical"],
};

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_killed_broker_raises_its_alerts() {
    let system = System::start();
    let (watch, days) = system.watched_twice(QUICK, DAYS);
    KILLED.is_silent(&watch);
    BURNING.is_silent(&days);

    Stack::kill("broker");
    KILLED.fires(&watch, || system.post_order());
    BURNING.fires(&days, || system.post_order());

    Stack::start("broker");
    KILLED.is_over(&watch, || system.post_order());
    BURNING.is_over(&days, || {});
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn a_slow_broker_raises_its_alerts() {
    let system = System::start();
    let (watch, days) = system.watched_twice(STEADY, DAYS);
    SLOW.is_silent(&watch);
    BURNING_TIME.is_silent(&days);

    let url = system.app.webhook_url();
    let suspend_broker = || {
        thread::scope(|scope| {
            let suspended = Suspended::process(system.broker.pid);
            for _sender in 0..4 {
                scope.spawn(|| post(&url, &Order::of(POINTS, flake()).body()));
            }
            wait_ms(1_300);
            drop(suspended);
        });
    };
    SLOW.fires(&watch, suspend_broker);
    BURNING_TIME.fires(&days, suspend_broker);

    SLOW.is_over(&watch, || {});
    BURNING_TIME.is_over(&days, || {});
}

#[test]
#[ignore = "breaks the servers: ops/test runs it alone"]
fn an_alarm_and_a_missing_binding_raise_their_alerts() {
    let system = System::with(&[("RECEIVER_PUBLISH_TIMEOUT_MS", "500")], &[]);
    // Events without a queue are never settled.
    system.app.leave_unaudited();
    let watch = system.watched(QUICK);
    ALARM.is_silent(&watch);
    UNBOUND.is_silent(&watch);

    Stack::rabbitmqctl(&["set_vm_memory_high_watermark", "0.0001"]);
    ALARM.fires(&watch, || system.post_order());
    Stack::rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]);
    ALARM.is_over(&watch, || {});

    let broker = &system.app.broker;
    let vhost = broker.vhost();
    broker.delete(&format!(
        "bindings/{vhost}/e/paynow.events/q/paynow.credits/paynow.%23"
    ));
    UNBOUND.fires(&watch, || system.post_order());

    system.app.ctl(&["setup"]).succeeded();
    broker.delete(&format!("queues/{vhost}/paynow.unrouted/contents"));
    UNBOUND.is_over(&watch, || system.post_order());
}
