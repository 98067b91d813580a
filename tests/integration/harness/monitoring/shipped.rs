//! The settings and rules of `deploy/` for a test: compressed, and with only those values replaced
//! that every user must replace: the addresses and the mail server.

use std::fs;
use std::path::{Path, PathBuf};

use super::compress::Compression;

const RULES: &str = "prometheus/alerts";

/// The ports of the programs that are scraped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Targets {
    pub(crate) receiver: u16,
    pub(crate) worker: u16,
    pub(crate) broker: u16,
}

/// The ports of the two monitoring servers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) prometheus: u16,
    pub(super) alertmanager: u16,
}

/// `(alert, severity)` of every alerting rule we ship, in the order of the files.
pub(crate) fn alerts() -> Vec<(String, String)> {
    let mut alerts: Vec<(String, String)> = Vec::new();
    for file in rule_files() {
        for line in read(&file).lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("- alert: ") {
                alerts.push((name.to_owned(), String::new()));
            } else if let Some(severity) = line.strip_prefix("severity: ") {
                let (_name, of_last) = alerts.last_mut().expect("a severity has its alert");
                severity.clone_into(of_last);
            }
        }
    }
    alerts
}

/// Writes `prometheus.yml` without the rules that it names.
pub(super) fn write_prometheus(
    folder: &Path,
    compression: Compression,
    targets: Targets,
    ports: Ports,
) {
    let settings = compression.of_yaml(&read(&deploy("prometheus/prometheus.yml")));
    let settings = with_targets(&settings, targets, ports);
    write(&folder.join("prometheus.yml"), &settings);
}

pub(super) fn write_rules(folder: &Path, compression: Compression) {
    fs::create_dir_all(folder.join("alerts")).expect("a folder can be made");
    for file in rule_files() {
        let name = file.file_name().expect("a file has a name");
        let rules = compression.of_yaml(&read(&file));
        write(&folder.join("alerts").join(name), &rules);
    }
}

/// Replaces every address, and every lookup of addresses by DNS or file, with the address of the
/// test.
fn with_targets(settings: &str, targets: Targets, ports: Ports) -> String {
    let mut written = String::new();
    // The first targets, before any job, are those of Alertmanager.
    let mut port = Some(ports.alertmanager);
    let mut in_names = false;
    for line in settings.lines() {
        if let Some(job) = line.trim().strip_prefix("- job_name: ") {
            port = match job {
                "paynow-receiver" => Some(targets.receiver),
                "paynow-worker" => Some(targets.worker),
                // No console runs, as in an installation that does not use it.
                "paynow-console" => None,
                "rabbitmq" | "rabbitmq-queues" => Some(targets.broker),
                "prometheus" => Some(ports.prometheus),
                "alertmanager" => Some(ports.alertmanager),
                other => panic!("no program of the test is the job {other}"),
            };
        }
        in_names &= line.starts_with("      ");
        if in_names {
            continue;
        }
        in_names = ["    dns_sd_configs:", "    file_sd_configs:"].contains(&line);
        let target = match port {
            Some(port) => format!("- targets: [\"127.0.0.1:{port}\"]"),
            None => "- targets: []".to_owned(),
        };
        let indent = " ".repeat(line.len() - line.trim_start().len());
        let replaced = match line.trim() {
            "dns_sd_configs:" | "file_sd_configs:" => {
                format!("{indent}static_configs:\n{indent}  {target}")
            }
            addresses if addresses.starts_with("- targets: [") => format!("{indent}{target}"),
            _other => line.to_owned(),
        };
        written.push_str(&replaced);
        written.push('\n');
    }
    written
}

/// Writes `alertmanager.yml`, for a mail server without login and TLS, and the template it names.
pub(super) fn write_alertmanager(folder: &Path, compression: Compression, mail_port: u16) {
    let settings = compression.of_yaml(&read(&deploy("alertmanager/alertmanager.yml")));
    let mut written = String::new();
    for line in settings.lines() {
        let key = line.trim().split(':').next().unwrap_or_default();
        match key {
            "smtp_smarthost" => written += &format!("  smtp_smarthost: 127.0.0.1:{mail_port}"),
            "smtp_require_tls" => written += "  smtp_require_tls: false",
            "smtp_auth_username" | "smtp_auth_password_file" => {}
            _other => written += line,
        }
        written.push('\n');
    }
    write(&folder.join("alertmanager.yml"), &written);
    write(
        &folder.join("email.tmpl"),
        &read(&deploy("alertmanager/email.tmpl")),
    );
}

fn rule_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(deploy(RULES))
        .expect("the folder of rules is there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    files.sort();
    files
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
