//! A shell in which a person runs what a page says: our programs, and the tools of this machine.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::Outcome;

pub(super) struct Shell {
    variables: Vec<(String, String)>,
    /// What was said before the command: functions, and variables that were exported.
    before: String,
    folder: PathBuf,
}

impl Shell {
    /// Only these variables are set in it, besides where programs are.
    pub(super) fn with(variables: Vec<(String, String)>) -> Self {
        Self {
            variables,
            before: String::new(),
            folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        }
    }

    /// The same in another folder than usual.
    pub(super) fn at(mut self, folder: PathBuf) -> Self {
        self.folder = folder;
        self
    }

    /// Says this before every later command.
    pub(super) fn remember(&mut self, text: &str) {
        self.before.push_str(text);
        self.before.push('\n');
    }

    /// Runs one command to its end, as it is written. A pipe fails if a part of it does.
    pub(super) fn run(&self, command: &str) -> Outcome {
        let output = Command::new("bash")
            .arg("-c")
            .arg(format!("set -o pipefail\n{}{command}", self.before))
            .env_clear()
            .env("PATH", path())
            .env("HOME", &self.folder)
            .envs(self.variables.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Outcome {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Our programs first, which are beside the folder of this test.
fn path() -> String {
    let here = std::env::current_exe().expect("a process knows its file");
    let programs = here.parent().and_then(|deps| deps.parent());
    let programs = programs.expect("the test is in a folder of its own");
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display())
}

/// Everything that a command printed, in one line for each of its lines and with single spaces: tables align their
/// columns with more.
pub(super) fn flat(outcome: &Outcome) -> String {
    let all = format!("{}\n{}", outcome.stdout, outcome.stderr);
    let lines = all
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}
