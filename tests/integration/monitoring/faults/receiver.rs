//! The receiver: wrong secrets, wrong clocks, no process, no requests.

use super::{DAYS, Fault, QUICK, WEEKS};
use crate::harness::SECRET;
use crate::monitoring::system::System;

pub(super) const FAULTS: [Fault; 5] = [WRONG_SECRET, STALE, KILLED, QUIET, RETIRED];

const WRONG_SECRET: Fault = Fault {
    what: "every webhook is signed with another secret",
    test: "receiver::a_receiver_that_refuses_everything_or_is_down_raises_its_alerts",
    alerts: &[
        "PayNowSignatureFailures critical",
        "PayNowSignatureFailures warning",
    ],
};

const STALE: Fault = Fault {
    what: "every webhook was signed ten minutes ago",
    test: "receiver::a_receiver_that_refuses_everything_or_is_down_raises_its_alerts",
    alerts: &["PayNowClockSkew critical", "PayNowClockSkew warning"],
};

const KILLED: Fault = Fault {
    what: "the only receiver is killed",
    test: "receiver::a_receiver_that_refuses_everything_or_is_down_raises_its_alerts",
    alerts: &["PayNowReceiverDown critical", "PayNowReceiverDown warning"],
};

const QUIET: Fault = Fault {
    what: "no webhook arrives for compressed hours",
    test: "receiver::silence_and_an_unused_secret_raise_their_alerts",
    alerts: &["PayNowNoRequests critical"],
};

const RETIRED: Fault = Fault {
    what: "only one of two secrets is used for a compressed week",
    test: "receiver::silence_and_an_unused_secret_raise_their_alerts",
    alerts: &["PayNowSecretUnused info"],
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn a_receiver_that_refuses_everything_or_is_down_raises_its_alerts() {
    let mut system = System::start();
    let watch = system.watched(QUICK);
    for fault in [&WRONG_SECRET, &STALE, &KILLED] {
        fault.is_silent(&watch);
    }

    WRONG_SECRET.fires(&watch, || system.post_with_wrong_secret());
    WRONG_SECRET.is_over(&watch, || system.post_order());

    STALE.fires(&watch, || system.post_signed(600, SECRET));
    STALE.is_over(&watch, || system.post_order());

    system.app.receiver.take().expect("it runs").kill();
    KILLED.fires(&watch, || {});
    system.app.receiver = Some(system.app.start_receiver());
    KILLED.is_over(&watch, || {});
}

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn silence_and_an_unused_secret_raise_their_alerts() {
    let old = "pn-of-another-time";
    let secrets = format!("test:{SECRET},old:{old}");
    let system = System::with(&[("PAYNOW_SIGNING_SECRETS", &secrets)], &[]);
    let (hours, weeks) = system.watched_twice(DAYS, WEEKS);

    QUIET.is_over(&hours, || system.post_order());
    RETIRED.is_silent(&weeks);
    RETIRED.fires(&weeks, || system.post_order());
    RETIRED.is_over(&weeks, || system.post_signed(0, old));

    QUIET.fires(&hours, || {});
    QUIET.is_over(&hours, || system.post_order());
}
