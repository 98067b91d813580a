//! The monitoring of one test: Debian's Prometheus and Alertmanager with the rules and settings we
//! ship, in compressed time, and a mail server that keeps their mails.

mod compress;
mod mail;
mod mailbox;
mod server;
mod shipped;
mod stack;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

pub(crate) use compress::Compression;
pub(crate) use mail::Mail;
pub(crate) use shipped::{Targets, alerts};
pub(crate) use stack::{BrokerProcess, Suspended};

use self::mailbox::Mailbox;
use self::server::Server;
use self::shipped::Ports;
use super::port::free_port;
use super::wait::eventually;

/// What identifies an alert: `(name, severity)`.
pub(crate) type Alert = (String, String);

pub(crate) struct Monitoring {
    pub(crate) prometheus: Server,
    /// `None` while a test has killed it.
    alertmanager: Option<Server>,
    mailbox: Mailbox,
    ports: Ports,
    folder: PathBuf,
}

impl Monitoring {
    /// Starts all three, and waits until Prometheus scrapes every target and has loaded the rules.
    pub(crate) fn of(targets: Targets, compression: Compression) -> Self {
        let folder = new_folder();
        let mailbox = Mailbox::open();
        let ports = Ports {
            prometheus: free_port(),
            alertmanager: free_port(),
        };
        shipped::write_alertmanager(&folder, compression, mailbox.port());
        shipped::write_prometheus(&folder, compression, targets, ports);
        // How often an alert is sent again is a flag, so it is not in the settings that are
        // compressed.
        let resend_delay = format!("--rules.alert.resend-delay={}", compression.of_flag("1m"));
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            "--web.enable-lifecycle",
            &resend_delay,
        ];
        let monitoring = Self {
            alertmanager: Some(start_alertmanager(&folder, ports)),
            prometheus: Server::start("prometheus", &folder, ports.prometheus, &arguments),
            mailbox,
            ports,
            folder,
        };
        monitoring.await_targets();
        // Prometheus needs some seconds to find its targets. In compressed time these are minutes,
        // and with rules from the start every target would raise an alert.
        shipped::write_rules(&monitoring.folder, compression);
        monitoring.prometheus.post("/-/reload");
        monitoring.await_all("/api/v1/rules", "groups", |_group| true);
        monitoring
    }

    /// Waits until Prometheus knows its targets and its Alertmanager. After it has read its
    /// settings, it knows no Alertmanager for some seconds.
    pub(crate) fn await_targets(&self) {
        self.await_all("/api/v1/alertmanagers", "activeAlertmanagers", |_one| true);
        let is_up = |target: &Value| target["health"] == "up";
        self.await_all("/api/v1/targets?state=active", "activeTargets", is_up);
    }

    /// Waits until a list of Prometheus's API is not empty and `is_fine` holds for each element.
    fn await_all(&self, path: &str, list: &str, is_fine: fn(&Value) -> bool) {
        eventually(&format!("Prometheus has its {list}"), || {
            let answer = self.api(path)?;
            let found = answer["data"][list].as_array()?;
            let is_complete = !found.is_empty() && found.iter().all(is_fine);
            is_complete.then_some(())
        });
    }

    pub(crate) fn start_alertmanager(&mut self) {
        self.alertmanager = Some(start_alertmanager(&self.folder, self.ports));
    }

    /// Sends SIGKILL, so that no alert is delivered.
    pub(crate) fn kill_alertmanager(&mut self) {
        self.alertmanager = None;
    }

    /// Appends to Prometheus's settings and makes it read them again, valid or not. Returns the
    /// settings from before.
    pub(crate) fn append_to_settings(&self, text: &str) -> String {
        let path = self.folder.join("prometheus.yml");
        let before = std::fs::read_to_string(&path).expect("the settings can be read");
        self.replace_settings(&format!("{before}{text}"));
        before
    }

    pub(crate) fn replace_settings(&self, text: &str) {
        let path = self.folder.join("prometheus.yml");
        std::fs::write(path, text).expect("the settings can be written");
        self.prometheus.post("/-/reload");
    }

    /// The alerts that fire now.
    pub(crate) fn firing(&self) -> BTreeSet<Alert> {
        let answer = eventually("Prometheus lists its alerts", || self.api("/api/v1/alerts"));
        let alerts = answer["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert_of(&alert["labels"])).collect()
    }

    /// The alerts that Alertmanager holds back, because it has sent the alert of their cause.
    pub(crate) fn inhibited(&self) -> BTreeSet<Alert> {
        let path = "/api/v2/alerts?inhibited=true";
        let answer = self
            .alertmanager
            .as_ref()
            .and_then(|server| server.get(path));
        let alerts: Vec<Value> = answer
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let inhibited = |alert: &&Value| {
            let causes = alert["status"]["inhibitedBy"].as_array();
            causes.is_some_and(|causes| !causes.is_empty())
        };
        let inhibited = alerts.iter().filter(inhibited);
        inhibited.map(|alert| alert_of(&alert["labels"])).collect()
    }

    /// Every mail so far, the oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mailbox.mails()
    }

    /// The answer of Prometheus's HTTP API.
    fn api(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.prometheus.get(path)?).ok()
    }
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the monitoring of this test is in {}",
                self.folder.display()
            );
            eprintln!("firing: {:?}", self.firing());
            for mail in self.mails() {
                eprintln!("mail: {mail}");
            }
            return;
        }
        self.alertmanager = None;
        self.prometheus.kill();
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}

fn start_alertmanager(folder: &Path, ports: Ports) -> Server {
    // An empty address turns clustering off, which would need a second port.
    let arguments = [
        "--config.file=alertmanager.yml",
        "--storage.path=alertmanager",
        "--cluster.listen-address=",
    ];
    let name = "prometheus-alertmanager";
    Server::start(name, folder, ports.alertmanager, &arguments)
}

fn alert_of(labels: &Value) -> Alert {
    let text = |label: &str| labels[label].as_str().unwrap_or_default().to_owned();
    (text("alertname"), text("severity"))
}

fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let serial = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("monitoring-{}-{serial}", std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}
