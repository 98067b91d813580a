//! Every setting that is `paynowctl`'s alone, and the list of all that it reads.

use paynow_process::broker::{connect, tls};
use paynow_process::setting::ProgramSettings;
use paynow_process::{declare_settings, paynow, secrets};
use paynow_worker::settings::{DATABASE, LADDERS, SHOP};

/// What `paynowctl` reads; a command asks only for those that it needs.
pub const PAYNOWCTL: ProgramSettings = ProgramSettings {
    program: "paynowctl",
    lists: &[
        connect::SETTINGS,
        tls::SETTINGS,
        MANAGEMENT,
        DATABASE,
        SILENCES,
        secrets::SETTINGS,
        secrets::RETIRED_SETTINGS,
        SHOP,
        paynow::SETTINGS,
        LADDERS,
        LOGINS,
        ADDRESSES,
        FIGURES,
    ],
};

declare_settings! {
    pub const MANAGEMENT;
    /// the broker's management API, `http://<user>:<password>@host:15672`; what it leaves out comes from
    /// `AMQP_URL`
    pub(crate) const MANAGEMENT_URL: Secret = "AMQP_MANAGEMENT_URL" {
        absent: Some("host and user of `AMQP_URL`, http, port 15672"),
    };
}

declare_settings! {
    pub const SILENCES;
    /// how long a statement may be unanswered, and 30 times that where a command reads or changes whole
    /// tables: longer than a login waits for a lock; see
    /// [the database](database.md#a-server-that-says-nothing)
    pub const SILENCE: Number = "DATABASE_SILENCE_SECONDS" {
        least: 1, most: 86_400, default: 60, unit: "seconds",
    };
}

declare_settings! {
    pub(crate) const LOGINS;
    /// `setup` gives this time-out to every login but its own: how long a transaction may be idle; 0 is
    /// no limit; see [the database](database.md)
    pub const LOGIN_IDLE_IN_TRANSACTION: OptionalNumber = "PAYNOW_LOGIN_IDLE_IN_TRANSACTION_SECONDS" {
        least: 0, most: 86_400, unit: "seconds", absent: "30 where the login has none",
    };
    /// the same for how long a statement may wait for a lock
    pub const LOGIN_LOCK: OptionalNumber = "PAYNOW_LOGIN_LOCK_SECONDS" {
        least: 0, most: 86_400, unit: "seconds", absent: "10 where the login has none",
    };
    /// the same for how long a statement may take
    pub const LOGIN_STATEMENT: OptionalNumber = "PAYNOW_LOGIN_STATEMENT_SECONDS" {
        least: 0, most: 86_400, unit: "seconds",
        absent: "60, or 900 for readers and operators, where the login has none",
    };
}

declare_settings! {
    pub(crate) const ADDRESSES;
    /// the receiver that `send` and `history send` post to
    pub const WEBHOOK_URL: Text = "PAYNOW_WEBHOOK_URL" {
        default: "http://127.0.0.1:8080/webhooks/paynow",
    };
    /// the address that PayNow posts to, as in its dashboard: `https://<your name>/webhooks/paynow`; only
    /// `doctor` reads it, and looks at its certificate
    pub const PUBLIC_URL: Optional = "PAYNOW_PUBLIC_URL" {
        absent: "nobody looks at the certificate",
    };
}

declare_settings! {
    pub const FIGURES;
    /// the metrics of every receiver and worker that `top` and the console show, comma separated
    pub const METRICS_URLS: Text = "PAYNOW_METRICS_URLS" {
        default: "http://127.0.0.1:9464/metrics,http://127.0.0.1:9465/metrics",
    };
}
