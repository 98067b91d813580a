//! A place for one running program.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::harness::Program;

/// A program that ends this soon after its start is not started again at once.
const SOON: Duration = Duration::from_secs(2);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What was asked of the running program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Stop,
    Kill,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) status: ExitStatus,
    /// Whether it ended as it was asked to: killed, or with exit code 0 after it was asked to stop.
    pub(crate) is_right: bool,
}

/// How to start a program, and the one that runs.
pub(crate) struct Slot {
    name: String,
    program: String,
    folder: PathBuf,
    variables: Vec<(String, String)>,
    running: Option<Program>,
    asked: Asked,
    is_wanted: bool,
    starts: u32,
    started_at: Instant,
    start_not_before: Instant,
}

impl Slot {
    pub(super) fn new(
        name: &str,
        program: &str,
        folder: &Path,
        variables: Vec<(String, String)>,
    ) -> Self {
        let now = Instant::now();
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            folder: folder.to_owned(),
            variables,
            running: None,
            asked: Asked::Nothing,
            is_wanted: false,
            starts: 0,
            started_at: now,
            start_not_before: now,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Program::pid)
    }

    /// Whether the supervisor keeps a program running here. One that is no longer wanted is asked to
    /// stop.
    pub(crate) fn set_wanted(&mut self, is_wanted: bool) {
        self.is_wanted = is_wanted;
        if !is_wanted {
            self.ask_to_stop();
        }
    }

    /// Sets a variable for the programs that are started later.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.remove_variable(name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove_variable(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// SIGKILL. The supervisor starts the program again.
    pub(crate) fn kill(&mut self) {
        self.asked = Asked::Kill;
        self.signal("-KILL");
    }

    /// SIGTERM. The program must end with exit code 0, and the supervisor starts it again.
    pub(crate) fn ask_to_stop(&mut self) {
        if self.asked == Asked::Nothing {
            self.asked = Asked::Stop;
        }
        self.signal("-TERM");
    }

    /// Sends another signal, for example `-STOP`, if the program still runs.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(program) = &self.running {
            program.try_signal(signal);
        }
    }

    /// Notices the end of the program, and starts the next one where one is wanted.
    pub(crate) fn tend(&mut self) -> Option<Ended> {
        let ended = self.notice_end();
        if self.is_wanted && self.running.is_none() && Instant::now() >= self.start_not_before {
            self.start();
        }
        ended
    }

    fn notice_end(&mut self) -> Option<Ended> {
        let status = self.running.as_mut()?.status()?;
        self.running = None;
        if self.started_at.elapsed() < SOON {
            self.start_not_before = Instant::now() + WAIT_MAX;
        }
        let is_right = match self.asked {
            Asked::Nothing => false,
            Asked::Stop => status.success(),
            Asked::Kill => true,
        };
        Some(Ended {
            name: format!("{} (start {})", self.name, self.starts),
            status,
            is_right,
        })
    }

    fn start(&mut self) {
        self.starts += 1;
        let log = format!("{}-{}.log", self.name, self.starts);
        let log = self.folder.join(log);
        self.running = Some(Program::start(&self.program, log, &self.variables));
        self.asked = Asked::Nothing;
        self.started_at = Instant::now();
    }
}
