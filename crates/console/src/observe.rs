//! What the console reports: one struct per observable writes the log record and the metrics together. It
//! never reports what people search for, the content of pages, cookies or tokens.

use std::net::SocketAddr;

use metrics::Counter;
use paynow_process::observe::Observable;
use paynow_process::telemetry::Catalog;
use paynow_process::telemetry::Values::Known;
use paynow_process::{declare_log_events, declare_metrics};

declare_metrics! {
    /// answered requests, by the first digit of the status
    static REQUESTS: Counter = "paynow_console_requests_total" { status: Known(statuses) };
    /// tries to sign in, by how they ended
    static SIGN_INS: Counter = "paynow_console_sign_ins_total" { outcome: Known(outcomes) };
}

declare_log_events! {
    Info "signed_in": "a person signed in";
    Warning "sign_in_refused": "a try to sign in failed, or there were too many";
    Warning "request_refused": "somebody who is signed in asked for what the roles do not allow, or not from our page";
    Error "database_refused_role": "a page asked the database for what the roles do not allow: it forgot to check";
    Info "replay_ended": "a run of a replay ended, with its end in words";
    Error "replay_failed": "a replay ended with an error, and can be continued";
    Error "page_failed": "a page could not be made";
    Error "page_ended": "the database ended a statement of a page at a limit: it took too long, or waited too long for a lock";
}

pub const CATALOG: Catalog = Catalog {
    metrics: &[METRICS],
    log_events: &[LOG_EVENTS],
};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

fn statuses() -> Vec<&'static str> {
    CLASSES.to_vec()
}

fn outcomes() -> Vec<&'static str> {
    vec!["accepted", "refused", "limited"]
}

pub(crate) struct Answered {
    pub(crate) status: u16,
}

impl Observable for Answered {
    fn emit(self) {
        let place = usize::from((self.status / 100).saturating_sub(1));
        let class = CLASSES.get(place).copied().unwrap_or(CLASSES[4]);
        REQUESTS.with([class]).increment(1);
    }
}

pub(crate) struct SignedInNow<'a> {
    pub(crate) person: &'a str,
}

impl Observable for SignedInNow<'_> {
    fn emit(self) {
        SIGN_INS.with(["accepted"]).increment(1);
        slog_scope::info!(# "signed_in", "signed in"; "person" => self.person);
    }
}

/// Nobody's name is in it: a password may have been typed into the field of the name.
pub(crate) struct SignInRefused {
    pub(crate) is_limited: bool,
    pub(crate) source: Option<std::net::IpAddr>,
}

impl Observable for SignInRefused {
    fn emit(self) {
        let outcome = if self.is_limited {
            "limited"
        } else {
            "refused"
        };
        SIGN_INS.with([outcome]).increment(1);
        let source = self.source.map(|source| source.to_string());
        slog_scope::warn!(# "sign_in_refused", "sign-in refused"; "outcome" => outcome, "source" => source);
    }
}

pub(crate) struct RequestRefused<'a> {
    pub(crate) path: &'a str,
    pub(crate) error: &'a str,
}

impl Observable for RequestRefused<'_> {
    fn emit(self) {
        slog_scope::warn!(# "request_refused", "request refused";
            "path" => self.path, "error" => self.error);
    }
}

pub(crate) struct DatabaseRefusedRole<'a> {
    pub(crate) path: &'a str,
    pub(crate) error: &'a str,
}

impl Observable for DatabaseRefusedRole<'_> {
    fn emit(self) {
        slog_scope::error!(# "database_refused_role", "the database refused a role";
            "path" => self.path, "error" => self.error);
    }
}

pub(crate) struct PageFailed<'a> {
    pub(crate) path: &'a str,
    pub(crate) error: &'a str,
}

impl Observable for PageFailed<'_> {
    fn emit(self) {
        slog_scope::error!(# "page_failed", "page failed"; "path" => self.path, "error" => self.error);
    }
}

pub(crate) struct PageEnded<'a> {
    pub(crate) path: &'a str,
    pub(crate) error: &'a str,
}

impl Observable for PageEnded<'_> {
    fn emit(self) {
        slog_scope::error!(# "page_ended", "page ended at a limit of the database";
            "path" => self.path, "error" => self.error);
    }
}

pub(crate) struct ReplayEnded<'a> {
    pub(crate) action_id: i64,
    pub(crate) is_failed: bool,
    pub(crate) ended: &'a str,
}

impl Observable for ReplayEnded<'_> {
    fn emit(self) {
        let (action_id, ended) = (self.action_id, self.ended);
        if self.is_failed {
            slog_scope::error!(# "replay_failed", "replay failed"; "action_id" => action_id, "error" => ended);
        } else {
            slog_scope::info!(# "replay_ended", "replay ended"; "action_id" => action_id, "ended" => ended);
        }
    }
}

pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) admin_address: SocketAddr,
}

impl Observable for Listening {
    fn emit(self) {
        slog_scope::info!(# "listening", "listening";
            "address" => %self.address, "admin_address" => %self.admin_address);
    }
}
