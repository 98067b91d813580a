//! Between receiver and worker: nobody reads, much waits, players wait long, refunds come too early.

use super::{Fault, QUICK};
use crate::harness::{Order, Program, SECRET, eventually, flake};
use crate::monitoring::world::{POINTS, World};
use crate::reversals::refund;

pub(super) const FAULTS: [Fault; 3] = [NO_WORKER, LATE, TOO_EARLY];

const NO_WORKER: Fault = Fault {
    what: "the only worker is killed, and 10001 webhooks come",
    test: "queue::events_that_wait_are_told",
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
    what: "webhooks come two minutes after they were signed",
    test: "queue::events_that_wait_are_told",
    alerts: &["PayNowQueueAge warning"],
};

const TOO_EARLY: Fault = Fault {
    what: "refunds come without their orders",
    test: "queue::events_that_wait_are_told",
    alerts: &["PayNowRetrySaturation warning"],
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn events_that_wait_are_told() {
    let mut world = World::start();
    let watch = world.watched(QUICK);
    for fault in [&LATE, &TOO_EARLY, &NO_WORKER] {
        fault.is_not_told_yet(&watch);
    }

    LATE.is_told(&watch, || world.post_signed(120, SECRET));
    LATE.is_over(&watch, || world.post_order());

    TOO_EARLY.is_told(&watch, || {
        let never_sent = Order::of(POINTS, flake());
        let refund = refund(&never_sent, flake(), 1000);
        world.app.deliver_bytes(&refund);
    });
    TOO_EARLY.is_over(&watch, || world.post_order());

    world.kill_worker();
    let (url, variables) = (world.app.webhook_url(), world.app.variables());
    let many = ["--count", "10001", "--connections", "8"];
    let many = [&["send", "--url", &url], &many[..]].concat();
    Program::run("paynowctl", &variables, &many).succeeded();
    NO_WORKER.is_told(&watch, || {});
    world.start_worker();
    NO_WORKER.is_over(&watch, || {});
    // The audit knows nothing of events that the harness did not send.
    eventually("all of them are taken", || {
        (world.app.broker.depth("paynow.credits") == 0).then_some(())
    });
}
