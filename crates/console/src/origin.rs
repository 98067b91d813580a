//! Whether a request that acts comes from a page of ours. All three must say so: the browser's word about
//! the site, the origin, and the token of the session.

use actix_web::http::header::{HeaderName, ORIGIN};
use paynow_desk::console::session::SessionId;
use ring::hmac;
use subtle::ConstantTimeEq;

use crate::call::Call;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What the session's secret is used for here, so that the token is worth nothing elsewhere.
const PURPOSE: &[u8] = b"paynow-console form token";

/// The token of a session: who does not know its secret cannot make it.
pub(crate) fn token(session: &SessionId) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, session.to_cookie().as_bytes());
    let tag = hmac::sign(&key, PURPOSE);
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Why a request is not taken for one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    #[error("the browser says that another site sent it")]
    Site,
    #[error("it comes from another origin than this console's")]
    Origin,
    #[error("its form is not of this session: open the page again")]
    Token,
}

/// Checks where the request comes from, as far as the browser says.
pub(crate) fn check_origin(call: &Call, public_origin: &str) -> Result<(), Foreign> {
    let has_site = call.headers.contains_key(&SITE);
    if has_site && call.header(&SITE) != Some("same-origin") {
        return Err(Foreign::Site);
    }
    let has_origin = call.headers.contains_key(ORIGIN);
    match has_origin || !has_site {
        true if call.header(&ORIGIN) == Some(public_origin) => Ok(()),
        true => Err(Foreign::Origin),
        false => Ok(()),
    }
}

pub(crate) fn check_token(call: &Call, session: &SessionId) -> Result<(), Foreign> {
    let given = call.field("token").unwrap_or_default();
    match bool::from(given.as_bytes().ct_eq(token(session).as_bytes())) {
        true => Ok(()),
        false => Err(Foreign::Token),
    }
}
