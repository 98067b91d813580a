//! The systemd units are valid and as closed as the guide says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{run, shipped};

const GUIDE: &str = "ops/plain-server.md";
const UNITS: [&str; 4] = [
    "paynow-console.service",
    "paynow-receiver.service",
    "paynow-setup.service",
    "paynow-worker@.service",
];

/// The units with programs that exist on this machine. An instance stands for its template.
fn rendered() -> Vec<(&'static str, PathBuf)> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("units");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let rendered = UNITS.map(|name| {
        let path = shipped("deploy/debian/units").join(name);
        let text = fs::read_to_string(path).expect("it is shipped");
        let exists = text
            .replace("/usr/bin/paynow", "/bin/true paynow")
            .replace("man:", "https://");
        let path = folder.join(name.replace('@', "@9465"));
        fs::write(&path, exists).expect("it can be written");
        (name, path)
    });
    rendered.to_vec()
}

/// The exposure that the guide states for a unit, from 0 (closed) to 10.
fn stated(unit: &str) -> f64 {
    let guide = fs::read_to_string(shipped(GUIDE)).expect("it is there");
    let row = guide
        .lines()
        .find(|line| line.starts_with(&format!("| `{unit}` |")));
    let cell = row.and_then(|row| row.split('|').nth(2));
    cell.unwrap_or_else(|| panic!("{GUIDE} states no exposure of {unit}"))
        .trim()
        .parse()
        .expect("a number")
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    for (name, path) in rendered() {
        let output = run(Command::new("systemd-analyze").arg("verify").arg(&path));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let of_ours: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("paynow"))
            .collect();
        assert!(
            output.status.success() && of_ours.is_empty(),
            "{name}: {said}"
        );
    }
}

#[test]
fn the_units_are_as_closed_as_the_guide_says() {
    for (name, path) in rendered() {
        let output = run(Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(&path));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains("Overall exposure level"));
        let line = line.unwrap_or_else(|| panic!("{name}: {output:?}"));
        let level = line
            .rsplit(": ")
            .next()
            .and_then(|rest| rest.split(' ').next());
        let level: f64 = level.expect("a level").parse().expect("a number");
        assert!((level - stated(name)).abs() < 0.01, "{name}: {line}");
    }
}
