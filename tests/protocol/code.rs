//! Each step of the model names the code that it stands for, and that code exists. Whoever renames or
//! moves it looks at the model too.

use std::fs;
use std::path::{Path, PathBuf};

/// The files that define steps.
const SOURCES: [&str; 5] = [
    include_str!("archive.rs"),
    include_str!("desk.rs"),
    include_str!("step.rs"),
    include_str!("webhook.rs"),
    include_str!("worker.rs"),
];

/// A step and the functions that it stands for, each with its file.
struct Named {
    step: String,
    code: Vec<(String, String)>,
}

/// The variants of the enums whose names end with `Step`, with the `Code:` of their comments.
fn named() -> Vec<Named> {
    let mut named = Vec::new();
    for source in SOURCES {
        let mut comment = String::new();
        let mut is_step = false;
        for line in source.lines() {
            let text = line.trim();
            if let Some(more) = text.strip_prefix("///") {
                comment.push_str(more);
                continue;
            }
            let is_enum = text.starts_with("pub enum ") && text.ends_with("Step {");
            is_step = is_enum && text != "pub enum Step {" || is_step && text != "}";
            let is_variant = is_step && !is_enum && line.starts_with("    ");
            if is_variant {
                let step = text.trim_end_matches(',').to_owned();
                let code = code(&comment);
                named.push(Named { step, code });
            }
            comment.clear();
        }
    }
    named
}

/// The pairs of a file and a function after `Code:`.
fn code(comment: &str) -> Vec<(String, String)> {
    let Some((_text, code)) = comment.split_once("Code:") else {
        return Vec::new();
    };
    let quoted: Vec<&str> = code.split('`').skip(1).step_by(2).collect();
    let pairs = quoted
        .chunks(2)
        .map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
    pairs.collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file, or of all migrations, which define a function of the database again and again.
fn text_of(path: &str) -> String {
    if path != "migrations" {
        return fs::read_to_string(root().join(path)).unwrap_or_default();
    }
    let folders = fs::read_dir(root().join(path)).unwrap();
    let files = folders.map(|folder| folder.unwrap().path().join("up.sql"));
    let texts = files.map(|file| fs::read_to_string(file).unwrap_or_default());
    texts.collect()
}

#[test]
fn every_step_names_code_that_exists() {
    let named = named();
    assert!(named.len() > 30, "only {} steps were found", named.len());
    for Named { step, code } in named {
        assert!(!code.is_empty(), "{step} names no code");
        for (file, function) in code {
            let text = text_of(&file);
            let forms = [
                format!("fn {function}("),
                format!("fn {function}<"),
                format!("FUNCTION {function}("),
            ];
            let is_defined = forms.iter().any(|form| text.contains(form));
            assert!(is_defined, "{step}: {file} has no function {function}");
        }
    }
}
