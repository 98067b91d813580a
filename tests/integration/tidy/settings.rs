//! Every environment variable that a program reads is in the README of its crate.

use super::files::{Text, read, texts, under};
use super::nothing_of;

/// A source that reads a setting mentions this type.
const ENVIRONMENT: &str = "Environment";
/// What a crate calls to read a setting that another crate names.
const SHARED_READERS: [(&str, &str); 4] = [
    ("telemetry::log_level(", "crates/process/src/telemetry.rs"),
    (
        "BrokerAddress::from_environment(",
        "crates/process/src/broker/connect.rs",
    ),
    (
        "ManagementSettings::from_environment(",
        "crates/desk/src/management/settings.rs",
    ),
    (
        "PayNowSettings::from_environment(",
        "crates/process/src/paynow.rs",
    ),
];

/// The variables in the string literals of a file's code, with their lines.
fn variables_in(source: &str) -> Vec<(usize, &str)> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let is_comment = line.trim_start().starts_with("//");
        let literals = line.split('"').skip(1).step_by(2);
        found.extend(
            literals
                .filter(|literal| !is_comment && is_variable(literal))
                .map(|literal| (number, literal)),
        );
    }
    found
}

fn is_variable(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() > 4 && text.contains('_') && text.bytes().all(allowed)
}

/// The files whose settings a crate takes, below the root.
fn readers_of<'a>(folder: &str, texts: &'a [Text]) -> Vec<&'a str> {
    let sources = format!("{folder}/src/");
    let own = texts
        .iter()
        .filter(|text| text.path.starts_with(&sources) && text.content.contains(ENVIRONMENT));
    let callers: String = own.clone().map(|text| text.content.as_str()).collect();
    let called = SHARED_READERS
        .iter()
        .filter(|(call, _file)| callers.contains(call));
    let called = called.map(|(_call, file)| *file);
    own.map(|text| text.path.as_str()).chain(called).collect()
}

/// The folders of the crates, below the root.
fn crates() -> Vec<String> {
    let folders = under("crates");
    let names = folders.iter().filter_map(|path| path.file_name()?.to_str());
    names.map(|name| format!("crates/{name}")).collect()
}

#[test]
fn every_variable_is_documented_where_it_is_read() {
    let mut problems = Vec::new();
    let mut seen = 0;
    let texts = texts();
    for folder in crates() {
        let readme_path = format!("{folder}/README.md");
        let readme = read(&readme_path);
        for file in readers_of(&folder, &texts) {
            let source = read(file);
            for (line, name) in variables_in(&source) {
                seen += 1;
                if !readme.contains(&format!("`{name}`")) {
                    problems.push(format!(
                        "{file}:{line}: {readme_path} does not explain {name}"
                    ));
                }
            }
        }
    }
    nothing_of(problems);
    assert!(seen > 15, "{seen} variables only: the scan is broken");
}
