//! Connects to PostgreSQL. An error is one line with the cause and what to do about it. A connection waits
//! for an answer only for a limited time.

mod sockets;
#[cfg(test)]
mod tests;
mod turn;
mod watch;

use std::time::Duration;

use diesel::Connection;
use diesel::pg::PgConnection;
use paynow_process::certificate::{self, Opening, TlsPeer};
use paynow_process::clock;
use url::Url;

use sockets::Opened;
use turn::Turn;
use watch::{Attempt, Watch};

pub use watch::{limit_silence, silence};

const POSTGRES_PORT: u16 = 5432;
/// libpq's limit applies to each address of a host, and a host often has two.
const ADDRESSES_OF_A_HOST: u64 = 2;
/// Where an address sets none. libpq knows no limit by default.
const CONNECT_SECONDS: u64 = 10;
/// What diesel asks on a new connection, after the time for the handshakes.
const CONNECT_MARGIN: Duration = Duration::from_secs(5);
/// A connection of ours is opened again if another of this process was opened to the same port at the
/// same moment. That is rare: certificates of servers are read once an hour.
const TRIES: u32 = 5;
/// Parts of libpq's messages about TLS, each with what to do about it.
const ADVICE: [(&str, &str); 9] = [
    (
        "does not match host name",
        "the server's certificate has another name: use a name that it has, or have it issued for \
         this one",
    ),
    (
        "root certificate file",
        "no authority is trusted: put the one that issued the server's certificate in sslrootcert",
    ),
    (
        "server does not support SSL",
        "the server does not speak TLS: turn it on there (ssl = on)",
    ),
    (
        "invalid response to SSL negotiation",
        "the server there is not PostgreSQL: check host and port",
    ),
    (
        "certificate required",
        "the server requires a client certificate: put it in sslcert, and its key in sslkey",
    ),
    (
        "requires a valid client certificate",
        "the server requires a client certificate: put it in sslcert, and its key in sslkey",
    ),
    (
        "certificate authentication failed",
        "our certificate is another login's: the one in sslcert must name the user of the address",
    ),
    (
        "alert unknown ca",
        "the server does not trust the authority of our certificate: check its ssl_ca_file",
    ),
    (
        "alert certificate expired",
        "our certificate has expired: renew the one in sslcert",
    ),
];

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConnectProblem(String);

/// Connects once, and lets no statement be unanswered for longer than `silence`. Reads the certificate
/// files now, so renewed files are used.
pub fn establish(url: &str, silence: Duration) -> Result<PgConnection, ConnectProblem> {
    connect(url, silence).map_err(|error| {
        let text = error.0;
        ConnectProblem(match advice(&text, || has_expired(url)) {
            Some(advice) => format!("{advice} ({text})"),
            None => text,
        })
    })
}

fn connect(url: &str, silence: Duration) -> Result<PgConnection, ConnectProblem> {
    let unwatched = |error: std::io::Error| {
        ConnectProblem(format!(
            "the sockets of this process cannot be read: {error}"
        ))
    };
    let turn = Turn::take().ok_or_else(|| {
        let text = "it answers no attempt to connect, so no other one is made";
        ConnectProblem(text.to_owned())
    })?;
    let (port, limit) = (port(url), connect_limit(url));
    for _try in 1..=TRIES {
        let attempt = Attempt::begin(port, limit).map_err(unwatched)?;
        let result = PgConnection::establish(url);
        if attempt.is_silent() {
            let seconds = limit.as_secs();
            let text = format!("it has said nothing for {seconds} s to an attempt to connect");
            return Err(ConnectProblem(text));
        }
        let mut connection = result.map_err(|error| ConnectProblem(in_one_line(&error)))?;
        if let Opened::One(socket) = attempt.opened().map_err(unwatched)? {
            let watch = Watch::new(socket, silence).map_err(unwatched)?;
            connection.set_instrumentation(watch);
            turn.opened();
            return Ok(connection);
        }
    }
    let text = "the socket of the connection cannot be told from the others of this process";
    Err(ConnectProblem(text.to_owned()))
}

fn in_one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The port of an address with a single host; others are found without it.
fn port(url: &str) -> u16 {
    let url = Url::parse(url).ok();
    url.and_then(|url| url.port()).unwrap_or(POSTGRES_PORT)
}

/// How long an attempt may take: libpq's own limit for each host, and some time for what follows.
fn connect_limit(url: &str) -> Duration {
    let given = url.split_once("connect_timeout=").and_then(|(_, value)| {
        let digits = value.split(|character: char| !character.is_ascii_digit());
        digits.into_iter().next()?.parse().ok()
    });
    let seconds: u64 = given.unwrap_or(CONNECT_SECONDS);
    let hosts = u64::try_from(url.matches(',').count()).unwrap_or(0);
    let addresses = hosts.saturating_add(1).saturating_mul(ADDRESSES_OF_A_HOST);
    Duration::from_secs(seconds.saturating_mul(addresses)).saturating_add(CONNECT_MARGIN)
}

fn advice(text: &str, has_expired: impl FnOnce() -> bool) -> Option<&'static str> {
    if text.contains("certificate verify failed") {
        return Some(match has_expired() {
            true => "the server's certificate has expired: renew it at the server",
            false => {
                "the server's certificate was not issued by the authority in sslrootcert: put the \
                 one that issued it there"
            }
        });
    }
    let known = ADVICE.iter().find(|(part, _advice)| text.contains(part));
    known.map(|(_part, advice)| *advice)
}

/// libpq does not say what is wrong with a certificate, so its date is read here.
fn has_expired(url: &str) -> bool {
    let not_after = tls_peer(url).map(|peer| certificate::not_after(&peer));
    matches!(not_after, Some(Ok(Some(end))) if end < clock::now_ms() / 1000)
}

/// The server whose certificate can be read. `None` for a Unix socket and for several hosts.
pub fn tls_peer(url: &str) -> Option<TlsPeer> {
    let url = Url::parse(url).ok()?;
    let is_off = url
        .query_pairs()
        .any(|(name, value)| name == "sslmode" && value == "disable");
    let host = url.host_str().filter(|host| !host.contains(','))?;
    Some(TlsPeer {
        name: "database",
        host: host.to_owned(),
        port: url.port().unwrap_or(POSTGRES_PORT),
        opening: match is_off {
            true => Opening::Plain,
            false => Opening::Postgres,
        },
    })
}
