//! What a program reports of its signing secrets.

use std::error::Error;

use crate::declare_log_events;
use crate::observe::Observable;

declare_log_events! {
    Info "secrets_reloaded": "the file of the signing secrets was read again";
    Error "secrets_not_reloaded": "that file is wrong, and the secrets in use stay";
    Warning "secret_short": "a secret is shorter than those of PayNow: was it cut off?";
}

/// A list of secrets was replaced by one with these ids.
pub(super) struct SecretsReloaded<'a> {
    pub(super) now: &'a [&'a str],
}

impl Observable for SecretsReloaded<'_> {
    fn emit(self) {
        slog_scope::info!(# "secrets_reloaded", "signing secrets reloaded";
            "secret_ids" => self.now.join(","));
    }
}

pub(super) struct SecretsNotReloaded<'a> {
    pub(super) error: &'a dyn Error,
}

impl Observable for SecretsNotReloaded<'_> {
    fn emit(self) {
        slog_scope::error!(# "secrets_not_reloaded", "signing secrets not reloaded";
            "error" => self.error.to_string());
    }
}

/// A secret that is allowed, and shorter than those of PayNow.
pub(super) struct ShortSecret<'a> {
    pub(super) secret_id: &'a str,
}

impl Observable for ShortSecret<'_> {
    fn emit(self) {
        slog_scope::warn!(# "secret_short", "a signing secret is shorter than those of PayNow";
            "secret_id" => self.secret_id);
    }
}
