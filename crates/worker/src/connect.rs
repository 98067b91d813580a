//! Connects to PostgreSQL. An error is one line with the cause and what to do about it.

use diesel::Connection;
use diesel::pg::PgConnection;
use paynow_process::certificate::{self, Opening, TlsPeer};
use paynow_process::clock;
use url::Url;

const POSTGRES_PORT: u16 = 5432;
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

/// Connects once. Reads the certificate files now, so renewed files are used.
pub fn establish(url: &str) -> Result<PgConnection, ConnectProblem> {
    PgConnection::establish(url).map_err(|error| {
        let text = error.to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        ConnectProblem(match advice(&text, || has_expired(url)) {
            Some(advice) => format!("{advice} ({text})"),
            None => text,
        })
    })
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
