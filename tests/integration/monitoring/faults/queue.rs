//! The queue between receiver and worker: no consumer, many messages, old messages, refunds too
//! early.

use super::{Fault, QUICK};
use crate::harness::{Flow, Order, Program, SECRET, Way, eventually, flake};
use crate::monitoring::system::{POINTS, System};
use crate::overdue::make_overdue;
use crate::reversals::refund;
use crate::silent_database::through_a_proxy;

pub(super) const FAULTS: [Fault; 5] = [NO_WORKER, LATE, TOO_EARLY, SILENT, OVERDUE];

const NO_WORKER: Fault = Fault {
    what: "the only worker is killed, and 10001 webhooks arrive",
    test: "queue::waiting_events_raise_their_alerts",
    alerts: &[
        "PayNowWorkerDown critical",
        "PayNowWorkerDown warning",
        "PayNowNoConsumers critical",
        "PayNowQueueStuck critical",
        "PayNowQueueDepth warning",
        "PayNowLedgerUnchecked warning",
        "PayNowHousekeepingStale warning",
    ],
};

const LATE: Fault = Fault {
    what: "webhooks arrive two minutes after they were signed",
    test: "queue::waiting_events_raise_their_alerts",
    alerts: &["PayNowQueueAge warning"],
};

const TOO_EARLY: Fault = Fault {
    what: "refunds arrive without their orders",
    test: "queue::waiting_events_raise_their_alerts",
    alerts: &["PayNowRetrySaturation warning"],
};

const SILENT: Fault = Fault {
    what: "the worker's sessions in the database are suspended (SIGSTOP)",
    test: "queue::a_silent_database_raises_its_alert",
    alerts: &["PayNowWorkerStalled critical"],
};

const OVERDUE: Fault = Fault {
    what: "deferred events are due while paynow.credits is full",
    test: "queue::a_full_queue_raises_the_alert_about_overdue_events",
    alerts: &["PayNowEventsOverdue warning"],
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn a_full_queue_raises_the_alert_about_overdue_events() {
    let mut system = System::start();
    let watch = system.watched(QUICK);
    OVERDUE.is_silent(&watch);
    system.kill_worker();
    make_overdue(&system.app, POINTS);
    OVERDUE.fires(&watch, || {});
    system.app.broker.unlimit_queue();
    system.start_worker();
    OVERDUE.is_over(&watch, || {});
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn a_silent_database_raises_its_alert() {
    let settings = [("WORKER_STALL_SECONDS", "1"), ("WORKER_LANES", "1")];
    let system = System::with(&[], &settings);
    let watch = system.watched(QUICK);
    SILENT.is_silent(&watch);
    system.post_order();
    system.app.drain();
    let mut silent = Vec::new();
    SILENT.fires(&watch, || {
        // The fault is repeated until its alert fires; what is suspended must stay so.
        if silent.is_empty() {
            silent = system.app.silence_database();
        }
        system.post_order();
    });
    drop(silent);
    SILENT.is_over(&watch, || system.post_order());
}

/// The table has one fault for each alert; this is another one of [`SILENT`].
const SILENT_WHILE_IDLE: Fault = Fault {
    what: "connections to the database say nothing while no webhook arrives",
    test: "queue::a_database_that_is_silent_to_an_idle_worker_raises_the_alert_too",
    alerts: SILENT.alerts,
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn a_database_that_is_silent_to_an_idle_worker_raises_the_alert_too() {
    let mut system = System::with(&[], &[("WORKER_STALL_SECONDS", "1")]);
    system.kill_worker();
    let (proxy, url) = through_a_proxy(&system.app);
    system.app.set_for_workers("DATABASE_URL", &url);
    system.start_worker();
    let watch = system.watched(QUICK);
    SILENT_WHILE_IDLE.is_silent(&watch);
    proxy.set(Way::Both, Flow::Swallow);
    SILENT_WHILE_IDLE.fires(&watch, || {});
    proxy.heal();
    SILENT_WHILE_IDLE.is_over(&watch, || {});
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn waiting_events_raise_their_alerts() {
    let mut system = System::start();
    let watch = system.watched(QUICK);
    for fault in [&LATE, &TOO_EARLY, &NO_WORKER] {
        fault.is_silent(&watch);
    }

    LATE.fires(&watch, || system.post_signed(120, SECRET));
    LATE.is_over(&watch, || system.post_order());

    TOO_EARLY.fires(&watch, || {
        let never_sent = Order::of(POINTS, flake());
        let refund = refund(&never_sent, flake(), 1000);
        system.app.deliver_bytes(&refund);
    });
    TOO_EARLY.is_over(&watch, || system.post_order());

    system.kill_worker();
    let (url, variables) = (system.app.webhook_url(), system.app.variables());
    let many = ["--count", "10001", "--connections", "8"];
    let many = [&["send", "--url", &url], &many[..]].concat();
    Program::run("paynowctl", &variables, &many).succeeded();
    NO_WORKER.fires(&watch, || {});
    system.start_worker();
    NO_WORKER.is_over(&watch, || {});
    // The audit does not know these events, because `paynowctl send` sent them.
    eventually("the queue is empty", || {
        (system.app.broker.depth("paynow.credits") == 0).then_some(())
    });
}
