//! Every clause of the wallet contract names a test that exists, and every answer has its clause.

use paynow_shared::reason::Reason;
use strum::IntoEnumIterator;

use super::files::{Text, exists, read, texts};
use super::nothing_of;

const CONTRACT: &str = "WALLET_CONTRACT.md";
const CLAUSE: &str = "- **C";
/// The enums that a reader of the contract meets.
const ENUMS: [&str; 5] = ["Reason", "EntryKind", "Outcome", "Applied", "Decision"];
/// Where these enums are declared.
const ENUM_SOURCES: [&str; 2] = ["crates/shared/src/", "crates/worker/src/"];
const CRATES: [(&str, &str); 4] = [
    ("paynow_shared", "crates/shared/src"),
    ("paynow_process", "crates/process/src"),
    ("paynow_receiver", "crates/receiver/src"),
    ("paynow_worker", "crates/worker/src"),
];

/// The line a clause begins in, and its lines as one text.
fn clauses(contract: &str) -> Vec<(usize, String)> {
    let mut clauses: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(contract.lines()) {
        if line.starts_with(CLAUSE) {
            clauses.push((number, line.to_owned()));
        } else if inside && line.starts_with("  ") {
            clauses
                .last_mut()
                .expect("it is inside one")
                .1
                .push_str(line);
        }
        inside = line.starts_with(CLAUSE) || (inside && line.starts_with("  "));
    }
    clauses
}

/// The tests named after `Test:`, without their backticks.
fn tests_named_in(text: &str) -> Vec<&str> {
    let named = text.split_once("Test: ").map_or("", |(_rule, named)| named);
    named.split('`').skip(1).step_by(2).collect()
}

/// Whether the file of the module has `fn name`.
fn test_exists(path: &str) -> bool {
    let Some((module, name)) = path.rsplit_once("::") else {
        return false;
    };
    let (first, rest) = module.split_once("::").unwrap_or((module, ""));
    let folder = CRATES.iter().find(|(name, _folder)| *name == first);
    let base = match folder {
        Some((_name, folder)) => format!("{folder}/{}", rest.replace("::", "/")),
        None => format!("tests/integration/{}", module.replace("::", "/")),
    };
    // A `mod tests` is a file of its own, or the end of the module's file.
    let files = [base.as_str(), base.trim_end_matches("/tests")]
        .map(|base| [format!("{base}.rs"), format!("{base}/mod.rs")])
        .concat();
    let file = files.iter().find(|file| exists(file));
    file.is_some_and(|file| read(file).contains(&format!("fn {name}(")))
}

#[test]
fn every_clause_has_its_number_and_names_tests_that_exist() {
    let contract = read(CONTRACT);
    let clauses = clauses(&contract);
    assert!(
        clauses.len() > 20,
        "{CONTRACT}:1: {} clauses",
        clauses.len()
    );
    let mut problems = Vec::new();
    for (expected, (line, clause)) in (1..).zip(&clauses) {
        if !clause.starts_with(&format!("{CLAUSE}{expected}** ")) {
            problems.push(format!("{CONTRACT}:{line}: this should be C{expected}"));
        }
        if tests_named_in(clause).is_empty() {
            problems.push(format!("{CONTRACT}:{line}: C{expected} names no test"));
        }
    }
    nothing_of(problems);
}

#[test]
fn every_test_that_the_contract_names_exists() {
    let contract = read(CONTRACT);
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(contract.lines()) {
        let missing = tests_named_in(line)
            .into_iter()
            .filter(|test| !test_exists(test));
        problems.extend(missing.map(|test| format!("{CONTRACT}:{number}: no test {test}")));
    }
    nothing_of(problems);
}

/// The variants of `pub enum name`, as they are declared.
fn variants(texts: &[Text], name: &str) -> Vec<String> {
    let head = format!("pub enum {name} {{\n");
    let is_source = |text: &&Text| {
        ENUM_SOURCES
            .iter()
            .any(|start| text.path.starts_with(start))
    };
    let sources = texts.iter().filter(is_source);
    let mut declarations = sources.filter_map(|text| Some(text.content.split_once(&head)?.1));
    let declared = declarations.next().unwrap_or_default();
    assert!(declarations.next().is_none(), "crates:1: two enums {name}");
    let body = declared.split("\n}").next().unwrap_or_default();
    let is_variant = |line: &&str| {
        line.strip_prefix("    ")
            .is_some_and(|it| it.starts_with(|c: char| c.is_uppercase()))
    };
    let word = |line: &str| {
        let line = line.trim_start();
        line.split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    body.lines().filter(is_variant).map(word).collect()
}

#[test]
fn every_variant_of_an_answer_is_mentioned() {
    let contract = read(CONTRACT);
    let mut problems = Vec::new();
    let texts = texts();
    for name in ENUMS {
        let variants = variants(&texts, name);
        assert!(!variants.is_empty(), "crates:1: no enum {name}");
        let paths = variants
            .iter()
            .map(|variant| format!("`{name}::{variant}`"));
        let missing = paths.filter(|path| !contract.contains(path));
        problems.extend(missing.map(|path| format!("{CONTRACT}:1: {path} is not mentioned")));
    }
    for reason in Reason::iter() {
        if !contract.contains(&format!("| `{reason}` `Reason::{reason:?}` |")) {
            problems.push(format!(
                "{CONTRACT}:1: the table of reasons has no {reason}"
            ));
        }
    }
    nothing_of(problems);
}
