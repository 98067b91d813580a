//! The worker as one value: built from its settings, run until it is asked to stop. It runs sessions.
//! After a failed session it pauses and checks the database; such a pause is no attempt of any event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paynow_process::admin::{AdminServer, Readiness};
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::broker::{Publisher, PublisherSettings};
use paynow_process::catalog;
use paynow_process::certificate;
use paynow_process::clock;
use paynow_process::exit::Fatal;
use paynow_process::observe::{Observable, Stopped};
use paynow_process::secrets::reload::watched;
use paynow_process::telemetry;
use paynow_shared::topology::DEFAULT_EXCHANGE;
use strum::IntoEnumIterator;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ask::Asker;
use crate::attempt::Rules;
use crate::beside::{housekeeping, look, probe, survey};
use crate::catalog::CATALOG;
use crate::config::{Config, RetentionSettings, SurveySettings};
use crate::crash_marks::CrashMarks;
use crate::database::{DatabaseError, blocking};
use crate::ended::SessionEnded;
use crate::handoff::Handoff;
use crate::ledger::plan::Outcome;
use crate::observe::events::{start_outcomes, start_rungs};
use crate::observe::sessions::{Consuming, Listening, Paused};
use crate::progress::Progress;
use crate::proof::ProofKeys;
use crate::session::Session;
use crate::waiting::NoteWriter;

/// Long, because no program waits for the answer while an event is handed on.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Enough for full batches of dead letters in all lanes, so that the publisher is never overloaded.
const PUBLISH_IN_FLIGHT_MAX: usize = 65_536;
/// After a session that lasted this long, the waits start small again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

pub struct App {
    session: Session,
    retention: RetentionSettings,
    survey: SurveySettings,
    note_writer: NoteWriter,
    admin: AdminServer,
    readiness: watch::Sender<Readiness>,
    publisher_tasks: JoinSet<()>,
    stop_publisher: CancellationToken,
}

impl App {
    /// Binds the admin address and starts the publisher. Must be called inside a tokio runtime.
    pub fn build(config: Config) -> Result<Self, Fatal> {
        let metrics = telemetry::start_metrics("paynow-worker", &[catalog::CATALOG, CATALOG])
            .map_err(|error| Fatal::failed("could not start metrics", error))?;
        start_outcomes(Outcome::iter().map(Outcome::code));
        start_rungs(&config.ladder);
        let stop_publisher = CancellationToken::new();
        let watched = |secrets| watched(secrets, |_before, _now| {}, stop_publisher.clone());
        let proof_keys = ProofKeys {
            signing: watched(config.signing_secrets)?,
            retired: config.retired_secrets.map(watched).transpose()?,
        };
        let store_id = config.policy.store_id;
        let asker = config
            .paynow_api
            .map(|settings| Arc::new(Asker::new(settings, store_id)));
        let (publisher, publisher_tasks) = Publisher::start(
            &PublisherSettings {
                address: config.broker.clone(),
                name: "paynow-worker-publisher",
                exchange: DEFAULT_EXCHANGE,
                lanes: 1,
                timeout: PUBLISH_TIMEOUT,
                in_flight_max: PUBLISH_IN_FLIGHT_MAX,
                wait_max: None,
            },
            &stop_publisher,
        );
        let (readiness, current) = watch::channel(Err("starting"));
        let progress = Arc::new(Progress::new(config.lanes.count, config.stall_after));
        let (waiting, note_writer) = NoteWriter::start(config.database.clone());
        let handoff = Arc::new(Handoff {
            publisher,
            ladder: config.ladder,
            waiting,
        });
        let (held, publishes) = (Arc::clone(&progress), Arc::clone(&handoff));
        let ready =
            Arc::new(move || (*current.borrow()).and_then(|()| not_stuck(&held, &publishes)));
        let admin = AdminServer::start(config.admin_address, metrics, ready).map_err(|error| {
            Fatal::failed(
                format!("could not listen on {}", config.admin_address),
                error,
            )
        })?;
        Listening {
            admin_address: admin.address(),
        }
        .emit();
        let session = Session {
            broker: config.broker,
            database: config.database,
            lanes: config.lanes,
            rules: Arc::new(Rules {
                proof_keys,
                policy: config.policy,
                asker,
            }),
            crash_marks: CrashMarks::new(process_id()),
            handoff,
            progress,
        };
        Ok(Self {
            session,
            retention: config.retention,
            survey: config.survey,
            note_writer,
            admin,
            readiness,
            publisher_tasks,
            stop_publisher,
        })
    }

