//! Every environment variable that a program reads is in the README of its crate.

use std::path::Path;

use super::files::{exists, read, under};
use super::nothing_of;

/// Where a crate reads settings, if it has the file.
const READERS: [&str; 4] = [
    "config.rs",
    "database.rs",
    "telemetry.rs",
    "broker/connect.rs",
];
/// What a crate calls to read a setting that another crate names.
const SHARED_READERS: [(&str, &str); 2] = [
    ("telemetry::log_level(", "crates/process/src/telemetry.rs"),
    (
        "BrokerAddress::from_environment(",
        "crates/process/src/broker/connect.rs",
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
fn readers_of(folder: &str) -> Vec<String> {
    let sources = format!("{folder}/src");
    let own = READERS.iter().map(|file| format!("{sources}/{file}"));
    let mut readers: Vec<String> = own.filter(|file| exists(file)).collect();
    let main = Some(format!("{sources}/main.rs")).filter(|main| exists(main));
    let callers: String = readers.iter().chain(&main).map(|file| read(file)).collect();
    let called = SHARED_READERS
        .iter()
        .filter(|(call, _file)| callers.contains(call));
    readers.extend(called.map(|(_call, file)| (*file).to_owned()));
    readers
}

fn crates() -> Vec<String> {
    let name = |path: &Path| Some(format!("crates/{}", path.file_name()?.to_str()?));
    under("crates")
        .iter()
        .filter_map(|path| name(path))
        .collect()
}

#[test]
fn every_variable_is_documented_where_it_is_read() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for folder in crates() {
        let readme_path = format!("{folder}/README.md");
        let readme = read(&readme_path);
        for file in readers_of(&folder) {
            let source = read(&file);
            for (line, name) in variables_in(&source) {
                seen += 1;
                if !readme.contains(&format!("`{name}`")) {
                    problems.push(format!(
                        "{file}:{line}: {readme_path} does not tell of {name}"
                    ));
                }
            }
        }
    }
    nothing_of(problems);
    assert!(seen > 15, "{seen} variables only: the scan is broken");
}
