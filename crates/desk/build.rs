//! Takes the limits that `top` shares with the alert rules from the rules, so that each number
//! exists once. A rule that no longer has the expected form fails the build.

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

const RULES: &str = "../../deploy/prometheus/alerts";

/// What `top` calls it, the rule file and the alert.
const ALERTS: [(&str, &str, &str); 5] = [
    ("REQUEST", "receiver.yml", "PayNowHighLatency"),
    ("CONFIRM", "broker.yml", "PayNowSlowConfirms"),
    ("EVENT_AGE", "queue.yml", "PayNowQueueAge"),
    ("QUEUE_DEPTH", "queue.yml", "PayNowQueueDepth"),
    ("DEAD_LETTER_AGE", "desk.yml", "PayNowDeadLettersAgeing"),
];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo names the folder for generated files in a variable"
)]
fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={RULES}");
    let mut constants = String::new();
    for (name, file, alert) in ALERTS {
        let rules = fs::read_to_string(Path::new(RULES).join(file))?;
        let limit = limit(&rules, alert).ok_or_else(|| {
            Error::other(format!("{file}: {alert} does not compare with `> number`"))
        })?;
        constants += &format!("pub(super) const {name}: {limit};\n");
    }
    let folder = std::env::var_os("OUT_DIR").ok_or_else(|| Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&folder).join("alert_limits.rs"), constants)
}

/// The type and the value of the limit: a number, or a quantile and a number.
fn limit(rules: &str, alert: &str) -> Option<String> {
    let is_alert = |rule: &&str| rule.lines().next() == Some(alert);
    let mut rules = rules.split("- alert: ").filter(is_alert);
    // With two rules of one name it is not clear which limit is meant.
    let (rule, None) = (rules.next()?, rules.next()) else {
        return None;
    };
    let (expression, _rest) = rule.split_once("expr: |")?.1.split_once("for:")?;
    let (left, limit) = expression.trim().rsplit_once("> ")?;
    let factors = limit
        .split('*')
        .map(|factor| factor.trim().parse::<f64>().ok());
    let limit = factors.product::<Option<f64>>()?;
    let Some(histogram) = left.strip_prefix("histogram_quantile(") else {
        return Some(format!("f64 = {limit:?}"));
    };
    let quantile: f64 = histogram.split_once(',')?.0.parse().ok()?;
    Some(format!("(f64, f64) = ({quantile:?}, {limit:?})"))
}
