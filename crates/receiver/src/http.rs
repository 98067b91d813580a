//! The receiver's HTTP: one webhook route and two probes. The handler is the whole story: read,
//! verify, publish, answer.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServiceResponse;
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use paynow_process::admin::{ReadinessCheck, health_response, readiness_response};
use paynow_process::broker::Publisher;
use paynow_process::clock;
use paynow_process::observe::Observable;
use serde_json::json;

use crate::body;
use crate::connection::{Connection, Phase};
use crate::failures::{Failures, Verdict};
use crate::observe::{InFlight, SignatureChecked, WebhookQueued, WebhookRefused};
use crate::publish::{Queued, publish};
use crate::refusal::Refusal;
use crate::room::{Room, RoomLimits};
use crate::secrets::CurrentSecrets;
use crate::source::Sources;
use crate::verify::{claim, verify};

const WEBHOOK_PATH: &str = "/webhooks/paynow";
const PROBLEM_TYPE: &str = "application/problem+json";

/// What the handler works with; shared by all of actix's worker threads.
pub(crate) struct Intake {
    pub(crate) sources: Sources,
    pub(crate) failures: Failures,
    pub(crate) secrets: Arc<CurrentSecrets>,
    pub(crate) tolerance: Duration,
    pub(crate) body_limit_bytes: usize,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) ready: ReadinessCheck,
}

pub(crate) fn routes(config: &mut ServiceConfig) {
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
    let (source, admitted) = intake.sources.admit(request.peer_addr(), request.headers());
    let taken = match admitted {
        Ok(()) => take(&request, payload, &intake).await,
        Err(error) => Err(error.into()),
    };
    let took = started.elapsed();
    match taken {
        Ok(queued) => {
            WebhookQueued {
                queued: &queued,
                took,
            }
            .emit();
            HttpResponse::Accepted().json(json!({"status": "queued", "event_id": queued.event_id}))
        }
        Err(refusal) => refuse(refusal, source, took, &intake.failures),
    }
}

async fn take(request: &HttpRequest, payload: Payload, intake: &Intake) -> Result<Queued, Refusal> {
    let claim = claim(request.headers())?;
    let connection = connection_of(request);
    let announced = announced_length(request);
    let body = body::read(payload, announced, intake.body_limit_bytes, &connection).await?;
    connection.body_is_read();
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
    let verified = verified?;
    connection.is_signed();
    Ok(publish(&intake.publisher, verified).await?)
}

/// Says no, and once there were too many failures no more than that. The connection stays: a new
/// one would cost us four times what one more refusal does, and a proxy's is not the sender's.
fn refuse(refusal: Refusal, source: IpAddr, took: Duration, failures: &Failures) -> HttpResponse {
    let verdict = if refusal.is_failure() {
        failures.count(source, Instant::now())
    } else {
        Verdict::Tell
    };
    WebhookRefused {
        refusal: &refusal,
        took: Some(took),
        verdict,
    }
    .emit();
    match verdict {
        Verdict::Tell => problem(&refusal),
        Verdict::TooMany {
            retry_after_seconds,
            ..
        } => problem(&Refusal::TooManyFailures {
            retry_after_seconds,
        }),
    }
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

/// Has a request's connection know how far it is. What was not read of a body would be taken for
/// the next request, so the connection then ends.
pub(crate) async fn accompany(
    connection: Rc<Connection>,
    answered: impl Future<Output = Result<ServiceResponse, actix_web::Error>>,
) -> Result<ServiceResponse, actix_web::Error> {
    let mut answer = answered.await?;
    if connection.phase() == Phase::Body && has_body(answer.request()) {
        close_after(answer.response_mut());
    }
    let is_last = answer.response().head().connection_type() == ConnectionType::Close;
    connection.answered(is_last);
    Ok(answer)
}

/// The connection that a request came on. Another server's has none, and no limits.
pub(crate) fn connection_of(request: &HttpRequest) -> Rc<Connection> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    connection.unwrap_or_else(|| Room::new(RoomLimits::NONE).enter())
}

fn has_body(request: &HttpRequest) -> bool {
    announced_length(request).is_some_and(|length| length > 0)
        || request.headers().contains_key(TRANSFER_ENCODING)
}

fn close_after(response: &mut HttpResponse) {
    response
        .head_mut()
        .set_connection_type(ConnectionType::Close);
}

/// An RFC 9457 problem. PayNow keeps our answers in its history: nothing private goes in.
fn problem(refusal: &Refusal) -> HttpResponse {
    let mut response = HttpResponse::build(refusal.status());
    if let Some(seconds) = refusal.retry_after_seconds() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response
        .content_type(PROBLEM_TYPE)
        .body(problem_text(refusal))
}

/// The answer on a connection whose request never began, and that is closed after it.
pub(crate) fn last_words(refusal: &Refusal) -> String {
    let (status, problem) = (refusal.status(), problem_text(refusal));
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{problem}",
        problem.len()
    )
}

fn problem_text(refusal: &Refusal) -> String {
    let status = refusal.status();
    json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": refusal.code(),
        "detail": refusal.to_string(),
    })
    .to_string()
}
