//! The alerts: the tools of Prometheus accept rules and routes, and each alert has tests that show
//! it silent and firing, a runbook whose commands exist, and a row in the table of `ops/alerts.md`.

mod commands;
mod console;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::harness::guide_table;

use commands::{Helps, commands_in};
use console::console_page;
use rules::{alerts, expectations, files, read, root, rules, test_files};

const RUNBOOKS: &str = "ops/runbooks";
const HEADINGS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];
const RUNBOOK_LINES: std::ops::RangeInclusive<usize> = 20..=52;
const ALERTMANAGER: &str = "deploy/alertmanager/alertmanager.yml";
/// The severity of an alert, and its receiver.
const RECEIVERS: [(&str, &str); 3] = [
    ("critical", "on-call"),
    ("warning", "team"),
    ("info", "tickets"),
];
/// Prefixes of metrics that other programs than ours report.
const FOREIGN: [&str; 4] = ["rabbitmq_", "process_", "prometheus_", "alertmanager_"];
/// Words that are neither metrics nor labels of ours.
const WORDS: [&str; 6] = [
    "histogram_quantile",
    "label_replace",
    "max_over_time",
    "group_left",
    "group_right",
    "__name__",
];

#[track_caller]
fn nothing_of(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Runs a tool of Prometheus at the root of the repository. Returns its output.
#[track_caller]
fn run(tool: &str, arguments: &[&str]) -> String {
    let ended = Command::new(tool)
        .args(arguments)
        .current_dir(root())
        .output();
    let ended = ended.unwrap_or_else(|error| {
        panic!("{tool}: {error}; apt-get install prometheus prometheus-alertmanager brings it")
    });
    let (output, errors) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(
        ended.status.success(),
        "{tool} {arguments:?}\n{output}\n{errors}"
    );
    output.into_owned()
}

#[test]
fn prometheus_takes_its_configuration_and_all_rules() {
    let output = run(
        "promtool",
        &["check", "config", "deploy/prometheus/prometheus.yml"],
    );
    let taken = format!(
        "{} rule files found",
        files("deploy/prometheus/alerts", ".yml").len()
    );
    assert!(output.contains(&taken), "{output}");
}

#[test]
fn every_alert_behaves_as_in_its_tests() {
    let files = test_files();
    let paths = files.iter().map(String::as_str);
    let arguments: Vec<&str> = ["test", "rules"].into_iter().chain(paths).collect();
    run("promtool", &arguments);
}

#[test]
fn alertmanager_takes_its_configuration_and_sends_each_severity_to_its_readers() {
    run("amtool", &["check-config", ALERTMANAGER]);
    let file = format!("--config.file={ALERTMANAGER}");
    // An alert with an unknown severity, or with none, is sent too.
    for (severity, receiver) in RECEIVERS.into_iter().chain([("new", "team")]) {
        let severity = format!("severity={severity}");
        let output = run(
            "amtool",
            &[
                "config",
                "routes",
                "test",
                &file,
                &severity,
                "component=broker",
            ],
        );
        assert_eq!(output.trim(), receiver, "{severity}");
    }
}

#[test]
fn the_routes_and_inhibitions_name_alerts_that_exist() {
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    let content = read(ALERTMANAGER);
    let mut problems = Vec::new();
    let mut seen = 0;
    for (number, line) in (1..).zip(content.lines()) {
        for rest in line.split("PayNow").skip(1) {
            // A pattern like `(A|B.+)`, or a plain name.
            let pattern = rest.split(['"', ',', ']']).next().unwrap_or_default();
            for part in pattern
                .split(['|', '(', ')'])
                .filter(|part| !part.trim().is_empty())
            {
                let part = part.trim();
                let fits = |name: &&&str| match part.strip_suffix(".+") {
                    Some(beginning) => name[6..].starts_with(beginning),
                    None => name[6..].contains(part),
                };
                seen += 1;
                if !names.iter().any(|name| fits(&name)) && !line.trim_start().starts_with('#') {
                    problems.push(format!("{ALERTMANAGER}:{number}: {part}"));
                }
            }
        }
    }
    nothing_of(&problems);
    assert!(seen > 30, "{seen} names only: the scan is broken");
}

#[test]
fn every_alert_has_a_severity_a_part_texts_and_a_link_with_its_name() {
    let mut problems = Vec::new();
    for alert in alerts() {
        let field = |key: &str| {
            alert
                .fields
                .get(key)
                .map(String::as_str)
                .unwrap_or_default()
        };
        let mut wrong = |what: &str| problems.push(format!("{}: {what}", alert.place));
        if !alert.name.starts_with("PayNow") {
            wrong("its name does not begin with PayNow");
        }
        if !RECEIVERS
            .iter()
            .any(|(severity, _to)| *severity == field("severity"))
        {
            wrong("severity");
        }
        for key in ["component", "summary", "description"] {
            if field(key).is_empty() {
                wrong(key);
            }
        }
        let link = format!("{{{{ $externalLabels.runbooks }}}}/{}.md", alert.name);
        if field("runbook_url") != link {
            wrong("runbook_url");
        }
        match console_page(&alert) {
            None => wrong("console_url"),
            Some(page) => {
                let sentence = format!("\nThe console shows it at `{page}`.\n");
                if !read(&format!("{RUNBOOKS}/{}.md", alert.name)).contains(&sentence) {
                    wrong(&format!("its runbook does not name {page}"));
                }
            }
        }
    }
    nothing_of(&problems);
    let prometheus = read("deploy/prometheus/prometheus.yml");
    let folder = |line: &str| line.trim().starts_with("runbooks: ") && line.ends_with("/runbooks");
    assert!(prometheus.lines().any(folder), "no label for the runbooks");
}

#[test]
fn every_alert_is_seen_silent_and_firing() {
    let expectations = expectations();
    let seen = |alert: &str, is_silent| {
        let mut of_alert = expectations.iter().filter(|it| it.alert == alert);
        of_alert.any(|it| it.is_silent == is_silent)
    };
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.name).collect();
    let missing = names.iter().flat_map(|name| {
        [("silent", true), ("firing", false)]
            .into_iter()
            .filter(|(_word, is_silent)| !seen(name, *is_silent))
            .map(move |(word, _is_silent)| format!("{name}: no test shows it {word}"))
    });
    nothing_of(&missing.collect::<Vec<_>>());
    // A test of an alert that no longer exists would never fail.
    let unknown = expectations.iter().filter(|it| !names.contains(&it.alert));
    nothing_of(
        &unknown
            .map(|it| format!("no alert {}", it.alert))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_metric_of_a_rule_is_reported_by_some_program() {
    let all = rules();
    let recorded: BTreeSet<&str> = all.iter().map(|rule| rule.name.as_str()).collect();
    let rows = guide_table("Metric");
    let ours: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let labels: BTreeSet<&str> = rows.iter().flat_map(|row| row[2].split(", ")).collect();
    let of_histogram = |name: &str| {
        ["_bucket", "_count", "_sum"].iter().any(|ending| {
            name.strip_suffix(ending)
                .is_some_and(|name| ours.contains(name))
        })
    };
    let mut problems = Vec::new();
    for rule in &all {
        for name in rule.names() {
            let is_foreign = FOREIGN.iter().any(|prefix| name.starts_with(prefix));
            let is_known = recorded.contains(name) || ours.contains(name) || of_histogram(name);
            if !is_foreign && !is_known && !labels.contains(name) && !WORDS.contains(&name) {
                problems.push(format!("{}: {name}", rule.place));
            }
        }
    }
    nothing_of(&problems);
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.name).collect();
    let paths = files(RUNBOOKS, ".md");
    let titles: BTreeSet<String> = paths
        .iter()
        .filter_map(|path| {
            path.strip_prefix(RUNBOOKS)?
                .strip_prefix('/')?
                .strip_suffix(".md")
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(titles, names);

    let mut problems = Vec::new();
    for path in &paths {
        let content = read(path);
        let lines: Vec<&str> = content.lines().collect();
        let headings: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| line.starts_with("## "))
            .collect();
        if headings != HEADINGS {
            problems.push(format!("{path}: {headings:?}"));
        }
        if !RUNBOOK_LINES.contains(&lines.len()) {
            problems.push(format!("{path}: {} lines", lines.len()));
        }
        if lines.first() != Some(&format!("# {}", title(path)).as_str()) {
            problems.push(format!("{path}:1: its title is not its name"));
        }
        // Diagnosis and mitigation each need a command.
        let parts: Vec<&str> = content.split("\n## ").collect();
        if parts.iter().filter(|part| part.contains("```sh\n")).count() < 2 {
            problems.push(format!(
                "{path}: no command for the diagnosis, or none for the mitigation"
            ));
        }
        problems.extend(dead_links(path, &content));
    }
    nothing_of(&problems);
}

fn title(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.trim_end_matches(".md")
}

/// Links to files that do not exist.
fn dead_links(path: &str, content: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _name)| folder);
    let targets = content
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://"));
    let dead = targets.filter(|target| {
        let file = target.split('#').next().unwrap_or_default();
        !root().join(folder).join(file).exists()
    });
    dead.map(|target| format!("{path}: no {target}")).collect()
}

