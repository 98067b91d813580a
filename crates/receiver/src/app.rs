//! The receiver as one value: built from its settings, run until it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use actix_web::web::{Data, ServiceConfig};
use paynow_process::admin::{AdminServer, Readiness, ReadinessCheck};
use paynow_process::broker::{PublishError, Publisher, PublisherSettings};
use paynow_process::catalog;
use paynow_process::certificate;
use paynow_process::exit::Fatal;
use paynow_process::observe::{Observable, Stopped};
use paynow_process::program;
use paynow_process::secrets::SigningSecret;
use paynow_process::secrets::reload::watched;
use paynow_process::telemetry;
use paynow_shared::topology::EVENTS_EXCHANGE;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::failures::Failures;
use crate::http::{ReceiverState, refuse_head, routes};
use crate::observe;
use crate::observe::sockets::Listening;
use crate::socket::server::{self, Handlers, ServerLimits};

/// While the broker is behind by more than this, new webhooks are refused: PayNow sends them again, and
/// those that are accepted are answered soon.
const BROKER_LAG_MAX: Duration = Duration::from_millis(100);
/// Time for a load balancer to see that we are not ready before connections are refused.
const READINESS_LEAD: Duration = Duration::from_millis(500);

pub struct App {
    server: Server,
    admin: AdminServer,
    address: SocketAddr,
    draining: Arc<AtomicBool>,
    lanes: JoinSet<()>,
    stop_lanes: CancellationToken,
}

impl App {
    /// Binds both addresses and starts the publisher. Must be called inside a tokio runtime.
    pub fn build(config: Config) -> Result<Self, Fatal> {
        let metrics =
            telemetry::start_metrics("paynow-receiver", &[catalog::CATALOG, observe::CATALOG])
                .map_err(|error| Fatal::failed("could not start metrics", error))?;
        let secret_ids = config.secrets.secrets.iter().map(SigningSecret::id);
        secret_ids.for_each(observe::secrets::start);
        let stop_lanes = CancellationToken::new();
        let peers = vec![config.broker.tls_peer()];
        tokio::spawn(certificate::watch(peers));
        let (on_replaced, stop) = (observe::secrets::replaced, stop_lanes.clone());
        let secrets = watched(config.secrets, on_replaced, stop)?;
        let (publisher, lanes) = Publisher::start(
            &PublisherSettings {
                address: config.broker,
                name: "paynow-receiver",
                exchange: EVENTS_EXCHANGE,
                // One lane and its broker keep two cores busy; each further lane needs further cores.
                lanes: program::half_the_cores(),
                timeout: config.publish_timeout,
                in_flight_max: config.in_flight_max,
                wait_max: Some(BROKER_LAG_MAX),
            },
            &stop_lanes,
        );
        let draining = Arc::new(AtomicBool::new(false));
        let publisher = Arc::new(publisher);
        let ready = readiness(Arc::clone(&draining), Arc::clone(&publisher));
        let state = Data::new(ReceiverState {
            sources: config.sources,
            failures: Failures::new(config.failure_limits, Instant::now()),
            stale: Failures::new(config.failure_limits, Instant::now()),
            secrets,
            tolerance: config.tolerance,
            body_limit_bytes: config.body_limit_bytes,
            publisher,
            ready: Arc::clone(&ready),
        });
        let handlers = Handlers {
            routes: move |config: &mut ServiceConfig| routes(config, state.clone()),
            refuse_head,
        };
        let limits = ServerLimits {
            connections: config.connections_max,
            body_bytes: config.body_memory_bytes,
            body_limit_bytes: config.body_limit_bytes,
            client_timeout: config.client_timeout,
        };
        let (server, address) = server::start(config.address, handlers, limits)
            .map_err(|error| cannot_listen(config.address, error))?;
        let admin = AdminServer::start(config.admin_address, metrics, ready)
            .map_err(|error| cannot_listen(config.admin_address, error))?;
        Listening {
            address,
            admin_address: admin.address(),
        }
        .emit();
        Ok(Self {
            server,
            admin,
            address,
            draining,
            lanes,
            stop_lanes,
        })
    }

    /// The address that takes webhooks, with the real port where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`. Then it reports that it is not ready, accepts no more connections, finishes the
    /// requests in flight and closes its connections to the broker.
    pub async fn run_until(mut self, stop: CancellationToken) -> Result<(), Fatal> {
        let handle = self.server.handle();
        let draining = Arc::clone(&self.draining);
        let drained = tokio::spawn(async move {
            stop.cancelled().await;
            draining.store(true, Ordering::Relaxed);
            tokio::time::sleep(READINESS_LEAD).await;
            handle.stop(true).await;
        });
        let served = self.server.await;
        drained.abort();
        self.stop_lanes.cancel();
        while self.lanes.join_next().await.is_some() {}
        self.admin.stop().await;
        Stopped.emit();
        served.map_err(|error| Fatal::failed("the HTTP server failed", error))
    }
}

fn cannot_listen(address: SocketAddr, error: std::io::Error) -> Fatal {
    Fatal::failed(format!("could not listen on {address}"), error)
}

fn readiness(draining: Arc<AtomicBool>, publisher: Arc<Publisher>) -> ReadinessCheck {
    Arc::new(move || -> Readiness {
        if draining.load(Ordering::Relaxed) {
            return Err("draining");
        }
        publisher.ready().map_err(|error| match error {
            PublishError::Blocked => "blocked",
            PublishError::Nacked
            | PublishError::Returned
            | PublishError::TimedOut
            | PublishError::Overloaded
            | PublishError::Disconnected => "disconnected",
        })
    })
}
