//! The dashboards as they are committed.

use std::path::{Path, PathBuf};

use serde_json::Value;

const FOLDER: &str = "deploy/grafana/dashboards";

pub(super) struct Board {
    /// Below the root, with slashes.
    pub(super) path: String,
    pub(super) lines: usize,
    pub(super) json: Value,
}

/// A query of a panel, and its place.
pub(super) struct Query<'a> {
    pub(super) place: String,
    pub(super) expression: &'a str,
    pub(super) legend: &'a str,
}

impl Board {
    pub(super) fn all() -> Vec<Self> {
        files(FOLDER, ".json")
            .iter()
            .map(|path| Self::read(path))
            .collect()
    }

    fn read(path: &str) -> Self {
        let text = read(path);
        Self {
            path: path.to_owned(),
            lines: text.lines().count(),
            json: serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_default()
    }

    pub(super) fn panels(&self) -> &[Value] {
        list(&self.json["panels"])
    }

    /// The default value of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let variables = list(&self.json["templating"]["list"]);
        let variable = variables.iter().find(|variable| variable["name"] == name)?;
        variable["current"]["value"].as_str()
    }

    /// The place of a panel, so that a person can find it.
    pub(super) fn place(&self, panel: &Value) -> String {
        format!("{}: panel {} {}", self.path, panel["id"], panel["title"])
    }

    pub(super) fn queries(&self) -> Vec<Query<'_>> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            queries.extend(list(&panel["targets"]).iter().map(|target| Query {
                place: format!("{} {}", self.place(panel), target["refId"]),
                expression: target["expr"].as_str().unwrap_or_default(),
                legend: target["legendFormat"].as_str().unwrap_or_default(),
            }));
        }
        queries
    }

    /// Every address that the board or one of its panels links to.
    pub(super) fn addresses(&self) -> Vec<&str> {
        let of_panels = self.panels().iter().flat_map(|panel| list(&panel["links"]));
        let links = list(&self.json["links"]).iter().chain(of_panels);
        links.filter_map(|link| link["url"].as_str()).collect()
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn in_root(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

#[track_caller]
pub(super) fn read(path: &str) -> String {
    let found = std::fs::read_to_string(in_root(path));
    found.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder with this ending, sorted, below the root. Fails if there are none.
#[track_caller]
pub(super) fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(in_root(folder));
    let entries = entries.unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.map(|entry| entry.expect("a folder can be listed").file_name());
    let names = names.map(|name| name.into_string().expect("our names are ASCII"));
    let named = names.filter(|name| name.ends_with(ending));
    let mut paths: Vec<String> = named.map(|name| format!("{folder}/{name}")).collect();
    assert!(!paths.is_empty(), "{folder} has no file *{ending}");
    paths.sort();
    paths
}

/// Fails with all problems, one a line.
#[track_caller]
pub(super) fn nothing_of(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
