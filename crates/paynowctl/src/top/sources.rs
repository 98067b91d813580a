//! Everything is asked at the same time, each source on a thread of its own, so that one which
//! hangs holds up neither the others nor the keys.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use paynow_process::clock;
use paynow_process::environment::SettingError;

use super::options::TopOptions;
use super::sample::{Asked, Books, Broker, Sample, Scrape, Silent, Told};
use super::scrape::Target;
use super::{books, broker};
use crate::config::Config;
use crate::management::ManagementApi;

/// Nobody watches a screen that does not move.
const ANSWER_LIMIT_MAX: Duration = Duration::from_secs(5);

type Processes = BTreeMap<String, Told<Scrape>>;

pub(super) struct Sources {
    began: Instant,
    limit: Duration,
    /// With what to call each as long as nothing behind it is known.
    targets: Vec<(String, Source<Processes>)>,
    broker: Asked<Source<Told<Broker>>>,
    books: Asked<Source<Told<Books>>>,
}

impl Sources {
    pub(super) fn new(options: &TopOptions, config: &Config) -> Self {
        let began = Instant::now();
        let interval = Duration::from_secs(options.interval.into());
        let limit = interval.min(ANSWER_LIMIT_MAX);
        let targets = options.metrics.iter().map(|url| {
            let target = Target::new(url.clone(), limit, began);
            (target.label(), Source::start(move || target.scrape()))
        });
        // A setting that is missing takes its part away, not the rest.
        let broker = config.management().map(|settings| {
            let api = ManagementApi::new(settings);
            Source::start(move || broker::ask(&api))
        });
        let books = config
            .database_url()
            .map(|url| Source::start(move || books::ask(&url)));
        Self {
            began,
            limit,
            targets: targets.collect(),
            broker: broker.map_err(not_asked),
            books: books.map_err(not_asked),
        }
    }

    /// Takes as long as the slowest source, but no longer than the limit.
    pub(super) fn look(&mut self) -> Sample {
        let deadline = Instant::now() + self.limit;
        for (_label, target) in &mut self.targets {
            target.ask();
        }
        ask(&mut self.broker);
        ask(&mut self.books);
        let mut processes = Processes::new();
        for (label, target) in &mut self.targets {
            match target.answer(deadline) {
                Ok(told) => processes.extend(told),
                Err(late) => {
                    processes.insert(label.clone(), Err(late));
                }
            }
        }
        Sample {
            processes,
            broker: answer(&mut self.broker, deadline),
            books: answer(&mut self.books, deadline),
            at: self.began.elapsed().as_secs_f64(),
            taken_at_ms: clock::now_ms(),
        }
    }
}

fn not_asked(error: SettingError) -> Silent {
    Silent::NotAsked(error.to_string())
}

fn ask<T>(source: &mut Asked<Source<Told<T>>>) {
    if let Ok(source) = source {
        source.ask();
    }
}

fn answer<T>(source: &mut Asked<Source<Told<T>>>, deadline: Instant) -> Asked<T> {
    match source {
        Ok(source) => {
            let told = source.answer(deadline).flatten();
            told.map_err(Silent::NoAnswer)
        }
        Err(silent) => Err(silent.clone()),
    }
}

/// Something that is asked again and again.
struct Source<T> {
    questions: SyncSender<()>,
    answers: Receiver<T>,
    /// It has a question that it did not answer yet.
    is_asked: bool,
    asked_at: Instant,
}

impl<T: Send + 'static> Source<T> {
    fn start(mut work: impl FnMut() -> T + Send + 'static) -> Self {
        let (questions, asked) = sync_channel(1);
        let (answered, answers) = sync_channel(1);
        // Never joined: a source that hangs must not keep the program from ending.
        let _detached =
            thread::spawn(
                move || {
                    while asked.recv().is_ok() && answered.send(work()).is_ok() {}
                },
            );
        Self {
            questions,
            answers,
            is_asked: false,
            asked_at: Instant::now(),
        }
    }
}

impl<T> Source<T> {
    fn ask(&mut self) {
        // What came too late for its own look is old by now.
        if self.is_asked && self.answers.try_recv().is_ok() {
            self.is_asked = false;
        }
        if !self.is_asked {
            self.is_asked = self.questions.try_send(()).is_ok();
            self.asked_at = Instant::now();
        }
    }

    fn answer(&mut self, deadline: Instant) -> Told<T> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.answers.recv_timeout(left) {
            Ok(answer) => {
                self.is_asked = false;
                Ok(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                let waited = self.asked_at.elapsed().as_secs();
                Err(format!("no answer for {waited}s"))
            }
            Err(RecvTimeoutError::Disconnected) => Err("the question broke off".to_owned()),
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
        let told = source.answer(Instant::now() + LONG);
        assert_eq!(told, Ok(Ok(1)));
    }
}
