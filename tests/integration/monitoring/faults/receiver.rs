//! The way in: wrong secrets, wrong clocks, nobody there, nothing coming.

use super::{DAYS, Fault, QUICK, WEEKS};
use crate::harness::SECRET;
use crate::monitoring::world::World;

pub(super) const FAULTS: [Fault; 5] = [WRONG_SECRET, STALE, KILLED, QUIET, RETIRED];

const WRONG_SECRET: Fault = Fault {
    what: "every webhook is signed with another secret",
    test: "receiver::a_receiver_that_refuses_everything_or_is_gone_is_told",
    alerts: &[
        "PayNowSignatureFailures critical",
        "PayNowSignatureFailures warning",
    ],
};

const STALE: Fault = Fault {
    what: "every webhook was signed ten minutes ago",
    test: "receiver::a_receiver_that_refuses_everything_or_is_gone_is_told",
    alerts: &["PayNowClockSkew critical", "PayNowClockSkew warning"],
};

const KILLED: Fault = Fault {
    what: "the only receiver is killed",
    test: "receiver::a_receiver_that_refuses_everything_or_is_gone_is_told",
    alerts: &["PayNowReceiverDown critical", "PayNowReceiverDown warning"],
};

const QUIET: Fault = Fault {
    what: "no webhook comes, for compressed hours",
    test: "receiver::silence_and_a_secret_out_of_use_are_told",
    alerts: &["PayNowNoRequests critical"],
};

const RETIRED: Fault = Fault {
    what: "of two secrets only one is used, for a compressed week",
    test: "receiver::silence_and_a_secret_out_of_use_are_told",
    alerts: &["PayNowSecretUnused info"],
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn a_receiver_that_refuses_everything_or_is_gone_is_told() {
    let mut world = World::start();
    let watch = world.watched(QUICK);
    for fault in [&WRONG_SECRET, &STALE, &KILLED] {
        fault.is_not_told_yet(&watch);
    }

    WRONG_SECRET.is_told(&watch, || world.post_with_wrong_secret());
    WRONG_SECRET.is_over(&watch, || world.post_order());

    STALE.is_told(&watch, || world.post_signed(600, SECRET));
    STALE.is_over(&watch, || world.post_order());

    world.app.receiver.take().expect("it runs").kill();
    KILLED.is_told(&watch, || {});
    world.app.receiver = Some(world.app.start_receiver());
    KILLED.is_over(&watch, || {});
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn silence_and_a_secret_out_of_use_are_told() {
    let old = "pn-of-another-time";
    let secrets = format!("test:{SECRET},old:{old}");
    let world = World::with(&[("PAYNOW_SIGNING_SECRETS", &secrets)], &[]);
    let (hours, weeks) = world.watched_twice(DAYS, WEEKS);

    QUIET.is_over(&hours, || world.post_order());
    RETIRED.is_not_told_yet(&weeks);
    RETIRED.is_told(&weeks, || world.post_order());
    RETIRED.is_over(&weeks, || world.post_signed(0, old));

    QUIET.is_told(&hours, || {});
    QUIET.is_over(&hours, || world.post_order());
}
