//! The dashboards: Grafana can load them, their metrics are in the table of `ops/telemetry.md`, and
//! every panel shows data when the pipeline runs.

mod board;
mod live;
mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::guide_table;

use board::{Board, Query, in_root, list, nothing_of, read};
use promql::named_in;

const BOARD_LINES_MAX: usize = 400;
/// The version that Grafana 11 writes. It and later ones read this and older versions.
const SCHEMA_VERSION: u64 = 39;
const GRID_COLUMNS: u64 = 24;
const DATASOURCE: &str = "deploy/grafana/provisioning/datasources/prometheus.yml";
const PROMETHEUS: &str = "deploy/prometheus/prometheus.yml";
const PROVIDER: &str = "deploy/grafana/provisioning/dashboards/paynow.yml";
/// Labels that Prometheus sets, or that belong to the kind of the metric.
const LABELS_OF_ALL: [&str; 3] = ["instance", "job", "le"];
/// The labels of the broker's plugin that we use.
const LABELS_OF_THE_BROKER: [&str; 1] = ["queue"];
/// The ranges of rates. `1h` is for bars of one hour each, and the others follow the chosen time.
const RANGES: [&str; 3] = ["$__rate_interval", "$__range", "1h"];

#[test]
fn every_board_can_be_loaded_by_grafana() {
    let boards = Board::all();
    let mut problems = Vec::new();
    for board in &boards {
        let path = &board.path;
        if board.lines > BOARD_LINES_MAX {
            problems.push(format!("{path}: {} lines", board.lines));
        }
        if board.json["schemaVersion"] != SCHEMA_VERSION {
            problems.push(format!("{path}: schemaVersion"));
        }
        if !list(&board.json["tags"]).contains(&json!("paynow")) {
            problems.push(format!(
                "{path}: without its tag no other board links to it"
            ));
        }
        let name = path.rsplit(['/', '.']).nth(1).unwrap_or_default();
        if board.text("uid") != format!("paynow-{name}") {
            problems.push(format!("{path}: the uid is not paynow-{name}"));
        }
        for field in ["title", "description"] {
            if board.text(field).is_empty() {
                problems.push(format!("{path}: no {field}"));
            }
        }
    }
    let titles: BTreeSet<&str> = boards.iter().map(|board| board.text("title")).collect();
    assert_eq!(titles.len(), boards.len(), "two boards have one title");
    nothing_of(&problems);
}

#[test]
fn every_panel_has_its_place_its_unit_and_its_texts() {
    let mut problems = Vec::new();
    for board in Board::all() {
        let panels = board.panels();
        let ids: BTreeSet<Option<u64>> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
        if ids.len() != panels.len() || ids.contains(&None) {
            problems.push(format!("{}: ids are missing or repeated", board.path));
        }
        for (at, panel) in panels.iter().enumerate() {
            let mut wrong = |what: &str| problems.push(format!("{}: {what}", board.place(panel)));
            if panel["title"].as_str().is_none_or(str::is_empty) {
                wrong("it has no title");
            }
            match area(panel) {
                Some(area) if area.right <= GRID_COLUMNS => {
                    let mut before = panels[..at].iter().filter_map(self::area);
                    if before.any(|other| area.overlaps(&other)) {
                        wrong("it overlaps another");
                    }
                }
                Some(_) | None => wrong("it is not in the grid"),
            }
            if !["row", "text"].contains(&panel["type"].as_str().unwrap_or_default()) {
                data_problems(panel).into_iter().for_each(wrong);
            }
        }
    }
    nothing_of(&problems);
}

/// What is wrong with a panel that shows data.
fn data_problems(panel: &Value) -> Vec<&'static str> {
    let datasource = json!({"type": "prometheus", "uid": "${datasource}"});
    let no_text = |value: &Value| value.as_str().is_none_or(str::is_empty);
    let targets = list(&panel["targets"]);
    let targets_of_its_own = targets.iter().any(|target| !target["datasource"].is_null());
    let ids: BTreeSet<String> = targets.iter().map(|it| it["refId"].to_string()).collect();
    [
        (
            "it uses another data source",
            panel["datasource"] != datasource || targets_of_its_own,
        ),
        ("it has no description", no_text(&panel["description"])),
        (
            "it has no unit",
            no_text(&panel["fieldConfig"]["defaults"]["unit"]),
        ),
        (
            "it has no query",
            targets.iter().any(|target| no_text(&target["expr"])) || ids.is_empty(),
        ),
        ("its refIds are repeated", ids.len() != targets.len()),
    ]
    .into_iter()
    .filter_map(|(what, is_wrong)| is_wrong.then_some(what))
    .collect()
}

