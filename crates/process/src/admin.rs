//! The admin server: `/healthz`, `/readyz` and `/metrics`, on an address that is not public.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;

/// Why a program cannot do its job now, as one word for a person; `Ok` when it can.
pub type Readiness = Result<(), &'static str>;
/// Asked at every probe.
pub type ReadinessCheck = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Answers a readiness probe: 200, or 503 with the reason.
pub fn readiness_response(readiness: Readiness) -> HttpResponse {
    match readiness {
        Ok(()) => HttpResponse::Ok().json(Status {
            status: "ready",
            reason: None,
        }),
        Err(reason) => HttpResponse::ServiceUnavailable().json(Status {
            status: "not_ready",
            reason: Some(reason),
        }),
    }
}

/// Answers a liveness probe: the process is up.
pub fn health_response() -> HttpResponse {
    HttpResponse::Ok().json(Status {
        status: "up",
        reason: None,
    })
}

#[derive(serde::Serialize)]
struct Status {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Binds the admin server; it runs until it is stopped or dropped. Signals are left to the caller.
pub fn serve(
    address: SocketAddr,
    metrics: PrometheusHandle,
    ready: ReadinessCheck,
) -> std::io::Result<(SocketAddr, Server)> {
    let server = HttpServer::new(move || {
        let (metrics, ready) = (metrics.clone(), Arc::clone(&ready));
        App::new()
            .route("/healthz", web::get().to(|| async { health_response() }))
            .route(
                "/readyz",
                web::get().to(move || std::future::ready(readiness_response(ready()))),
            )
            .route(
                "/metrics",
                web::get().to(move || std::future::ready(metrics.render())),
            )
    })
    .workers(1)
    .disable_signals()
    .bind(address)?;
    let bound = server.addrs().first().copied().unwrap_or(address);
    Ok((bound, server.run()))
}
