//! What the package brings besides the programs: completions and manual pages, systemd units, and the
//! configurations of proxies with TLS.

mod console;
mod help;
mod public;
mod proxies;
mod tls_proxy;
mod units;

use std::path::PathBuf;
use std::process::{Command, Output};

/// A file of the repository.
fn shipped(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// Runs a tool of this machine to its end.
#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{command:?} does not run: {error}"))
}

/// The same for a tool that must succeed and must not warn. Returns what it printed.
#[track_caller]
fn run_quietly(command: &mut Command) -> String {
    let output = run(command);
    let is_silent = output.stderr.is_empty();
    assert!(
        output.status.success() && is_silent,
        "{command:?}: {output:?}"
    );
    String::from_utf8(output.stdout).expect("it prints text")
}
