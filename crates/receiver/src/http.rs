//! The receiver's HTTP: one webhook route and two probes. The handler reads from top to bottom: admit,
//! claim, read, verify, publish, answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{ALLOW, HeaderValue, UPGRADE};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use paynow_process::admin::{ReadinessCheck, health_response, readiness_response};
use paynow_process::broker::Publisher;
use paynow_process::clock;
use paynow_process::observe::Observable;
use paynow_process::secrets::CurrentSecrets;
use serde_json::json;

use crate::answer::{problem_response, raw_problem_response};
use crate::body::{self, BodyError};
use crate::code::Code;
use crate::failures::{Failures, Verdict};
use crate::observe::requests::{
    FailureLimited, InFlight, SignatureChecked, WebhookQueued, WebhookRefused,
};
use crate::publish::{Queued, publish};
use crate::refusal::Refusal;
use crate::socket::HeadError;
use crate::socket::track::{announced_length, connection_of};
use crate::source::{Sources, network_of};
use crate::verify::{claim, verify};

const WEBHOOK_PATH: &str = "/webhooks/paynow";

/// What the handlers need, shared by all of actix's threads.
pub(crate) struct ReceiverState {
    pub(crate) sources: Sources,
    pub(crate) failures: Failures,
    /// Old webhooks that are sent again. They are PayNow's, so they do not count as failures.
    pub(crate) stale: Failures,
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
        Ok(()) => enqueue(&request, payload, source, &state).await,
        Err(error) => Err(error.into()),
    };
    let took = started.elapsed();
    match queued {
        Ok(queued) => accept(&queued, took),
        Err(refusal) => refuse(refusal, source, took, &state),
    }
}

async fn enqueue(
    request: &HttpRequest,
    payload: Payload,
    source: IpAddr,
    state: &ReceiverState,
) -> Result<Queued, Refusal> {
    let connection = connection_of(request);
    connection.set_source(network_of(source));
    if switches_protocol(request) {
        return Err(Refusal::UpgradeNotSupported);
    }
    let claim = claim(request.headers())?;
    let announced = announced_length(request);
    let limit_bytes = state.body_limit_bytes;
    let admit_large = || match state.failures.refuses_large(source, Instant::now()) {
        Some(retry_after_seconds) => Err(BodyError::SourceFailed {
            retry_after_seconds,
        }),
        None => Ok(()),
    };
    let body = body::read(payload, announced, limit_bytes, &connection, admit_large).await?;
    let started = Instant::now();
    let now_ms = clock::now_ms();
    let verified = verify(&claim, body, &state.secrets.get(), state.tolerance, now_ms);
    let took = started.elapsed();
    SignatureChecked { took }.emit();
    let verified = verified?;
    paynow_process::fault_point!("after_verify");
    connection.protect();
    state.failures.signed(source, started);
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

fn switches_protocol(request: &HttpRequest) -> bool {
    request.headers().contains_key(UPGRADE) || request.head().upgrade()
}

/// Answers with the refusal, or with 429 after too many failures. The connection stays open even then:
/// a new one costs us four times as much as one more refusal, and a proxy shares it among senders.
fn refuse(refusal: Refusal, source: IpAddr, took: Duration, state: &ReceiverState) -> HttpResponse {
    let code = refusal.code();
    let is_stale = code == Code::Stale;
    let verdict = if is_stale {
        state.stale.count(source, Instant::now())
    } else if code.is_failure() {
        state.failures.count(source, Instant::now())
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
        is_answer_limited: !is_stale,
    }
    .emit();
    if is_stale {
        // Only the log is spared: what PayNow signed is never told to wait.
        return problem_response(&refusal);
    }
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
