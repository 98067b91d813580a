//! Mode `proxy`: a proxy has signed the person in, and says who it is. It is believed only from its
//! addresses and with its secret.

use actix_web::http::header::HeaderName;
use chrono::DateTime;
use paynow_desk::console::person::PersonName;
use paynow_desk::console::roles::Roles;
use paynow_process::clock;
use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::Freshness;
use crate::call::Call;
use crate::config::ProxySettings;
use crate::problem::Problem;

/// As old as a sign-in with an account may be for the same.
const RECENT_MS: i64 = 900_000;
/// So far may the proxy's clock be ahead of ours.
const AHEAD_MS: i64 = 60_000;
const SECRET: HeaderName = HeaderName::from_static("x-console-secret");

/// What the proxy says.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: PersonName,
    pub(crate) roles: Roles,
    pub(crate) freshness: Freshness,
}

pub(crate) fn person(settings: &ProxySettings, call: &Call) -> Result<Told, Problem> {
    let is_peer = |peer| settings.peers.iter().any(|net| net.contains(&peer));
    if !call.peer.is_some_and(is_peer) {
        return Err(not_told("the request did not come from the proxy"));
    }
    // Digests are of one length, so the time does not tell how long the secret is.
    let digest_of = |text: &str| digest(&SHA256, text.as_bytes());
    let given = digest_of(call.header(&SECRET).unwrap_or_default());
    let secret = digest_of(settings.secret.expose_secret());
    if !bool::from(given.as_ref().ct_eq(secret.as_ref())) {
        return Err(not_told("the proxy did not send its secret"));
    }
    let name = call.header(&settings.user_header);
    let name = name.ok_or_else(|| not_told("the proxy did not say who it is, exactly once"))?;
    let name = name.parse();
    // No groups are no roles; two lists of groups are a list that somebody else added.
    let groups = match call.headers.get_all(&settings.groups_header).count() {
        0 => "",
        _one_or_more => call
            .header(&settings.groups_header)
            .ok_or_else(|| not_told("the proxy sent the groups twice"))?,
    };
    Ok(Told {
        name: name.map_err(|_error| not_told("the proxy sent a name that no person has"))?,
        roles: settings.roles(groups),
        freshness: freshness(settings, call, clock::now_ms()),
    })
}

/// Whether the proxy says that it has asked the person within the last 15 minutes.
fn freshness(settings: &ProxySettings, call: &Call, now_ms: i64) -> Freshness {
    let header = settings.signed_in_header.as_ref();
    let told = header
        .and_then(|header| call.header(header))
        .and_then(moment_ms);
    match told {
        None => Freshness::UnknownAtProxy,
        Some(at_ms) if (now_ms - RECENT_MS..=now_ms + AHEAD_MS).contains(&at_ms) => {
            Freshness::Fresh
        }
        Some(_old_or_to_come) => Freshness::OldAtProxy,
    }
}

/// Seconds since 1970, as the claim `auth_time` of a token has them, or an RFC 3339 time.
fn moment_ms(text: &str) -> Option<i64> {
    let seconds = text.parse().ok().and_then(|it: i64| it.checked_mul(1000));
    let time = || DateTime::parse_from_rfc3339(text).ok();
    seconds.or_else(|| time().map(|time| time.timestamp_millis()))
}

fn not_told(why: &'static str) -> Problem {
    Problem::NotTold(why)
}
