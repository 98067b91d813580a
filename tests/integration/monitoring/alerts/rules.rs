//! Reads the rule files and their tests line by line, because they use one plain form of YAML.
//! `promtool` reads them completely.

use std::collections::BTreeMap;
use std::path::PathBuf;

const RULES: &str = "deploy/prometheus/alerts";
const TESTS: &str = "deploy/prometheus/tests";

/// An alert or a recorded expression.
#[derive(Debug, Default)]
pub(super) struct Rule {
    /// File and line.
    pub(super) place: String,
    pub(super) name: String,
    pub(super) is_alert: bool,
    pub(super) expression: String,
    /// Labels and annotations, without the quotes of YAML.
    pub(super) fields: BTreeMap<String, String>,
}

/// The state that a test expects of an alert at one moment.
#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) alert: String,
    pub(super) is_silent: bool,
}

pub(super) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[track_caller]
pub(super) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder with this ending, sorted, below the root.
pub(super) fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder));
    let entries = entries.unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.map(|entry| entry.expect("a folder can be listed").file_name());
    let names = names.map(|name| name.into_string().expect("names are UTF-8"));
    let mut paths: Vec<String> = names
        .filter(|name| name.ends_with(ending))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder}: no {ending}");
    paths
}

pub(super) fn rules() -> Vec<Rule> {
    let rules: Vec<Rule> = files(RULES, ".yml")
        .iter()
        .flat_map(|p| read_rules(p))
        .collect();
    assert!(
        rules.len() > 40,
        "{} rules: the scan is broken",
        rules.len()
    );
    rules
}

pub(super) fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.is_alert).collect()
}

fn read_rules(path: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for (number, line) in (1..).zip(read(path).lines()) {
        let begun = [("- alert: ", true), ("- record: ", false)]
            .into_iter()
            .find_map(|(key, is_alert)| Some((line.trim().strip_prefix(key)?, is_alert)));
        if let Some((name, is_alert)) = begun {
            rules.push(Rule {
                place: format!("{path}:{number}"),
                name: name.to_owned(),
                is_alert,
                ..Rule::default()
            });
            continue;
        }
        // Lines of a rule's key are indented by ten: the expression, labels and annotations.
        let (Some(rule), Some(inner)) = (rules.last_mut(), line.strip_prefix("          ")) else {
            continue;
        };
        match inner.split_once(": ").filter(|(key, _value)| is_key(key)) {
            Some((key, value)) => {
                rule.fields
                    .insert(key.to_owned(), value.trim_matches('"').to_owned());
            }
            None => rule.expression += &format!("{inner}\n"),
        }
    }
    rules
}

fn is_key(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

pub(super) fn test_files() -> Vec<String> {
    files(TESTS, ".yml")
}

pub(super) fn expectations() -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for path in test_files() {
        let mut alert = String::new();
        for line in read(&path).lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("alertname: ") {
                alert = name.to_owned();
            } else if let Some(expected) = line.strip_prefix("exp_alerts:") {
                expectations.push(Expectation {
                    alert: alert.clone(),
                    is_silent: expected.trim() == "[]",
                });
            }
        }
    }
    expectations
}

impl Rule {
    /// The words of the expression that may be names: outside of strings, and with an underscore or
    /// colon.
    pub(super) fn names(&self) -> Vec<&str> {
        let outside_of_texts = self.expression.split('"').step_by(2);
        let in_name = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
        outside_of_texts
            .flat_map(|code| code.split(move |c| !in_name(c)))
            .filter(|word| {
                word.contains(['_', ':']) && !word.starts_with(|c: char| c.is_ascii_digit())
            })
            .collect()
    }
}
