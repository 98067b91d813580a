//! Every path of the repository that a document names exists. A path may leave out how it begins,
//! like `event.rs`.

use super::files::{Text, exists, texts};
use super::nothing_of;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES_MAX: usize = 120;
/// What a path from the root begins with.
const FOLDERS: [&str; 6] = [
    "crates/",
    "deploy/",
    "migrations/",
    "ops/",
    "tests/",
    ".ci/",
];
/// What any other path ends with.
const ENDINGS: [&str; 5] = ["/", ".rs", ".md", ".toml", ".json"];

#[test]
fn the_architecture_is_described_on_one_page() {
    let texts = texts();
    let page = texts.iter().find(|text| text.path == ARCHITECTURE);
    let lines = page.map_or(0, |page| page.content.lines().count());
    assert!(
        (1..=ARCHITECTURE_LINES_MAX).contains(&lines),
        "{ARCHITECTURE}:{lines}: it must exist and have at most {ARCHITECTURE_LINES_MAX} lines"
    );
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut seen = 0;
    let mut problems = Vec::new();
    let texts = texts();
    for document in texts.iter().filter(|text| is_checked(&text.path)) {
        for (line, path) in paths_in(document) {
            seen += 1;
            if !is_known(&path, &texts) {
                problems.push(format!("{}:{line}: there is no {path}", document.path));
            }
        }
    }
    nothing_of(problems);
    assert!(seen > 40, "{seen} paths only: the scan is broken");
}

fn is_checked(path: &str) -> bool {
    let is_of_a_crate = path.starts_with("crates/") && path.ends_with("/README.md");
    is_of_a_crate || [ARCHITECTURE, "README.md"].contains(&path)
}

/// The paths that a document names in backticks, in code blocks and in links, with their lines.
fn paths_in(document: &Text) -> Vec<(usize, String)> {
    let folder = document
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _file)| folder);
    let mut is_code = false;
    let mut paths = Vec::new();
    for (number, line) in (1..).zip(document.content.lines()) {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        let code: Vec<&str> = match (is_fence, is_code) {
            (true, _either) => Vec::new(),
            (false, true) => vec![line],
            (false, false) => line.split('`').skip(1).step_by(2).collect(),
        };
        let words = code.iter().flat_map(|code| code.split_whitespace());
        paths.extend(
            words
                .filter_map(|word| named(folder, word))
                .map(|path| (number, path)),
        );
        let links = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next());
        let inside = links.filter(|link| !link.is_empty() && !link.contains("://"));
        paths.extend(inside.map(|link| (number, joined(folder, link))));
    }
    paths
}

/// A word of code as a path, if it is one.
fn named(folder: &str, word: &str) -> Option<String> {
    let path = word.trim_matches(|c: char| !(c.is_alphanumeric() || "./_-<*".contains(c)));
    let is_plain = path
        .chars()
        .all(|c| c.is_alphanumeric() || "./_-".contains(c));
    if !is_plain {
        None
    } else if path.starts_with("src/") {
        Some(joined(folder, path))
    } else {
        let is_path = FOLDERS.iter().any(|start| path.starts_with(start))
            || ENDINGS
                .iter()
                .any(|ending| path.len() > ending.len() && path.ends_with(ending));
        is_path.then(|| path.to_owned())
    }
}

/// Whether some file of ours has the path, as it is or at its end.
fn is_known(path: &str, texts: &[Text]) -> bool {
    let inside = format!("/{path}");
    exists(path)
        || texts.iter().any(|text| {
            text.path.ends_with(&inside) || (path.ends_with('/') && text.path.contains(&inside))
        })
}

/// A relative path of a document in `folder`, below the root.
fn joined(folder: &str, relative: &str) -> String {
    let mut segments: Vec<&str> = folder.split_terminator('/').collect();
    for segment in relative.split('/') {
        match segment {
            ".." => drop(segments.pop()),
            "." => {}
            name => segments.push(name),
        }
    }
    segments.join("/")
}

#[test]
fn a_path_is_found_however_it_is_named() {
    let document = Text {
        path: "crates/one/README.md".to_owned(),
        content: "`src/a.rs`, `crate::a` and `ops/stack up`, `c.rs` and `<any>.rs`\n\
                  [it](../two/src/b.rs#part) and [that](https://example.org/ops/c)\n\
                  ```sh\nops/test tests/<any>\n```\nops/none"
            .to_owned(),
    };
    let expected = [
        (1, "crates/one/src/a.rs"),
        (1, "ops/stack"),
        (1, "c.rs"),
        (2, "crates/two/src/b.rs"),
        (4, "ops/test"),
    ];
    let found = paths_in(&document);
    let found: Vec<(usize, &str)> = found
        .iter()
        .map(|(line, path)| (*line, path.as_str()))
        .collect();
    assert_eq!(found, expected);
}
