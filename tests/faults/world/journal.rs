//! What happened when.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use paynow_process::clock;

use super::lock;

/// Lines with the time since the trial began, in memory and in a file.
pub(crate) struct Journal {
    /// The same moment on a clock that only rises, and as Unix milliseconds.
    began: Mutex<(Instant, i64)>,
    lines: Mutex<Vec<String>>,
    file: Mutex<Option<File>>,
}

impl Journal {
    pub(super) fn new(folder: &Path) -> Self {
        let path = folder.join("journal");
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(true).open(path);
        Self {
            began: Mutex::new((Instant::now(), clock::now_ms())),
            lines: Mutex::default(),
            file: Mutex::new(file.ok()),
        }
    }

    /// The trial begins now; until then its programs were started.
    pub(crate) fn begin(&self) {
        *lock(&self.began) = (Instant::now(), clock::now_ms());
    }

    /// The time since the trial began.
    pub(crate) fn now(&self) -> Duration {
        lock(&self.began).0.elapsed()
    }

    /// When it began, in Unix milliseconds.
    pub(crate) fn began_ms(&self) -> i64 {
        lock(&self.began).1
    }

    pub(crate) fn note(&self, what: impl Into<String>) {
        let line = format!("{:8.2}  {}", self.now().as_secs_f64(), what.into());
        if let Some(file) = lock(&self.file).as_mut() {
            // The lines in memory are the ones that count.
            let _written = writeln!(file, "{line}");
        }
        lock(&self.lines).push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }
}