struct Area {
    left: u64,
    right: u64,
    top: u64,
    bottom: u64,
}

impl Area {
    fn overlaps(&self, other: &Self) -> bool {
        let beside = self.right <= other.left || other.right <= self.left;
        let below = self.bottom <= other.top || other.bottom <= self.top;
        !beside && !below
    }
}

fn area(panel: &Value) -> Option<Area> {
    let at = |field: &str| panel["gridPos"][field].as_u64();
    let (left, top, width, height) = (at("x")?, at("y")?, at("w")?, at("h")?);
    Some(Area {
        left,
        right: left + width,
        top,
        bottom: top + height,
    })
}

#[test]
fn every_link_has_a_target() {
    let boards = Board::all();
    let uids: BTreeSet<&str> = boards.iter().map(|board| board.text("uid")).collect();
    let mut problems = Vec::new();
    for board in &boards {
        for address in board.addresses() {
            let path = address.split('?').next().unwrap_or_default();
            let leads = match (
                path.strip_prefix("/d/"),
                path.strip_prefix("${guides:raw}/"),
            ) {
                (Some(uid), _) => uids.contains(uid),
                (None, Some(guide)) => in_root("ops").join(guide).exists(),
                (None, None) => false,
            };
            if !leads {
                problems.push(format!("{}: {address}", board.path));
            }
        }
    }
    nothing_of(&problems);
}

/// Alerts and boards link to the same guides, so whoever moves the guides must change both.
#[test]
fn the_boards_link_to_the_guides_that_the_alerts_link_to() {
    let prometheus = read(PROMETHEUS);
    let label = prometheus
        .lines()
        .find_map(|line| line.trim().strip_prefix("runbooks: "));
    let runbooks = label.unwrap_or_else(|| panic!("{PROMETHEUS}: no label runbooks"));
    for board in Board::all() {
        let guides = board.variable("guides");
        assert_eq!(
            guides.map(|it| format!("{it}/runbooks")).as_deref(),
            Some(runbooks),
            "{}",
            board.path
        );
    }
}

#[test]
fn the_boards_use_the_provisioned_data_source() {
    let provisioned = read(DATASOURCE);
    for board in Board::all() {
        let uid = board.variable("datasource");
        let uid = uid.unwrap_or_else(|| panic!("{}: no variable datasource", board.path));
        let line = format!("    uid: {uid}");
        assert!(
            provisioned.lines().any(|it| it == line),
            "{}: {uid}",
            board.path
        );
    }
    // A rate needs two scrapes, and Grafana derives its intervals from this value.
    let scraped = read(PROMETHEUS);
    let interval = provisioned
        .lines()
        .find_map(|line| line.trim().strip_prefix("timeInterval: "));
    let interval = interval.unwrap_or_else(|| panic!("{DATASOURCE}: no timeInterval"));
    let line = format!("scrape_interval: {interval}");
    assert!(
        scraped.lines().any(|it| it.trim() == line),
        "Prometheus has no {line}"
    );
    assert!(read(PROVIDER).contains("path: /etc/grafana/dashboards"));
}

#[test]
fn promtool_understands_every_expression() {
    let boards = Board::all();
    let queries = boards.iter().flat_map(Board::queries);
    let rule = |query: Query<'_>| {
        // promtool names the rule that it does not understand, so each rule is named after its
        // panel.
        let place = query.place.chars();
        let name: String = place
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let expression = filled_in(query.expression, |_variable| ".*".to_owned());
        json!({"record": name, "expr": expression})
    };
    let rules: Vec<Value> = queries.map(rule).collect();
    assert!(
        rules.len() > 100,
        "{} expressions only: the scan is broken",
        rules.len()
    );
    // JSON is valid YAML.
    let file = json!({"groups": [{"name": "dashboards", "rules": rules}]}).to_string();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboards.rules.yml");
    std::fs::write(&path, file).expect("the rules can be written");
    let checked = Command::new("promtool")
        .args(["check", "rules"])
        .arg(&path)
        .output();
    let checked = checked.expect("promtool is installed: it comes with Debian's prometheus");
    assert!(
        checked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
}

