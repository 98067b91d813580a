//! The repository's own rules, as ordinary tests: each fails with file and line.

mod broken;
mod clauses;
mod documents;
mod fault_points;
mod files;
mod imports;
mod modules;
mod scripts;
mod settings;
mod stages;

use std::os::unix::fs::PermissionsExt;

use files::{Text, exists, root, texts, under};

const SOURCE_LINES_MAX: usize = 400;
const README_LINES_MAX: usize = 120;
const CRATE_README_LINES_MAX: usize = 150;
const SOURCE_ENDINGS: [&str; 7] = [".rs", ".sh", ".sql", ".toml", ".yml", ".yaml", ".md"];
const SCRIPTS: [&str; 4] = [".ci/run", "ops/demo", "ops/test", "ops/stack"];

/// Fails with all problems, one a line.
#[track_caller]
fn nothing_of(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn no_source_file_is_too_long_to_read() {
    let is_source = |text: &Text| {
        let in_source_folder = text.path.starts_with("ops/") || text.path.starts_with(".ci/");
        let ending = SOURCE_ENDINGS
            .iter()
            .any(|ending| text.path.ends_with(ending));
        ending || (in_source_folder && !text.path.contains('.'))
    };
    let too_long = |text: &Text| {
        let lines = text.content.lines().count();
        (lines > SOURCE_LINES_MAX)
            .then(|| format!("{}:{lines}: more than {SOURCE_LINES_MAX} lines", text.path))
    };
    nothing_of(
        texts()
            .iter()
            .filter(|text| is_source(text))
            .filter_map(too_long)
            .collect(),
    );
}

#[test]
fn no_mark_of_unfinished_work_is_left() {
    // Joined here, so that this file does not contain any of them.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["HA", "CK"],
        ["XX", "X"],
        ["db", "g!("],
        ["to", "do!("],
    ]
    .map(|parts| parts.concat());
    nothing_of(lines_with(&marks, is_whole_word));
}

#[test]
fn no_path_of_one_machine_and_no_registry_host_is_named() {
    let machine_paths = [["/wo", "rk/"], ["/ro", "ot/"]].map(|parts| parts.concat());
    nothing_of(lines_with(&machine_paths, begins_a_path));
    let hosts = [
        ["crates", ".io"],
        ["docker", ".io"],
        ["ghcr", ".io"],
        ["quay", ".io"],
        ["gcr", ".io"],
        ["pypi", ".org"],
        ["npmjs", ".org"],
    ];
    nothing_of(lines_with(
        &hosts.map(|parts| parts.concat()),
        |_line, _start, _end| true,
    ));
}

/// Every line that contains a needle in a place that counts, as `path:line: needle`.
fn lines_with(needles: &[String], counts: fn(&str, usize, usize) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for text in texts() {
        for (number, line) in (1..).zip(text.content.lines()) {
            let hit = needles.iter().find(|needle| {
                line.match_indices(needle.as_str())
                    .any(|(start, hit)| counts(line, start, start + hit.len()))
            });
            found.extend(hit.map(|needle| format!("{}:{number}: {needle}", text.path)));
        }
    }
    found
}

fn is_whole_word(line: &str, start: usize, end: usize) -> bool {
    let letter = |character: char| character.is_ascii_alphanumeric();
    !line[..start].ends_with(letter) && !line[end..].starts_with(letter)
}

fn begins_a_path(line: &str, start: usize, _end: usize) -> bool {
    let inside = |character: char| character.is_ascii_alphanumeric() || "._-}".contains(character);
    !line[..start].ends_with(inside)
}

#[test]
fn a_readme_is_short() {
    let limit = |path: &str| match path {
        "README.md" => README_LINES_MAX,
        _deeper => CRATE_README_LINES_MAX,
    };
    assert!(exists("README.md"), "README.md:1: it is missing");
    let too_long = |text: &Text| {
        let (lines, limit) = (text.content.lines().count(), limit(&text.path));
        (lines > limit).then(|| format!("{}:{lines}: more than {limit} lines", text.path))
    };
    let texts = texts();
    let readmes = texts.iter().filter(|text| text.path.ends_with("README.md"));
    nothing_of(readmes.filter_map(too_long).collect());
}

#[test]
fn a_document_has_one_title_and_begins_with_it() {
    let texts = texts();
    let documents = texts.iter().filter(|text| text.path.ends_with(".md"));
    nothing_of(documents.filter_map(title_problem).collect());
}

fn title_problem(document: &Text) -> Option<String> {
    let mut in_code = false;
    let mut titles = Vec::new();
    for (number, line) in (1..).zip(document.content.lines()) {
        in_code ^= line.trim_start().starts_with("```");
        if !in_code && line.starts_with("# ") {
            titles.push(number);
        }
    }
    (titles != [1]).then(|| {
        let line = titles.last().copied().unwrap_or(1);
        format!(
            "{}:{line}: it needs one title, in line 1, and has titles in lines {titles:?}",
            document.path
        )
    })
}

#[test]
fn the_scripts_exist_and_are_executable() {
    let problem = |script: &&str| {
        let is_executable = std::fs::metadata(root().join(script))
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 == 0o111);
        (!is_executable).then(|| format!("{script}:1: missing or not executable"))
    };
    nothing_of(SCRIPTS.iter().filter_map(problem).collect());
}

#[test]
fn a_migration_has_an_up_and_a_down_script() {
    let mut problems = Vec::new();
    for migration in under("migrations").iter().filter(|path| path.is_dir()) {
        for file in ["up.sql", "down.sql"] {
            let path = migration.join(file);
            let content = std::fs::read_to_string(&path).unwrap_or_default();
            if content.trim().is_empty() {
                problems.push(format!("{}:1: missing or empty", path.display()));
            }
        }
    }
    nothing_of(problems);
}
