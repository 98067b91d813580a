//! Every setting that the worker declares, and the list of all that it reads. `paynowctl` reads the shop's
//! choices, the ladder and the address of the database too.

use paynow_process::broker::{connect, tls};
use paynow_process::setting::ProgramSettings;
use paynow_process::{declare_settings, paynow, secrets, telemetry};

/// What the worker reads.
pub const WORKER: ProgramSettings = ProgramSettings {
    program: "worker",
    lists: &[
        connect::SETTINGS,
        tls::SETTINGS,
        DATABASE,
        SILENCE_OF_WORKER,
        secrets::SETTINGS,
        secrets::RETIRED_SETTINGS,
        SHOP,
        paynow::SETTINGS,
        LADDERS,
        SETTINGS,
        telemetry::SETTINGS,
    ],
};

declare_settings! {
    pub const DATABASE;
    /// the database, `postgres://<user>:<password>@host/database`; parameters such as `connect_timeout` and
    /// `options` get a limit unless it sets them
    pub const DATABASE_URL: Secret = "DATABASE_URL" { absent: None };
}

declare_settings! {
    pub(crate) const SILENCE_OF_WORKER;
    /// how long a statement may be unanswered; keep it above the server's `statement_timeout`, which is
    /// 30 seconds here; see [the database](database.md#a-server-that-says-nothing)
    pub(crate) const SILENCE: Number = "DATABASE_SILENCE_SECONDS" {
        least: 1, most: 86_400, default: 35, unit: "seconds",
    };
}

declare_settings! {
    pub const SHOP;
    /// the shop: an order of another store, or one that names none, is refused `wrong_store`; it also
    /// names the store whose products `paynowctl products import --from-paynow` reads
    pub const STORE: Optional = "PAYNOW_STORE_ID" { absent: "every store" };
    /// a refund of a part of an order takes back the points of the line that it was for (`by_line`) or a
    /// share of all points (`proportional`), or becomes a dead letter (`dead_letter`); see
    /// [what a shop decides](points.md), and give `paynowctl` the worker's choices
    pub(crate) const PARTIAL_REFUNDS: Choice = "PARTIAL_REFUNDS" {
        values: "by_line, proportional or dead_letter",
        default: "by_line",
    };
    /// the metadata key with the points of a product that is not in `products`
    pub(crate) const METADATA_KEY: Optional = "POINTS_METADATA_KEY" { absent: "metadata is not read" };
    /// which types of orders are credited, recorded without points, or dead letters, such as
    /// `subscription_proration=ignore,unknown=credit`; a type that is not named keeps its default
    pub(crate) const ORDER_TYPES: Optional = "ORDER_TYPES" { absent: "[by type](points.md#kinds-of-orders)" };
    /// the line of a free trial gives no points (`ignore`) or those of its product (`credit`), or makes
    /// the order a dead letter (`dead_letter`)
    pub(crate) const TRIALS: Choice = "TRIALS" {
        values: "credit, ignore or dead_letter",
        default: "ignore",
    };
    /// a product without points makes the order a dead letter (`dead_letter`), or gives none (`zero`)
    pub(crate) const UNKNOWN_PRODUCTS: Choice = "UNKNOWN_PRODUCTS" {
        values: "dead_letter or zero",
        default: "dead_letter",
    };
}

declare_settings! {
    pub const LADDERS;
    /// seconds after which an event is tried again, 1 to 16 rising delays of 1 to 86400;
    /// `paynowctl setup` creates a queue for each, so give it the worker's
    pub const LADDER: Text = "RETRY_LADDER" { default: "1,4,16,64,256,1024,3600" };
}

declare_settings! {
    pub(crate) const SETTINGS;
    /// how long the payload of a recorded event, and the body of a settled dead letter, is kept; not for
    /// ever, because they contain personal data; see [retention](retention.md)
    pub(crate) const RETENTION: Number = "EVENT_RETENTION_DAYS" {
        least: 1, most: 36_500, default: 30, unit: "days",
    };
    /// how long it is kept who a customer is in games, since the customer's last order; see
    /// [retention](retention.md)
    pub(crate) const IDENTITY_RETENTION: Number = "IDENTITY_RETENTION_DAYS" {
        least: 1, most: 36_500, default: 1_095, unit: "days",
    };
    /// concurrent consumers, each with its own database connection
    pub(crate) const LANES: Number = "WORKER_LANES" { least: 1, most: 64, default: 2, unit: "" };
    /// how many events one transaction may apply; a larger batch is not faster, and one bad event makes
    /// more good ones be applied again
    pub(crate) const BATCH: Number = "WORKER_BATCH_MAX" {
        least: 1, most: 5_000, default: 200, unit: "",
    };
    /// how many unacknowledged messages a lane may have, at least `WORKER_BATCH_MAX`
    pub(crate) const PREFETCH: Number = "WORKER_PREFETCH" {
        least: 1, most: 65_535, default: 500, unit: "",
    };
    /// how long the worker may hold messages without a commit, or the database may not answer it while it
    /// is idle, before `/readyz` is 503 `stalled`
    pub(crate) const STALL: Number = "WORKER_STALL_SECONDS" {
        least: 1, most: 86_400, default: 30, unit: "seconds",
    };
    /// between two surveys of debts and dead letters
    pub(crate) const SURVEY: Number = "SURVEY_INTERVAL_SECONDS" {
        least: 1, most: 86_400, default: 30, unit: "seconds",
    };
    /// between two checks of the whole ledger, which all workers share
    pub(crate) const LEDGER_CHECK: Number = "LEDGER_CHECK_INTERVAL_SECONDS" {
        least: 1, most: 86_400, default: 3_600, unit: "seconds",
    };
    /// the worker's `/healthz`, `/readyz` and `/metrics`
    pub(crate) const ADMIN_ADDRESS: Text = "METRICS_ADDR" { default: "127.0.0.1:9465" };
}
