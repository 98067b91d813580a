//! A problem as a page that says its cause and what to do.

use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use paynow_process::observe::Observable;
use serde::Serialize;

use crate::answer::{Answer, Content};
use crate::call::{Call, encoded};
use crate::console::Console;
use crate::document::{Document, Link, Part, Tone};
use crate::door::accounts;
use crate::frame::Frame;
use crate::observe::{DatabaseRefusedRole, PageEnded, PageFailed, RequestRefused, SignInRefused};
use crate::problem::{Problem, who_may};
use crate::route::Refusal;
use crate::visit::page;

#[derive(Serialize)]
struct ProblemDocument<'a> {
    problem: &'a str,
    detail: String,
}

/// The answer to a request that failed.
pub(crate) fn answer(console: &Console, call: &Call, refusal: Refusal) -> Answer {
    let Refusal { problem, frame } = refusal;
    report(console, call, &problem, frame.is_some());
    let problem = match frame {
        Some(_) => problem,
        None => for_strangers(problem),
    };
    if let Some(answer) = way_to_sign_in(call, &problem) {
        return answer;
    }
    let (status, title) = status_and_title(&problem);
    let answer = match call.wants_json() {
        true => {
            let detail = problem.to_string();
            Answer::json(
                status,
                &ProblemDocument {
                    problem: title,
                    detail,
                },
            )
            .map_err(Problem::from)
        }
        false => {
            let bare = || Box::new(Frame::bare(console, call));
            page(
                status,
                &frame.unwrap_or_else(bare),
                &document(call, title, &problem),
            )
        }
    };
    let answer = answer.unwrap_or_else(|_no_page| Answer::new(status, Content::Nothing));
    with_headers(answer, &problem)
}

/// Where the database is and who logs in to it is told to people who are signed in, and to the log.
fn for_strangers(problem: Problem) -> Problem {
    match matches!(problem, Problem::Silent(_)) {
        true => Problem::Unavailable("the database does not answer".to_owned()),
        false => problem,
    }
}

fn report(console: &Console, call: &Call, problem: &Problem, is_signed_in: bool) {
    let path = call.path.as_str();
    match problem {
        Problem::RefusedByDatabase(error) => DatabaseRefusedRole { path, error }.emit(),
        Problem::Broken(error) | Problem::Silent(error) => PageFailed { path, error }.emit(),
        Problem::Ended { error, .. } => PageEnded { path, error }.emit(),
        Problem::NotTold(_) => SignInRefused {
            is_limited: false,
            source: accounts::source(console, call),
        }
        .emit(),
        Problem::NotAllowed(_) | Problem::Foreign(_) if is_signed_in => {
            RequestRefused {
                path,
                error: &problem.to_string(),
            }
            .emit();
        }
        Problem::NotAllowed(_)
        | Problem::Foreign(_)
        | Problem::NotSignedIn
        | Problem::MustEnrol
        | Problem::SignInTooOld
        | Problem::SignInTooOldAtProxy(_)
        | Problem::NotYours(_)
        | Problem::Refused(_)
        | Problem::NotFound(_)
        | Problem::WrongMethod(_)
        | Problem::Invalid(_)
        | Problem::TooMany(_)
        | Problem::TooLarge
        | Problem::HeadTooLarge
        | Problem::TooSlow
        | Problem::Unavailable(_) => {}
    }
}

/// A person who only looks is led to the way in, and back.
fn way_to_sign_in(call: &Call, problem: &Problem) -> Option<Answer> {
    let looks = call.method == Method::GET && !call.wants_json();
    if looks && matches!(problem, Problem::NotSignedIn) {
        Some(Answer::see(format!(
            "/login?next={}",
            encoded(&call.place())
        )))
    } else if looks && matches!(problem, Problem::MustEnrol) {
        Some(Answer::see("/enrol"))
    } else {
        None
    }
}

fn status_and_title(problem: &Problem) -> (StatusCode, &'static str) {
    match problem {
        Problem::NotSignedIn => (StatusCode::UNAUTHORIZED, "Not signed in"),
        Problem::MustEnrol => (StatusCode::FORBIDDEN, "Choose a password"),
        Problem::SignInTooOld | Problem::SignInTooOldAtProxy(_) => {
            (StatusCode::FORBIDDEN, "Sign in once more")
        }
        Problem::NotTold(_) => (StatusCode::FORBIDDEN, "Not signed in by the proxy"),
        Problem::NotYours(_) => (StatusCode::FORBIDDEN, "Not by you"),
        Problem::NotAllowed(_) => (StatusCode::FORBIDDEN, "Not allowed"),
        Problem::RefusedByDatabase(_) => (StatusCode::FORBIDDEN, "Refused by the database"),
        Problem::Foreign(_) => (StatusCode::FORBIDDEN, "Not from this console"),
        Problem::Refused(_) => (StatusCode::CONFLICT, "Not done"),
        Problem::NotFound(_) => (StatusCode::NOT_FOUND, "Not found"),
        Problem::WrongMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, "Wrong method"),
        Problem::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Not understood"),
        Problem::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Problem::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
        Problem::HeadTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Too large"),
        Problem::TooSlow => (StatusCode::REQUEST_TIMEOUT, "Too slow"),
        Problem::Unavailable(_) | Problem::Silent(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Not available now")
        }
        Problem::Ended { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Took too long"),
        Problem::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, "The page failed"),
    }
}