/// An expression as Grafana sends it to Prometheus.
fn filled_in(expression: &str, instances: impl Fn(&str) -> String) -> String {
    let mut filled = expression
        .replace("$__rate_interval", "1m")
        .replace("$__range", "1h");
    for variable in ["receiver", "worker", "node"] {
        filled = filled.replace(&format!("${variable}"), &instances(variable));
    }
    assert!(
        !filled.contains('$'),
        "a variable without a value: {filled}"
    );
    filled
}

/// The kind and the labels of every metric in the table of `ops/telemetry.md`.
fn table() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let row = |row: Vec<String>| {
        let labels = row[2].split(", ").filter(|label| !label.is_empty());
        let labels = labels.map(str::to_owned).collect();
        (row[0].clone(), (row[1].clone(), labels))
    };
    guide_table("Metric").into_iter().map(row).collect()
}

#[test]
fn every_metric_and_label_of_ours_is_documented() {
    let (table, boards) = (table(), Board::all());
    let mut problems = Vec::new();
    for query in boards.iter().flat_map(Board::queries) {
        let named = named_in(query.expression);
        let mut labels: BTreeSet<&str> = LABELS_OF_ALL.into();
        for metric in &named.metrics {
            let parts = ["_bucket", "_sum", "_count"];
            let base = parts.iter().find_map(|part| metric.strip_suffix(part));
            let of_histogram = base.and_then(|base| table.get(base));
            let found = table
                .get(metric)
                .map(|(kind, labels)| (kind != "histogram", labels));
            let found = found.or(of_histogram.map(|(kind, labels)| (kind == "histogram", labels)));
            match found {
                Some((true, own)) => labels.extend(own.iter().map(String::as_str)),
                _ if metric.starts_with("rabbitmq_") => labels.extend(LABELS_OF_THE_BROKER),
                _ if metric.starts_with("process_") => {}
                _ => problems.push(format!("{}: {metric} is not in the table", query.place)),
            }
        }
        let in_legend = query.legend.split("{{").skip(1);
        let in_legend = in_legend.map(|it| it.split("}}").next().unwrap_or_default());
        let used = named.labels.iter().map(String::as_str).chain(in_legend);
        let unknown = used.filter(|label| !labels.contains(label));
        problems.extend(unknown.map(|label| format!("{}: no label {label}", query.place)));
    }
    nothing_of(&problems);
}

#[test]
fn rates_follow_the_zoom_and_quantiles_are_of_summed_buckets() {
    let boards = Board::all();
    let mut problems = Vec::new();
    for query in boards.iter().flat_map(Board::queries) {
        let outside_texts: Vec<&str> = query.expression.split('"').step_by(2).collect();
        let outside_texts = outside_texts.concat();
        let ranges = outside_texts.split('[').skip(1);
        let ranges = ranges.map(|it| it.split(']').next().unwrap_or_default());
        let unknown = ranges.filter(|range| !RANGES.contains(range));
        problems.extend(unknown.map(|range| format!("{}: the range {range}", query.place)));
        let of_buckets = query.expression.contains("_bucket");
        let quantile = query.expression.starts_with("histogram_quantile(");
        if of_buckets && !(quantile && query.expression.contains("sum by (le")) {
            problems.push(format!(
                "{}: buckets that are not summed by le",
                query.place
            ));
        }
        let metrics = named_in(query.expression).metrics;
        let counts = metrics.iter().any(|metric| metric.ends_with("_total"));
        if counts && !query.expression.contains("rate(") && !query.expression.contains("increase(")
        {
            problems.push(format!("{}: a counter without a rate", query.place));
        }
    }
    nothing_of(&problems);
}
