//! Every setting that is the receiver's alone, and the list of all that it reads.

use paynow_process::broker::{connect, tls};
use paynow_process::setting::ProgramSettings;
use paynow_process::{declare_settings, secrets, telemetry};

/// What the receiver reads.
pub const RECEIVER: ProgramSettings = ProgramSettings {
    program: "receiver",
    lists: &[
        connect::SETTINGS,
        tls::SETTINGS,
        secrets::SETTINGS,
        SETTINGS,
        telemetry::SETTINGS,
    ],
};

declare_settings! {
    pub(crate) const SETTINGS;
    /// how far a webhook's timestamp may be in the past or the future
    pub(crate) const TOLERANCE: Number = "PAYNOW_TOLERANCE_SECONDS" {
        least: 1, most: 86_400, default: 300, unit: "seconds",
    };
    /// the address for webhooks
    pub(crate) const ADDRESS: Text = "RECEIVER_ADDR" { default: "0.0.0.0:8080" };
    /// the largest body; PayNow publishes no limit, and embeds whole products per line
    pub(crate) const BODY_LIMIT: Number = "RECEIVER_BODY_LIMIT_BYTES" {
        least: 1, most: 67_108_864, default: 1_048_576, unit: "bytes",
    };
    /// how long the broker's confirm may take
    pub(crate) const PUBLISH_TIMEOUT: Number = "RECEIVER_PUBLISH_TIMEOUT_MS" {
        least: 10, most: 60_000, default: 5_000, unit: "milliseconds",
    };
    /// requests that wait for a confirm at once
    pub(crate) const IN_FLIGHT: Number = "RECEIVER_MAX_IN_FLIGHT" {
        least: 1, most: 100_000, default: 1_024, unit: "",
    };
    /// addresses and networks that may send webhooks, comma separated; see [hardening](hardening.md)
    pub(crate) const ALLOWED_SOURCES: Optional = "RECEIVER_ALLOWED_SOURCES" { absent: "everybody" };
    /// addresses and networks whose `X-Forwarded-For` is believed, comma separated
    pub(crate) const TRUSTED_PROXIES: Optional = "RECEIVER_TRUSTED_PROXIES" { absent: "nobody" };
    /// failures a minute of one address (IPv6: one /64) that are answered with their reason; further
    /// ones get 429
    pub(crate) const FAILURES_PER_SOURCE: Number = "RECEIVER_FAILURES_PER_SOURCE" {
        least: 0, most: 1_000_000, default: 60, unit: "",
    };
    /// the same for all addresses together
    pub(crate) const FAILURES_OVERALL: Number = "RECEIVER_FAILURES_OVERALL" {
        least: 0, most: 1_000_000, default: 600, unit: "",
    };
    /// open connections, no more than the file descriptors allow
    pub(crate) const CONNECTIONS: Number = "RECEIVER_MAX_CONNECTIONS" {
        least: 16, most: 100_000, default: 4_096, unit: "",
    };
    /// how long a connection may take until its next complete head; a body has this long plus a second
    /// for each 64 KiB
    pub(crate) const PATIENCE: Number = "RECEIVER_PATIENCE_MS" {
        least: 100, most: 600_000, default: 5_000, unit: "milliseconds",
    };
    /// memory for all bodies over 16 KiB together
    pub(crate) const BODY_MEMORY: Number = "RECEIVER_BODY_MEMORY_BYTES" {
        least: 1_048_576, most: 17_179_869_184, default: 67_108_864, unit: "bytes",
    };
    /// the receiver's `/healthz`, `/readyz` and `/metrics`; never the public port
    pub(crate) const ADMIN_ADDRESS: Text = "METRICS_ADDR" { default: "127.0.0.1:9464" };
}
