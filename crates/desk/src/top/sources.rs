//! Asks every source at the same time, each on its own thread, so that a source that hangs delays
//! neither the others nor the keyboard.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use paynow_process::clock;
use paynow_process::environment::SettingError;
use url::Url;

use super::scrape::Target;
use super::snapshot::{Answer, Broker, DatabaseState, Reading, Scrape, Snapshot, Unknown};
use super::{broker, database};
use crate::database::Database;
use crate::management::ManagementApi;

/// A long interval must not delay the message that a source does not answer.
const ANSWER_LIMIT_MAX: Duration = Duration::from_secs(5);

type Processes = BTreeMap<String, Answer<Scrape>>;

/// Where to ask, and how often. A source whose setting is missing is unknown, and the others are asked.
pub struct Asked {
    /// The metrics of receivers and workers.
    pub metrics: Vec<Url>,
    pub broker: Result<ManagementApi, SettingError>,
    pub database: Result<Database, SettingError>,
    pub interval: Duration,
}

pub struct Sources {
    started: Instant,
    /// How long to wait for the slowest source.
    limit: Duration,
    /// Each with its label.
    targets: Vec<(String, Source<Processes>)>,
    broker: Reading<Source<Answer<Broker>>>,
    database: Reading<Source<Answer<DatabaseState>>>,
}

impl Sources {
    pub fn new(asked: Asked) -> Self {
        let started = Instant::now();
        let limit = asked.interval.min(ANSWER_LIMIT_MAX);
        let targets = asked.metrics.into_iter().map(|url| {
            let target = Target::new(url, limit, started);
            (target.label(), Source::start(move || target.scrape()))
        });
        let broker = asked
            .broker
            .map(|api| Source::start(move || broker::ask(&api)));
        let database = asked
            .database
            .map(|database| database.within(ANSWER_LIMIT_MAX))
            .map(|database| Source::start(move || database::ask(&database)));
        Self {
            started,
            limit,
            targets: targets.collect(),
            broker: broker.map_err(not_configured),
            database: database.map_err(not_configured),
        }
    }

    pub fn snapshot(&mut self) -> Snapshot {
        let deadline = Instant::now() + self.limit;
        for (_label, target) in &mut self.targets {
            target.ask();
        }
        ask(&mut self.broker);
        ask(&mut self.database);
        let mut processes = Processes::new();
        for (label, target) in &mut self.targets {
            match target.answer(deadline) {
                Ok(answers) => processes.extend(answers),
                Err(late) => {
                    processes.insert(label.clone(), Err(late));
                }
            }
        }
        Snapshot {
            processes,
            broker: answer(&mut self.broker, deadline),
            database: answer(&mut self.database, deadline),
            at: self.started.elapsed().as_secs_f64(),
            taken_at_ms: clock::now_ms(),
        }
    }
}

fn not_configured(error: SettingError) -> Unknown {
    Unknown::NotConfigured(error.to_string())
}

fn ask<T>(source: &mut Reading<Source<Answer<T>>>) {
    if let Ok(source) = source {
        source.ask();
    }
}

fn answer<T>(source: &mut Reading<Source<Answer<T>>>, deadline: Instant) -> Reading<T> {
    let source = source.as_mut().map_err(|unknown| unknown.clone())?;
    let answer = source.answer(deadline).flatten();
    answer.map_err(Unknown::NoAnswer)
}

/// A thread that answers one request at a time.
struct Source<T> {
    requests: SyncSender<()>,
    answers: Receiver<T>,
    /// When the request was made that has not been answered yet.
    asked_at: Option<Instant>,
}

impl<T: Send + 'static> Source<T> {
    fn start(mut work: impl FnMut() -> T + Send + 'static) -> Self {
        let (requests, requested) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        // Never joined: a source that hangs must not keep the program from ending.
        let _detached =
            thread::spawn(
                move || {
                    while requested.recv().is_ok() && answer.send(work()).is_ok() {}
                },
            );
        Self {
            requests,
            answers,
            asked_at: None,
        }
    }
}

impl<T> Source<T> {
    fn ask(&mut self) {
        // An answer that came too late for its snapshot is outdated.
        if self.answers.try_recv().is_ok() {
            self.asked_at = None;
        }
        if self.asked_at.is_none() && self.requests.try_send(()).is_ok() {
            self.asked_at = Some(Instant::now());
        }
    }

    fn answer(&mut self, deadline: Instant) -> Answer<T> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.answers.recv_timeout(left) {
            Ok(answer) => {
                self.asked_at = None;
                Ok(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                let waited = self
                    .asked_at
                    .map_or(0, |asked_at| asked_at.elapsed().as_secs());
                Err(format!("no answer for {waited}s"))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err("the thread that asks it panicked".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_source_that_hangs_is_late_and_is_not_asked_again() {
        let (release, held) = sync_channel::<u32>(1);
        let mut source = Source::start(move || held.recv());
        source.ask();
        assert_eq!(
            source.answer(Instant::now()).unwrap_err(),
            "no answer for 0s"
        );
        source.ask();
        release.send(1).unwrap();
        let answer = source.answer(Instant::now() + LONG);
        assert_eq!(answer, Ok(Ok(1)));
    }
}