    /// Runs until `stop`, then settles the batches that are being handled and ends.
    pub async fn run_until(mut self, stop: CancellationToken) -> Result<(), Fatal> {
        let mut background = self.start_background_tasks();
        let mut backoff = ReconnectBackoff::new();
        while !stop.is_cancelled() {
            let started = Instant::now();
            let checked = tokio::select! {
                checked = self.check_database() => checked,
                () = stop.cancelled() => Err(SessionEnded::Stopped),
            };
            let ended = match checked {
                Ok(()) => self.session.run(&stop, || self.enter(Ok(()))).await,
                Err(ended) => ended,
            };
            if started.elapsed() >= GOOD_SESSION {
                backoff.reset();
            }
            self.enter(Err(ended.not_ready()));
            if !ended.is_databases_fault() {
                self.session.progress.release();
            }
            let Some(cause) = ended.pause_cause() else {
                break;
            };
            let (error, wait) = (&ended, backoff.next_wait());
            Paused { cause, error, wait }.emit();
            let _stopped = tokio::time::timeout(wait, stop.cancelled()).await;
        }
        self.note_writer.finish().await;
        // These tasks are not waited for: the check of a large ledger takes minutes.
        background.shutdown().await;
        self.stop_publisher.cancel();
        while self.publisher_tasks.join_next().await.is_some() {}
        self.admin.stop().await;
        Stopped.emit();
        Ok(())
    }

    /// Starts the tasks that run during and between all sessions.
    fn start_background_tasks(&self) -> JoinSet<()> {
        let database = &self.session.database;
        let progress = &self.session.progress;
        let peers = [Some(self.session.broker.tls_peer()), database.tls_peer()];
        let peers = peers.into_iter().flatten().collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(housekeeping::run(database.clone(), self.retention));
        tasks.spawn(survey::run(database.clone(), self.survey));
        tasks.spawn(probe::run(database.clone(), Arc::clone(progress)));
        tasks.spawn(look::run(database.clone(), self.survey));
        tasks.spawn(certificate::watch(peers));
        let report = Arc::clone(progress).report();
        tasks.spawn(async { match report.await {} });
        tasks
    }

    /// Checks the database first, because messages that cannot be applied should stay in the queue.
    async fn check_database(&self) -> Result<(), SessionEnded> {
        let database = self.session.database.clone();
        match blocking(move || database.connect().map(drop)).await {
            Err(behind @ DatabaseError::SchemaBehind) => Err(SessionEnded::Schema(behind)),
            result => Ok(result?),
        }
    }

    fn enter(&self, readiness: Readiness) {
        Consuming(readiness.is_ok()).emit();
        let _previous = self.readiness.send_replace(readiness);
    }
}

/// A worker whose session goes on may still be stuck: a server that says nothing reports no error.
fn not_stuck(held: &Progress, publishes: &Handoff) -> Readiness {
    match held.not_ready() {
        Some(reason) => Err(reason),
        None if publishes.is_disconnected() => Err("broker"),
        None => Ok(()),
    }
}

/// A number that no earlier process had, for [`CrashMarks`].
fn process_id() -> i64 {
    clock::now_ms()
        .wrapping_mul(1 << 20)
        .wrapping_add(i64::from(std::process::id()))
}
