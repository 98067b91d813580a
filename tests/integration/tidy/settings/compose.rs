//! The compose project passes every setting that a program reads, so that it can be set in `.env`.

use std::collections::BTreeSet;

use paynow_process::setting::ProgramSettings;

use super::super::files::read;
use super::super::nothing_of;
use super::{CONSOLE, PAYNOWCTL, RECEIVER, WORKER};

/// What the services do not pass, and why.
const NOT_PASSED: [(&str, &str); 6] = [
    (
        "METRICS_ADDR",
        "the images set it, to the ports that Prometheus reads",
    ),
    (
        "RECEIVER_ADDR",
        "RECEIVER_PUBLISH chooses the address outside the container",
    ),
    (
        "CONSOLE_ADDR",
        "CONSOLE_PUBLISH chooses the address outside the container",
    ),
    (
        "AMQP_CA_FILE",
        "the files must be mounted first: ops/tls.md",
    ),
    (
        "AMQP_CERTIFICATE_FILE",
        "the files must be mounted first: ops/tls.md",
    ),
    (
        "AMQP_KEY_FILE",
        "the files must be mounted first: ops/tls.md",
    ),
];

/// The variables that a service of the compose file gives to its container.
fn passed(compose: &str, service: &str) -> BTreeSet<String> {
    let head = format!("\n  {service}:\n");
    let (_before, body) = compose.split_once(&head).expect("the service is there");
    let body = body
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let settings = body
        .skip_while(|line| *line != "    environment:")
        .skip(1)
        .take_while(|line| line.starts_with("      "));
    let names = settings.filter_map(|line| line.trim().split_once(':'));
    let names = names.map(|(name, _value)| name.to_owned());
    names.filter(|name| !name.starts_with('#')).collect()
}

fn missing(program: &ProgramSettings, services: &[&str], compose: &str) -> Vec<String> {
    let passed: BTreeSet<String> = services
        .iter()
        .flat_map(|service| passed(compose, service))
        .collect();
    assert!(
        passed.len() > 2,
        "{services:?} pass {passed:?}: the scan is broken"
    );
    let problem = |what| format!("deploy/compose.yaml:1: {services:?} {what}");
    let unread = passed
        .iter()
        .filter(|name| !program.reads(name))
        .map(|name| problem(format!("pass {name}, which nothing reads")));
    let left_out = program.iter().map(|declared| declared.name).filter(|name| {
        let is_excused = NOT_PASSED.iter().any(|(excused, _why)| excused == name);
        !is_excused && !passed.contains(*name) && !passed.contains(&format!("{name}_FILE"))
    });
    let left_out = left_out.map(|name| problem(format!("do not pass {name}")));
    unread.chain(left_out).collect()
}

#[test]
fn compose_passes_every_setting_of_its_programs() {
    let compose = read("deploy/compose.yaml");
    let problems = [
        missing(&RECEIVER, &["receiver"], &compose),
        missing(&WORKER, &["worker"], &compose),
        missing(&CONSOLE, &["console"], &compose),
        missing(&PAYNOWCTL, &["setup", "ctl"], &compose),
    ];
    nothing_of(problems.concat());
}