#[test]
fn the_table_lists_every_alert_once_with_its_severities() {
    let mut severities: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for alert in alerts() {
        let severity = alert.fields["severity"].clone();
        severities.entry(alert.name).or_default().insert(severity);
    }
    let expected: Vec<String> = severities
        .into_iter()
        .map(|(name, severities)| {
            let severities = Vec::from_iter(severities).join(", ");
            format!("| [{name}](runbooks/{name}.md) | {severities} |")
        })
        .collect();

    let guide = read("ops/alerts.md");
    let rows = guide.lines().filter(|line| line.starts_with("| ["));
    let mut listed: Vec<String> = rows
        .map(|row| row.splitn(4, '|').take(3).collect::<Vec<_>>().join("|") + "|")
        .collect();
    listed.sort();

    assert_eq!(listed, expected);
    nothing_of(&dead_links("ops/alerts.md", &guide));
}

#[test]
fn every_command_of_the_guides_exists() {
    let mut helps = Helps::default();
    let mut problems = Vec::new();
    let mut seen = 0;
    for path in files(RUNBOOKS, ".md").iter().chain(&files("ops", ".md")) {
        for command in commands_in(path) {
            seen += 1;
            problems.extend(command.problem(&mut helps));
        }
    }
    nothing_of(&problems);
    assert!(seen > 100, "{seen} commands only: the scan is broken");
}
