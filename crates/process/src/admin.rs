//! The admin server: `/healthz`, `/readyz` and `/metrics`, on an address that is not public.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::task::JoinHandle;

use crate::telemetry::Metrics;

/// `Ok`, or one word that says why the program cannot do its job now.
pub type Readiness = Result<(), &'static str>;
/// Called at every probe.
pub type ReadinessCheck = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Answers a readiness probe: 200, or 503 with the reason.
pub fn readiness_response(readiness: Readiness) -> HttpResponse {
    match readiness {
        Ok(()) => response(StatusCode::OK, "ready", None),
        Err(reason) => response(StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(reason)),
    }
}

/// Answers a liveness probe: 200, because the process runs.
pub fn health_response() -> HttpResponse {
    response(StatusCode::OK, "up", None)
}

fn response(code: StatusCode, status: &'static str, reason: Option<&'static str>) -> HttpResponse {
    HttpResponse::build(code).json(Status { status, reason })
}

#[derive(serde::Serialize)]
struct Status {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// A running admin server.
pub struct AdminServer {
    address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl AdminServer {
    /// Binds `address` and serves. The program handles the signals.
    pub fn start(
        address: SocketAddr,
        metrics: Metrics,
        ready: ReadinessCheck,
    ) -> std::io::Result<Self> {
        let server = HttpServer::new(move || {
            let (metrics, ready) = (metrics.clone(), Arc::clone(&ready));
            let healthz = || std::future::ready(health_response());
            let readyz = move || std::future::ready(readiness_response(ready()));
            let rendered = move || std::future::ready(metrics.render());
            App::new()
                .route("/healthz", web::get().to(healthz))
                .route("/readyz", web::get().to(readyz))
                .route("/metrics", web::get().to(rendered))
        })
        .workers(1)
        .disable_signals()
        .bind(address)?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        let handle = server.handle();
        Ok(Self {
            address,
            handle,
            task: tokio::spawn(server),
        })
    }

    /// The address it listens on, with the real port when port 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops at once: a probe that is cut off is repeated by its sender.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        let _ended = self.task.await;
    }
}
