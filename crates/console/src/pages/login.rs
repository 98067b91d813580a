//! Signing in and out.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use paynow_desk::console::session::SessionId;
use paynow_desk::console::sign_in::SignedIn;
use paynow_process::observe::Observable;

use crate::answer::Answer;
use crate::call::Call;
use crate::config::Auth;
use crate::console::Console;
use crate::cookie;
use crate::document::{Document, Field, FieldKind, Form, Part, Tone};
use crate::door::{accounts, proxy};
use crate::frame::Frame;
use crate::next;
use crate::observe::{SignInRefused, SignedInNow};
use crate::origin::check_origin;
use crate::problem::Problem;
use crate::visit::{self, Visit};

/// In the address of whoever has just chosen password and authenticator.
pub(crate) const ENROLLED: &str = "enrolled";
const MINUTE_SECONDS: u64 = 60;
/// When so many sign in at once that one more must wait.
const BUSY_SECONDS: u64 = 5;

pub(crate) fn page(console: &Console, call: &Call) -> Result<Answer, Problem> {
    let next = next::safe(call.query("next"));
    let has_accounts = matches!(console.auth, Auth::Accounts { .. });
    let enrolled = (has_accounts && call.query(ENROLLED) == Some("yes")).then(|| {
        let text = "Your password and your authenticator are set: sign in with them.";
        Part::notice(Tone::Good, text)
    });
    shown(console, call, StatusCode::OK, next, enrolled)
}

fn shown(
    console: &Console,
    call: &Call,
    status: StatusCode,
    next: &str,
    notice: Option<Part>,
) -> Result<Answer, Problem> {
    let form = match &console.auth {
        Auth::Accounts { .. } => accounts_form(call),
        Auth::Proxy(settings) => {
            let told = proxy::person(settings, call)?;
            Form::post("sign-in", "/login", &format!("Continue as {}", told.name))
        }
    };
    let document = Document::new("Sign in")
        .with_all(notice)
        .with(Part::Form(form.hidden("next", next)));
    visit::page(status, &Frame::bare(console, call), &document)
}

fn accounts_form(call: &Call) -> Form {
    let name = Field {
        autocomplete: "username",
        ..Field::new("name", "Name", call.field("name").unwrap_or_default()).required()
    };
    let password = Field {
        autocomplete: "current-password",
        ..Field::new("password", "Password", "")
            .kind(FieldKind::Password)
            .required()
    };
    let code = Field {
        autocomplete: "one-time-code",
        ..Field::new("code", "Code of your authenticator", "")
            .hint("Six digits, if you have set one up.")
    };
    Form::post("sign-in", "/login", "Sign in")
        .field(name)
        .field(password)
        .field(code)
}

pub(crate) fn sign_in(console: &Console, call: &Call) -> Result<Answer, Problem> {
    check_origin(call, &console.public.origin)?;
    let source = accounts::source(console, call);
    let limited = |seconds| {
        SignInRefused {
            is_limited: true,
            source,
        }
        .emit();
        Problem::TooMany(seconds)
    };
    let now = Instant::now();
    let signed_in = match &console.auth {
        Auth::Accounts { .. } => {
            if let Some(source) = source {
                console
                    .tries_of_source
                    .count(source, now)
                    .map_err(limited)?;
            }
            // What is no name of a person is one key: a list of them must not hold whatever was sent.
            let name = call.field("name").and_then(|name| name.parse().ok());
            console.tries_of_name.count(name, now).map_err(limited)?;
            let _turn = console
                .sign_ins
                .try_acquire()
                .map_err(|_all_taken| limited(BUSY_SECONDS))?;
            accounts::sign_in(console, call)?
        }
        Auth::Proxy(settings) => {
            accounts::sign_in_told(console, &proxy::person(settings, call)?, settings)?
        }
    };
    let next = next::safe(call.field("next"));
    match signed_in {
        SignedIn::Whole(id) => begin(console, call, &id, next),
        SignedIn::First(id) => begin(console, call, &id, "/enrol"),
        SignedIn::TooMany => Err(limited(MINUTE_SECONDS)),
        SignedIn::Refused => {
            SignInRefused {
                is_limited: false,
                source,
            }
            .emit();
            let text = "The name, the password or the code is wrong.";
            let problem = Part::notice(Tone::Bad, text);
            shown(console, call, StatusCode::UNAUTHORIZED, next, Some(problem))
        }
    }
}

/// The new session replaces the one that the browser had, so that nobody can plant one.
fn begin(console: &Console, call: &Call, id: &SessionId, next: &str) -> Result<Answer, Problem> {
    if let Some(before) = cookie::session_of(&call.headers, &console.public) {
        console.database.sign_out(before.key())?;
    }
    if let Some(session) = console.database.session(id)? {
        SignedInNow {
            person: session.person.as_str(),
        }
        .emit();
    }
    let cookie = cookie::of_session(id, &console.public);
    Ok(Answer::see(next).with(SET_COOKIE, cookie))
}

pub(crate) fn sign_out(console: &Console, visit: &Visit<'_, ()>) -> Result<Answer, Problem> {
    console.database.sign_out(visit.session.key)?;
    let cookie = cookie::of_no_session(&console.public);
    Ok(Answer::see("/login").with(SET_COOKIE, cookie))
}

/// Ends the sessions on other devices too.
pub(crate) fn sign_out_everywhere(
    console: &Console,
    visit: &Visit<'_, ()>,
) -> Result<Answer, Problem> {
    console.database.sign_out_everywhere(visit.session.key)?;
    let cookie = cookie::of_no_session(&console.public);
    Ok(Answer::see("/login").with(SET_COOKIE, cookie))
}
