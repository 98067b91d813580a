//! Every setting that is the console's alone, and the list of all that it reads.

use paynow_desk::settings::{FIGURES, MANAGEMENT, SILENCES};
use paynow_process::broker::{connect, tls};
use paynow_process::setting::ProgramSettings;
use paynow_process::{declare_settings, paynow, telemetry};
use paynow_worker::settings::{DATABASE, LADDERS, SHOP};

/// What the console reads.
pub const CONSOLE: ProgramSettings = ProgramSettings {
    program: "console",
    lists: &[
        connect::SETTINGS,
        tls::SETTINGS,
        MANAGEMENT,
        DATABASE,
        SILENCES,
        SHOP,
        paynow::SETTINGS,
        LADDERS,
        FIGURES,
        SETTINGS,
        telemetry::SETTINGS,
    ],
};

declare_settings! {
    pub(crate) const SETTINGS;
    /// the console's address; a proxy with TLS stands in front of it
    pub(crate) const ADDRESS: Text = "CONSOLE_ADDR" { default: "127.0.0.1:8090" };
    /// the address that people type, such as `https://console.shop.example`; https, except on a loopback
    /// address
    pub(crate) const PUBLIC_URL: Optional = "CONSOLE_PUBLIC_URL" { absent: "the console does not start" };
    /// how people sign in: `accounts` of our own, or `proxy`, which has signed them in already; see
    /// [the console](console.md)
    pub(crate) const AUTH: Optional = "CONSOLE_AUTH" { absent: "the console does not start" };
    /// addresses and networks of the proxy, comma separated: with `proxy` its word about persons is
    /// believed, with `accounts` its `X-Forwarded-For`
    pub(crate) const PROXY_PEERS: Optional = "CONSOLE_PROXY_PEERS" {
        absent: "nobody; with `proxy`, the console does not start",
    };
    /// with `proxy`: what the proxy sends in `X-Console-Secret`, at least 32 characters
    pub(crate) const PROXY_SECRET: Secret = "CONSOLE_PROXY_SECRET" {
        absent: Some("with `proxy`, the console does not start"),
    };
    /// with `proxy`: the header that names the person
    pub(crate) const PROXY_USER_HEADER: Text = "CONSOLE_PROXY_USER_HEADER" {
        default: "X-Forwarded-User",
    };
    /// with `proxy`: the header that lists the person's groups, comma separated
    pub(crate) const PROXY_GROUPS_HEADER: Text = "CONSOLE_PROXY_GROUPS_HEADER" {
        default: "X-Forwarded-Groups",
    };
    /// with `proxy`: the header that tells when the person signed in there, in seconds since 1970, as
    /// the claim `auth_time` of a token has them, or as RFC 3339
    pub(crate) const PROXY_SIGNED_IN_HEADER: Optional = "CONSOLE_PROXY_SIGNED_IN_HEADER" {
        absent: "with `proxy`, nobody can do what takes a sign-in of the last 15 minutes",
    };
    /// with `proxy`: what groups may do, `group=role` comma separated; the roles are `viewer`, `support`,
    /// `operator`, `approver` and `admin`
    pub(crate) const ROLES: Optional = "CONSOLE_ROLES" { absent: "nobody has a role" };
    /// what the console is for, shown on every page; `production` is shown in red
    pub(crate) const ENVIRONMENT: Optional = "CONSOLE_ENVIRONMENT" { absent: "nothing is shown" };
    /// where the long history of the figures is
    pub(crate) const GRAFANA_URL: Optional = "CONSOLE_GRAFANA_URL" { absent: "no link" };
    /// the console's `/healthz`, `/readyz` and `/metrics` for machines
    pub(crate) const ADMIN_ADDRESS: Text = "METRICS_ADDR" { default: "127.0.0.1:9463" };
}
