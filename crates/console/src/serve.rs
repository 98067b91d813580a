//! HTTP: reads a request within limits, lets its route answer on a thread that may block, and writes the
//! answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, guard};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use paynow_process::observe::Observable;
use tokio::sync::Semaphore;

use crate::answer::{Answer, Content};
use crate::call::{Call, Pairs, pairs};
use crate::console::Console;
use crate::errors;
use crate::observe::Answered;
use crate::problem::Problem;
use crate::route::Route;

const BODY_MAX: usize = 65_536;
const HEAD_MAX: usize = 16_384;
const BODY_TIME: Duration = Duration::from_secs(10);
/// Threads that wait for the database at once.
const BLOCKING_MAX: usize = 32;
/// A request waits for so long for one of them, and is then told to come again.
const SEAT_TIME: Duration = Duration::from_secs(3);
/// What a browser may keep: the name of each file changes with its content.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What all of actix's threads share.
pub(crate) struct Served {
    console: Console,
    routes: Vec<Route>,
    blocking: Semaphore,
}

impl Served {
    pub(crate) fn new(console: Console, routes: Vec<Route>) -> Arc<Self> {
        Arc::new(Self {
            console,
            routes,
            blocking: Semaphore::new(BLOCKING_MAX),
        })
    }
}

/// Which route a request came to.
#[derive(Clone)]
enum Target {
    Route(usize),
    /// The methods that the address has.
    WrongMethod(Vec<String>),
    NoPath,
}

/// Registers every route, and the answers to what has none.
pub(crate) fn configure(config: &mut ServiceConfig, served: &Arc<Served>) {
    // Sorted, a fixed part of a path comes before a pattern.
    let mut paths: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for (place, route) in served.routes.iter().enumerate() {
        paths.entry(route.path).or_default().push(place);
    }
    for (path, places) in paths {
        let mut resource = web::resource(path);
        let mut methods = Vec::new();
        for place in places {
            let method = served.routes[place].method.clone();
            methods.push(method.to_string());
            let guard = match method == Method::GET {
                true => guard::Any(guard::Get()).or(guard::Head()),
                false => guard::Any(guard::Method(method)),
            };
            let handler = handler(served, Target::Route(place));
            resource = resource.route(web::route().guard(guard).to(handler));
        }
        let other = handler(served, Target::WrongMethod(methods));
        config.service(resource.default_service(web::to(other)));
    }
    config.default_service(web::to(handler(served, Target::NoPath)));
}

fn handler(
    served: &Arc<Served>,
    target: Target,
) -> impl Fn(HttpRequest, Payload) -> std::pin::Pin<Box<dyn Future<Output = HttpResponse>>>
+ Clone
+ 'static {
    let served = Arc::clone(served);
    move |request, payload| {
        let (served, target) = (Arc::clone(&served), target.clone());
        Box::pin(async move { serve(served, target, &request, payload).await })
    }
}

async fn serve(
    served: Arc<Served>,
    target: Target,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let mut call = call_of(request);
    let form = match head_size(request) > HEAD_MAX {
        true => Err(Problem::HeadTooLarge),
        false => form_of(request, payload).await,
    };
    let answer = match form {
        Ok(form) => {
            call.form = form;
            answer_of(served, target, call).await
        }
        Err(problem) => errors::answer(&served.console, &call, problem.into()),
    };
    Answered {
        status: answer.status.as_u16(),
    }
    .emit();
    match (request.method() == Method::HEAD, &answer.content) {
        // Nobody would read them, and they never end.
        (true, Content::Events(_)) => HttpResponse::build(answer.status).finish(),
        (true | false, _) => response(answer),
    }
}

async fn answer_of(served: Arc<Served>, target: Target, call: Call) -> Answer {
    let seat = tokio::time::timeout(SEAT_TIME, served.blocking.acquire());
    let Ok(Ok(_seat)) = seat.await else {
        let problem = Problem::Unavailable("too many requests wait for the database".to_owned());
        return errors::answer(&served.console, &call, problem.into());
    };
    let shared = Arc::clone(&served);
    let answered = web::block(move || {
        let answer = match target {
            Target::Route(place) => shared.routes[place].run(&shared.console, &call),
            Target::WrongMethod(methods) => Err(Problem::WrongMethod(methods).into()),
            Target::NoPath => {
                let text = format!("there is no page {}", call.path);
                Err(Problem::NotFound(text).into())
            }
        };
        answer.unwrap_or_else(|refusal| errors::answer(&shared.console, &call, refusal))
    });
    answered.await.unwrap_or_else(|_panicked| {
        Answer::new(StatusCode::INTERNAL_SERVER_ERROR, Content::Nothing)
    })
}

/// The bytes that the sender chose.
fn head_size(request: &HttpRequest) -> usize {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    headers.sum::<usize>() + request.uri().to_string().len()
}

fn call_of(request: &HttpRequest) -> Call {
    let parameters = request.match_info().iter();
    Call {
        method: request.method().clone(),
        path: request.path().to_owned(),
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        query_text: request.query_string().to_owned(),
        query: pairs(request.query_string().as_bytes()),
        form: Pairs::new(),
        headers: request.headers().clone(),
        peer: request.peer_addr().map(|address| address.ip()),
    }
}

/// The fields of the form in the body.
async fn form_of(request: &HttpRequest, payload: Payload) -> Result<Pairs, Problem> {
    let read = tokio::time::timeout(BODY_TIME, body_of(payload));
    let body = read.await.map_err(|_elapsed| Problem::TooSlow)??;
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/x-www-form-urlencoded" => Ok(pairs(&body)),
        _other if body.is_empty() => Ok(Pairs::new()),
        _other => Err(Problem::Invalid("a body must be a form".to_owned())),
    }
}

async fn body_of(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk =
            chunk.map_err(|_broken_off| Problem::Invalid("the body broke off".to_owned()))?;
        if body.len() + chunk.len() > BODY_MAX {
            return Err(Problem::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn response(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::build(answer.status);
    for (name, value) in &answer.headers {
        response.append_header((name.clone(), value.as_str()));
    }
    let body = |mut response: HttpResponseBuilder, kind: &'static str, text: String| {
        response.insert_header((CONTENT_TYPE, kind)).body(text)
    };
    match answer.content {
        Content::Html(text) => body(response, "text/html; charset=utf-8", text),
        Content::Json(text) => body(response, "application/json", text),
        Content::Csv { name, text } => {
            let name = format!("attachment; filename=\"{name}\"");
            response.insert_header((CONTENT_DISPOSITION, name));
            body(response, "text/csv; charset=utf-8", text)
        }
        Content::Asset(kind, text) => response
            .insert_header((CONTENT_TYPE, kind))
            .insert_header((CACHE_CONTROL, KEEP))
            .body(text),
        Content::Events(events) => response
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(events),
        Content::Nothing => response.finish(),
    }
}
