//! The receiver's HTTP: one webhook route and two probes. The handler reads from top to bottom: admit,
//! claim, read, verify, publish, answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use paynow_process::admin::{ReadinessCheck, health_response, readiness_response};
use paynow_process::broker::Publisher;
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_process::secrets::CurrentSecrets;
use serde_json::json;

use crate::answer::{problem_response, raw_problem_response};
use crate::body;
use crate::failures::{Failures, Verdict};
use crate::observe::requests::{
    FailureLimited, InFlight, SignatureChecked, WebhookQueued, WebhookRefused,
};
use crate::publish::{Queued, publish};
use crate::refusal::Refusal;
use crate::socket::HeadError;
use crate::socket::track::{announced_length, connection_of};
use crate::source::Sources;
use crate::verify::{claim, verify};

const WEBHOOK_PATH: &str = "/webhooks/paynow";

/// What the handlers need, shared by all of actix's threads.
pub(crate) struct ReceiverState {
    pub(crate) sources: Sources,
    pub(crate) failures: Failures,
    pub(crate) secrets: Arc<CurrentSecrets>,
    pub(crate) tolerance: Duration,
    pub(crate) body_limit_bytes: usize,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) ready: ReadinessCheck,
}

/// The routes; `state` is shared by all of them.
pub(crate) fn routes(config: &mut ServiceConfig, state: Data<ReceiverState>) {
    config
        .app_data(state)
        .service(
            web::resource(WEBHOOK_PATH)
                .route(web::post().to(receive))
                .default_service(web::to(method_not_allowed)),
        )
        .route("/healthz", web::get().to(|| async { health_response() }))
        .route("/readyz", web::get().to(readyz))
        .default_service(web::to(not_found));
}

async fn receive(
    request: HttpRequest,
    payload: Payload,
    state: Data<ReceiverState>,
) -> HttpResponse {
    let started = Instant::now();
    let _in_flight = InFlight::begin();
    let (source, admitted) = state.sources.admit(request.peer_addr(), request.headers());
    let queued = match admitted {
        Ok(()) => enqueue(&request, payload, &state).await,
        Err(error) => Err(error.into()),
    };
    let took = started.elapsed();
    match queued {
        Ok(queued) => accept(&queued, took),
        Err(refusal) => refuse(refusal, source, took, &state.failures),
    }
}

async fn enqueue(
    request: &HttpRequest,
    payload: Payload,
    state: &ReceiverState,
) -> Result<Queued, Refusal> {
    let connection = connection_of(request);
    let claim = claim(request.headers())?;
    let announced = announced_length(request);
    let body = body::read(payload, announced, state.body_limit_bytes, &connection).await?;
    let started = Instant::now();
    let now_ms = clock::now_ms();
    let verified = verify(&claim, body, &state.secrets.get(), state.tolerance, now_ms);
    let took = started.elapsed();
    SignatureChecked { took }.emit();
    let verified = verified?;
    connection.protect();
    Ok(publish(&state.publisher, verified).await?)
}

fn accept(queued: &Queued, took: Duration) -> HttpResponse {
    WebhookQueued {
        event_id: &queued.event_id,
        secret_id: &queued.secret_id,
        signed_at_ms: queued.signed_at_ms,
        took,
    }
    .emit();
    HttpResponse::Accepted().json(json!({"status": "queued", "event_id": queued.event_id}))
}

/// Answers with the refusal, or with 429 after too many failures. The connection stays open even then:
/// a new one costs us four times as much as one more refusal, and a proxy shares it among senders.
fn refuse(refusal: Refusal, source: IpAddr, took: Duration, failures: &Failures) -> HttpResponse {
    let code = refusal.code();
    let verdict = if code.is_failure() {
        failures.count(source, Instant::now())
    } else {
        Verdict::WithinLimits
    };
    let Verdict::TooMany {
        is_first,
        retry_after_seconds,
    } = verdict
    else {
        let (took, error) = (Some(took), &refusal);
        WebhookRefused { code, error, took }.emit();
        return problem_response(&refusal);
    };
    FailureLimited {
        code,
        took,
        is_first,
    }
    .emit();
    problem_response(&Refusal::TooManyFailures {
        retry_after_seconds,
    })
}

/// Reports a head that never became a request; gives the answer to it as bytes.
pub(crate) fn refuse_head(error: HeadError) -> String {
    let refusal = Refusal::Head(error);
    let (code, error, took) = (refusal.code(), &refusal, None);
    WebhookRefused { code, error, took }.emit();
    raw_problem_response(&refusal)
}

async fn readyz(state: Data<ReceiverState>) -> HttpResponse {
    readiness_response((state.ready)())
}

async fn not_found() -> HttpResponse {
    problem_response(&Refusal::NotFound)
}

async fn method_not_allowed() -> HttpResponse {
    let mut response = problem_response(&Refusal::MethodNotAllowed);
    let allow = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, allow);
    response
}
