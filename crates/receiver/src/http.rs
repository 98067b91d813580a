//! The receiver's HTTP: one webhook route and two probes. The handler is the whole story: read,
//! verify, publish, answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{CONTENT_LENGTH, RETRY_AFTER};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use paynow_process::admin::{ReadinessCheck, health_response, readiness_response};
use paynow_process::broker::Publisher;
use paynow_process::clock;
use paynow_process::observe::Observable;
use serde_json::json;

use crate::body;
use crate::observe::{InFlight, SignatureChecked, WebhookQueued, WebhookRefused};
use crate::publish::{Queued, publish};
use crate::refusal::Refusal;
use crate::secrets::CurrentSecrets;
use crate::verify::{claim, verify};

pub const WEBHOOK_PATH: &str = "/webhooks/paynow";

/// What the handler works with; shared by all of actix's worker threads.
pub struct Intake {
    pub secrets: Arc<CurrentSecrets>,
    pub tolerance: Duration,
    pub body_limit_bytes: usize,
    pub publisher: Arc<Publisher>,
    pub ready: ReadinessCheck,
}

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(WEBHOOK_PATH)
                .route(web::post().to(receive))
                .default_service(web::to(method_not_allowed)),
        )
        .route("/healthz", web::get().to(|| async { health_response() }))
        .route("/readyz", web::get().to(readyz))
        .default_service(web::to(not_found));
}

async fn receive(request: HttpRequest, payload: Payload, intake: Data<Intake>) -> HttpResponse {
    let started = Instant::now();
    let _in_flight = InFlight::begin();
    match take(&request, payload, &intake).await {
        Ok(queued) => {
            let took = started.elapsed();
            WebhookQueued {
                queued: &queued,
                took,
            }
            .emit();
            HttpResponse::Accepted().json(json!({"status": "queued", "event_id": queued.event_id}))
        }
        Err(refusal) => {
            let took = started.elapsed();
            WebhookRefused {
                refusal: &refusal,
                took,
            }
            .emit();
            problem(&refusal)
        }
    }
}

async fn take(request: &HttpRequest, payload: Payload, intake: &Intake) -> Result<Queued, Refusal> {
    let claim = claim(request.headers())?;
    let body = body::read(payload, announced_length(request), intake.body_limit_bytes).await?;
    let began = Instant::now();
    let verified = verify(
        &claim,
        body,
        &intake.secrets.get(),
        intake.tolerance,
        clock::now_ms(),
    );
    let took = began.elapsed();
    SignatureChecked { took }.emit();
    Ok(publish(&intake.publisher, verified?).await?)
}

fn announced_length(request: &HttpRequest) -> Option<usize> {
    request
        .headers()
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn readyz(intake: Data<Intake>) -> HttpResponse {
    readiness_response((intake.ready)())
}

async fn not_found() -> HttpResponse {
    problem(&Refusal::NotFound)
}

async fn method_not_allowed() -> HttpResponse {
    let mut response = problem(&Refusal::MethodNotAllowed);
    let allow = actix_web::http::header::HeaderValue::from_static("POST");
    response
        .headers_mut()
        .insert(actix_web::http::header::ALLOW, allow);
    response
}

/// An RFC 9457 problem. PayNow keeps our answers in its history: nothing private goes in.
fn problem(refusal: &Refusal) -> HttpResponse {
    let status = refusal.status();
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = refusal.retry_after_seconds() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if matches!(refusal, Refusal::Body(_)) {
        // The rest of the body is still on its way; nothing after it could be told apart.
        response.force_close();
    }
    response.content_type("application/problem+json").body(
        json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": refusal.code(),
            "detail": refusal.to_string(),
        })
        .to_string(),
    )
}
