//! Who sends a request, and whether its form is one of ours.

pub(crate) mod accounts;
pub(crate) mod proxy;

use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use paynow_desk::console::session::{Session, SessionId};

use crate::call::Call;
use crate::config::Auth;
use crate::console::Console;
use crate::cookie;
use crate::origin::{check_origin, check_token};
use crate::problem::Problem;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Somebody with a session that goes on.
pub(crate) struct Entered {
    pub(crate) id: SessionId,
    pub(crate) session: Session,
    pub(crate) freshness: Freshness,
}

/// Who asks: a page that stays open does not keep a session from ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Person,
    OpenPage,
}

/// Whether the person has signed in within the last 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    Old,
    /// The session is fresh, but the proxy did not ask the person, who only went on as before.
    OldAtProxy,
    /// The proxy does not tell.
    UnknownAtProxy,
}

/// The session of the request. With a proxy, the proxy must still say the same.
pub(crate) fn enter(console: &Console, call: &Call, of: Use) -> Result<Entered, Problem> {
    let told = match &console.auth {
        Auth::Accounts { .. } => None,
        Auth::Proxy(settings) => Some(proxy::person(settings, call)?),
    };
    let id = cookie::session_of(&call.headers, &console.public).ok_or(Problem::NotSignedIn)?;
    let session = match of {
        Use::Person => console.database.session(&id)?,
        Use::OpenPage => console.database.session_of(id.key())?,
    };
    let session = session.ok_or(Problem::NotSignedIn)?;
    // Only sessions are counted: whoever makes up ids must not fill the list of them.
    console
        .requests
        .count(session.key, Instant::now())
        .map_err(Problem::TooMany)?;
    let is_told = |told: &proxy::Told| told.name == session.person && told.roles == session.roles;
    if !told.as_ref().is_none_or(is_told) {
        return Err(Problem::NotSignedIn);
    }
    let freshness = match (session.is_recent, told) {
        (false, _) => Freshness::Old,
        (true, None) => Freshness::Fresh,
        (true, Some(told)) => told.freshness,
    };
    Ok(Entered {
        id,
        session,
        freshness,
    })
}

/// Whether the request may act: GET and HEAD change nothing, everything else comes from a page of ours.
pub(crate) fn check_form(console: &Console, call: &Call, id: &SessionId) -> Result<(), Problem> {
    if call.method == Method::GET || call.method == Method::HEAD {
        return Ok(());
    }
    check_origin(call, &console.public.origin)?;
    Ok(check_token(call, id)?)
}
