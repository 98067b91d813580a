//! The worker as one value: built from its settings, run until it is told to stop. It works in
//! sessions; between them it pauses, probes and tries again, and no event is charged for that.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use paynow_process::admin::{AdminServer, Readiness};
use paynow_process::backoff::ReconnectBackoff;
use paynow_process::broker::{Publisher, PublisherSettings};
use paynow_process::catalog;
use paynow_process::certificate;
use paynow_process::clock;
use paynow_process::exit::Fatal;
use paynow_process::observe::{Observable, Stopped};
use paynow_process::telemetry;
use paynow_shared::topology::DEFAULT_EXCHANGE;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::beside::housekeeping;
use crate::beside::survey;
use crate::catalog::CATALOG;
use crate::config::{Config, SurveySettings};
use crate::crash_marks::Bench;
use crate::database::DatabaseError;
use crate::handle::Unavailable;
use crate::observe::{self, Consuming, Listening, Paused};
use crate::session::{Ended, Work};
use crate::settle::Onward;

/// For what is retried or dead: it waits in the worker, so there is no hurry.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// More than all lanes can hold, so that a full batch of dead letters is never an overload.
const PUBLISH_IN_FLIGHT_MAX: usize = 65_536;
/// A session that lasted this long was a good one: the next wait starts small again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

pub struct App {
    work: Work,
    retention_days: u32,
    survey: SurveySettings,
    admin: AdminServer,
    readiness: Arc<Mutex<Readiness>>,
    publisher_tasks: JoinSet<()>,
    stop_publisher: CancellationToken,
}

impl App {
    /// Binds the admin address and starts the publisher. Must be called inside a tokio runtime.
    pub fn build(config: Config) -> Result<Self, Fatal> {
        let metrics = telemetry::start_metrics("paynow-worker", &[catalog::CATALOG, CATALOG])
            .map_err(|error| Fatal::failed("could not start metrics", error))?;
        observe::start_rungs(&config.ladder);
        let stop_publisher = CancellationToken::new();
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
        let readiness = Arc::new(Mutex::new(Err("starting")));
        let asked = Arc::clone(&readiness);
        let ready = Arc::new(move || *asked.lock().unwrap_or_else(PoisonError::into_inner));
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
        let work = Work {
            broker: config.broker,
            database: config.database,
            lanes: config.lanes,
            policy: Arc::new(config.policy),
            bench: Bench::new(process_id()),
            onward: Arc::new(Onward {
                publisher,
                ladder: config.ladder,
            }),
        };
        Ok(Self {
            work,
            retention_days: config.retention_days,
            survey: config.survey,
            admin,
            readiness,
            publisher_tasks,
            stop_publisher,
        })
    }

    /// Works until `stop`, then finishes what is in hand, settles it and says goodbye.
    pub async fn run_until(mut self, stop: CancellationToken) -> Result<(), Fatal> {
        let mut beside = self.start_beside();
        let mut backoff = ReconnectBackoff::new();
        while !stop.is_cancelled() {
            let started = Instant::now();
            let probed = tokio::select! {
                probed = self.probe() => probed,
                () = stop.cancelled() => Err(Ended::Stopped),
            };
            let ended = match probed {
                Ok(()) => self.work.session(&stop, || self.enter(Ok(()))).await,
                Err(ended) => ended,
            };
            if started.elapsed() >= GOOD_SESSION {
                backoff.reset();
            }
            self.enter(Err(match &ended {
                Ended::Stopped => "draining",
                Ended::Broker(_) | Ended::Settle(_) => "broker",
                Ended::Database(_) => "database",
                Ended::Schema(_) => "schema",
                Ended::Panicked => "restarting",
            }));
            if let Ended::Stopped = ended {
                break;
            }
            let wait = backoff.next_wait();
            Paused {
                ended: &ended,
                wait,
            }
            .emit();
            let _stopped = tokio::time::timeout(wait, stop.cancelled()).await;
        }
        // None of it is worth waiting for: a look at a ledger of years takes minutes.
        beside.shutdown().await;
        self.stop_publisher.cancel();
        while self.publisher_tasks.join_next().await.is_some() {}
        self.admin.stop().await;
        Stopped.emit();
        Ok(())
    }

    /// What goes on beside the work.
    fn start_beside(&self) -> JoinSet<()> {
        let database = &self.work.database;
        let peers = [Some(self.work.broker.tls_peer()), database.tls_peer()];
        let peers = peers.into_iter().flatten().collect();
        let mut beside = JoinSet::new();
        beside.spawn(housekeeping::run(database.clone(), self.retention_days));
        beside.spawn(survey::run(database.clone(), self.survey));
        beside.spawn(certificate::watch(peers));
        beside
    }

    /// Taking messages that cannot be applied would only hand them back.
    async fn probe(&self) -> Result<(), Ended> {
        let database = self.work.database.clone();
        let probed = tokio::task::spawn_blocking(move || database.connect().map(drop)).await;
        match probed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(behind @ DatabaseError::SchemaBehind)) => Err(Ended::Schema(behind)),
            Ok(Err(error)) => Err(Unavailable(error.to_string()).into()),
            Err(panicked) => Err(Unavailable(panicked.to_string()).into()),
        }
    }

    fn enter(&self, readiness: Readiness) {
        Consuming(readiness.is_ok()).emit();
        *self
            .readiness
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = readiness;
    }
}

/// Different for every process that ever ran, as far as a mark in the database cares.
fn process_id() -> i64 {
    clock::now_ms()
        .wrapping_mul(1 << 20)
        .wrapping_add(i64::from(std::process::id()))
}
