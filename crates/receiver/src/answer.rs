//! A refusal as an RFC 9457 problem, through actix or as bytes for a request that actix never saw.
//! PayNow keeps our answers in its history, so nothing private goes in.

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use serde_json::json;

use crate::refusal::Refusal;

const PROBLEM_TYPE: &str = "application/problem+json";

pub(crate) fn problem_response(refusal: &Refusal) -> HttpResponse {
    let mut response = HttpResponse::build(refusal.code().status());
    if let Some(seconds) = refusal.retry_after_seconds() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response
        .content_type(PROBLEM_TYPE)
        .body(problem_text(refusal))
}

/// The whole HTTP answer, after which the connection is closed.
pub(crate) fn raw_problem_response(refusal: &Refusal) -> String {
    let (status, problem) = (refusal.code().status(), problem_text(refusal));
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{problem}",
        problem.len()
    )
}

fn problem_text(refusal: &Refusal) -> String {
    let status = refusal.code().status();
    json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": refusal.code().as_str(),
        "detail": refusal.to_string(),
    })
    .to_string()
}
