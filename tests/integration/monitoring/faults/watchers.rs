//! Prometheus and Alertmanager themselves: dead, held up, with settings they cannot read.

use super::{Fault, QUICK};
use crate::harness::HeldUp;
use crate::monitoring::world::{World, lasts};

pub(super) const FAULTS: [Fault; 3] = [NO_MAILER, BAD_SETTINGS, HELD_UP];

const NO_MAILER: Fault = Fault {
    what: "Alertmanager is killed while an alert fires",
    test: "watchers::watchers_in_trouble_are_told",
    alerts: &["PayNowAlertsNotDelivered warning"],
};

const BAD_SETTINGS: Fault = Fault {
    what: "Prometheus is given settings that are none",
    test: "watchers::watchers_in_trouble_are_told",
    alerts: &["PayNowConfigReloadFailed warning"],
};

const HELD_UP: Fault = Fault {
    what: "Prometheus is held up (SIGSTOP) for a second",
    test: "watchers::watchers_in_trouble_are_told",
    alerts: &["PayNowRuleFailures warning"],
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn watchers_in_trouble_are_told() {
    let world = World::start();
    let mut watch = world.watched(QUICK);
    NO_MAILER.is_not_told_yet(&watch);
    BAD_SETTINGS.is_not_told_yet(&watch);

    // That Alertmanager is gone is itself an alert, which cannot be delivered.
    watch.kill_alertmanager();
    NO_MAILER.is_told(&watch, || {});
    watch.start_alertmanager();
    NO_MAILER.is_over(&watch, || {});

    let before = watch.append_to_settings("no_such_setting: 1\n");
    BAD_SETTINGS.is_told(&watch, || {});
    watch.replace_settings(&before);
    BAD_SETTINGS.is_over(&watch, || {});

    HELD_UP.is_not_told_yet(&watch);
    HELD_UP.is_told(&watch, || {
        let held = HeldUp::process(watch.prometheus.pid());
        lasts(1_000);
        drop(held);
        // It has to scrape itself and to look at what it scraped.
        lasts(700);
    });
    HELD_UP.is_over(&watch, || {});
}
