//! The console as one value: built from its settings, run until it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as Pages, HttpServer};
use paynow_process::admin::{AdminServer, Readiness, ReadinessCheck};
use paynow_process::exit::Fatal;
use paynow_process::observe::{Observable, Stopped};
use paynow_process::{catalog, telemetry};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::Console;
use crate::observe::{self, Listening};
use crate::runner::Runner;
use crate::serve::{Served, configure};
use crate::{headers, routes};

const CONNECTIONS_MAX: usize = 512;
/// How long a connection may take for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Pages that are open listen without an end: a stop does not wait for them.
const STOP_SECONDS: u64 = 5;

pub struct App {
    server: Server,
    admin: AdminServer,
    address: SocketAddr,
    draining: Arc<AtomicBool>,
    /// Ends the streams of open pages.
    stop_streams: CancellationToken,
    runner: Runner,
}

impl App {
    /// Binds both addresses. Must be called inside a tokio runtime.
    pub fn build(config: Config) -> Result<Self, Fatal> {
        let metrics =
            telemetry::start_metrics("paynow-console", &[catalog::CATALOG, observe::CATALOG])
                .map_err(|error| Fatal::failed("could not start metrics", error))?;
        let (address, admin_address) = (config.address, config.admin_address);
        let is_https = config.public.is_https;
        let console = Console::new(config);
        let stop_streams = console.live.stop.clone();
        let runner = console.runner.clone();
        let served = Served::new(console, routes::routes());
        let server = HttpServer::new(move || {
            Pages::new()
                .wrap(headers::of_every_answer(is_https))
                .configure(|config| configure(config, &served))
        })
        .workers(2)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_TIME)
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals()
        .bind(address)
        .map_err(|error| cannot_listen(address, error))?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let draining = Arc::new(AtomicBool::new(false));
        let admin = AdminServer::start(admin_address, metrics, readiness(Arc::clone(&draining)))
            .map_err(|error| cannot_listen(admin_address, error))?;
        Listening {
            address,
            admin_address: admin.address(),
        }
        .emit();
        Ok(Self {
            server: server.run(),
            admin,
            address,
            draining,
            stop_streams,
            runner,
        })
    }

    /// The address of the pages, with the real port where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`. Then it ends the requests that it has, and its replay, which can be continued.
    pub async fn run_until(self, stop: CancellationToken) -> Result<(), Fatal> {
        let handle = self.server.handle();
        let (draining, stop_streams) = (self.draining, self.stop_streams);
        let stopped = tokio::spawn(async move {
            stop.cancelled().await;
            draining.store(true, Ordering::Relaxed);
            stop_streams.cancel();
            handle.stop(true).await;
        });
        let served = self.server.await;
        stopped.abort();
        self.runner.stop().await;
        self.admin.stop().await;
        Stopped.emit();
        served.map_err(|error| Fatal::failed("the HTTP server failed", error))
    }
}

fn cannot_listen(address: SocketAddr, error: std::io::Error) -> Fatal {
    Fatal::failed(format!("could not listen on {address}"), error)
}

/// The console is ready while it takes requests: without the database its pages say what is missing.
fn readiness(draining: Arc<AtomicBool>) -> ReadinessCheck {
    Arc::new(move || -> Readiness {
        match draining.load(Ordering::Relaxed) {
            true => Err("draining"),
            false => Ok(()),
        }
    })
}
