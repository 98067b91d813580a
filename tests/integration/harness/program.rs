//! Our programs as processes: starts them with an environment of their own, keeps their output, and
//! stops or kills them.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::wait::eventually;

/// The exit code and output of a program that ran to its end.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// A running receiver or worker.
pub(crate) struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program of this name or file with only these variables in its environment.
    pub(crate) fn start(name: &str, log: PathBuf, variables: &[(String, String)]) -> Self {
        let output = File::create(&log).expect("the log file can be made");
        let errors = output.try_clone().expect("a file handle can be cloned");
        let child = command(name, variables)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// Runs a program to its end.
    pub(crate) fn run(name: &str, variables: &[(String, String)], arguments: &[&str]) -> Outcome {
        let output = command(name, variables)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
        }
    }

    /// Sends SIGKILL, so that the process cannot clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a process of ours can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Sends SIGTERM and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, given as the option of `kill`.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(
            self.try_signal(signal),
            "{} had already ended: {}",
            self.name,
            self.log()
        );
    }

    /// The same for a program that may have ended. Returns whether it still runs.
    pub(crate) fn try_signal(&self, signal: &str) -> bool {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status()
            .expect("kill runs");
        status.success()
    }

    /// Waits for the end of a program that was asked to stop.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually(&format!("{} ends", self.name), || self.status())
    }

    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        let status = self.ended();
        assert!(
            status.success(),
            "{} ended with {status}: {}",
            self.name,
            self.log()
        );
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// What it has logged so far. A thread of its own writes the log, so what a test has just seen happen may not stand in it
    /// yet: see [`Program::await_log`] and [`Program::whole_log`].
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Waits until its log contains `text`, and returns the log.
    #[track_caller]
    pub(crate) fn await_log(&self, text: &str) -> String {
        eventually(&format!("{} logs {text:?}", self.name), || {
            Some(self.log()).filter(|log| log.contains(text))
        })
    }

    /// Stops it, and returns everything that it logged.
    #[track_caller]
    pub(crate) fn whole_log(&mut self) -> String {
        self.stop();
        self.log()
    }

    /// How many files and connections it has open.
    pub(crate) fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        files.expect("the process runs").count()
    }

    /// The highest resident memory so far, in MiB.
    pub(crate) fn memory_peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the process runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .expect("Linux has VmHWM");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .unwrap();
        kib / 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A failing test must not leave programs running.
        if self.is_running() {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

fn command(name: &str, variables: &[(String, String)]) -> Command {
    // target/<profile>/deps/integration-<hash>
    let here = std::env::current_exe().expect("a process knows its file");
    let binaries = here
        .parent()
        .and_then(|deps| deps.parent())
        .expect("deps is in the profile");
    let path = binaries.join(name);
    assert!(
        path.exists(),
        "{} is not built: cargo build --workspace --bins",
        path.display()
    );
    let mut command = Command::new(path);
    command.env_clear().envs(variables.iter().cloned());
    command
}
