//! Prometheus and Alertmanager themselves: killed, suspended, with invalid settings.

use super::{Fault, QUICK};
use crate::harness::Suspended;
use crate::monitoring::system::{System, wait_ms};

pub(super) const FAULTS: [Fault; 3] = [NO_MAILER, BAD_SETTINGS, SUSPENDED];

const NO_MAILER: Fault = Fault {
    what: "Alertmanager is killed while an alert fires",
    test: "watchers::monitoring_in_trouble_raises_its_alerts",
    alerts: &["PayNowAlertsNotDelivered warning"],
};

const BAD_SETTINGS: Fault = Fault {
    what: "Prometheus is given invalid settings",
    test: "watchers::monitoring_in_trouble_raises_its_alerts",
    alerts: &["PayNowConfigReloadFailed warning"],
};

const SUSPENDED: Fault = Fault {
    what: "Prometheus is suspended (SIGSTOP) for a second",
    test: "watchers::monitoring_in_trouble_raises_its_alerts",
    alerts: &["PayNowRuleFailures warning"],
};

#[test]
#[ignore = "reads the broker's metrics: ops/test runs it alone"]
fn monitoring_in_trouble_raises_its_alerts() {
    let system = System::start();
    let mut watch = system.watched(QUICK);
    NO_MAILER.is_silent(&watch);
    BAD_SETTINGS.is_silent(&watch);

    // The alert that Alertmanager is down is itself one that cannot be delivered.
    watch.kill_alertmanager();
    NO_MAILER.fires(&watch, || {});
    watch.start_alertmanager();
    NO_MAILER.is_over(&watch, || {});

    let before = watch.append_to_settings("no_such_setting: 1\n");
    BAD_SETTINGS.fires(&watch, || {});
    watch.replace_settings(&before);
    BAD_SETTINGS.is_over(&watch, || {});

    SUSPENDED.is_silent(&watch);
    SUSPENDED.fires(&watch, || {
        let suspended = Suspended::process(watch.prometheus.pid());
        wait_ms(1_000);
        drop(suspended);
        // Prometheus has to scrape its own metrics and to evaluate the rules.
        wait_ms(700);
    });
    SUSPENDED.is_over(&watch, || {});
}