fn with_headers(answer: Answer, problem: &Problem) -> Answer {
    match problem {
        Problem::TooMany(seconds) => answer.with(RETRY_AFTER, seconds.to_string()),
        Problem::WrongMethod(methods) => answer.with(ALLOW, methods.join(", ")),
        Problem::NotSignedIn
        | Problem::MustEnrol
        | Problem::SignInTooOld
        | Problem::SignInTooOldAtProxy(_)
        | Problem::NotTold(_)
        | Problem::NotAllowed(_)
        | Problem::NotYours(_)
        | Problem::RefusedByDatabase(_)
        | Problem::Foreign(_)
        | Problem::Refused(_)
        | Problem::NotFound(_)
        | Problem::Invalid(_)
        | Problem::TooLarge
        | Problem::HeadTooLarge
        | Problem::TooSlow
        | Problem::Unavailable(_)
        | Problem::Silent(_)
        | Problem::Ended { .. }
        | Problem::Broken(_) => answer,
    }
}

fn document(call: &Call, title: &str, problem: &Problem) -> Document {
    let sentence = format!("{problem}.");
    let document = Document::new(title).with(Part::notice(Tone::Bad, sentence));
    let back = |label: &str, links: Vec<Link>| Part::Links {
        label: label.to_owned(),
        links,
    };
    match problem {
        Problem::NotSignedIn => {
            let link = Link::new("/login", "Sign in");
            document.with(back("What to do", vec![link]))
        }
        Problem::SignInTooOld => {
            let href = format!("/login?next={}", encoded(next_of(call)));
            let link = Link::new(href, "Sign in once more and come back");
            document.with(back("What to do", vec![link]))
        }
        Problem::NotAllowed(right) => document.with(Part::text(who_may(*right))).with(back(
            "What to do",
            vec![Link::new("/me", "What I may do")],
        )),
        Problem::NotFound(_) => document.with(back(
            "What to do",
            vec![Link::new("/search", "Search for an id, a key or a player")],
        )),
        Problem::Unavailable(_) | Problem::Silent(_) => document.with(Part::text(
            "Nothing is lost by that: webhooks wait in the broker. Load the page again in a minute.",
        )),
        Problem::Ended { .. } => document.with(Part::text(
            "Ask for less, as with a filter, or load the page again in a minute. The log of the console has the time and \
             the address.",
        )),
        Problem::MustEnrol => {
            let link = Link::new("/enrol", "Choose a password");
            document.with(back("What to do", vec![link]))
        }
        Problem::Refused(_) | Problem::Invalid(_) | Problem::NotYours(_)
            if call.method == Method::POST =>
        {
            document.with(back(
                "What to do",
                vec![Link::new(next_of(call), "Back to the page, as it is now")],
            ))
        }
        Problem::RefusedByDatabase(_)
        | Problem::NotYours(_)
        | Problem::Foreign(_)
        | Problem::Refused(_)
        | Problem::WrongMethod(_)
        | Problem::Invalid(_)
        | Problem::TooMany(_)
        | Problem::TooLarge
        | Problem::HeadTooLarge
        | Problem::TooSlow
        | Problem::NotTold(_)
        | Problem::SignInTooOldAtProxy(_)
        | Problem::Broken(_) => document,
    }
}

/// A form that acted cannot be sent again by a link: its page can be opened again. What is done about one thing has
/// an address below the thing's number; other forms have the address of their page.
fn next_of(call: &Call) -> &str {
    let path = call.path.as_str();
    let is_number = |folder: &str| {
        let last = folder.rsplit('/').next().unwrap_or_default();
        last.parse::<i64>().is_ok()
    };
    let folder = path.rsplit_once('/').map(|(folder, _act)| folder);
    match (call.method == Method::GET, folder) {
        (true, _) => path,
        (false, Some(folder)) if is_number(folder) => folder,
        // What is chosen on a list, and previewed.
        (false, _) if path.starts_with("/dead/") => "/dead",
        (false, _) => path,
    }
}
