//! Reads the file of the signing secrets again, on SIGHUP and when it has changed, so that a rotation
//! needs no restart. Only a complete and valid list replaces the one in use.

use std::sync::Arc;
use std::time::Duration;

use paynow_process::environment::{SecretFile, SettingError};
use paynow_process::observe::Observable;
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CurrentSecrets, InvalidSecrets, SigningSecret, SigningSecrets};
use crate::observe::secrets::{SecretsNotReloaded, SecretsReloaded};

const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// A file that has not changed for this long is complete. Half a list could be a valid one.
const SETTLED_AFTER: Duration = Duration::from_millis(200);

/// Why the secrets were not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("PAYNOW_SIGNING_SECRETS is not in a file: a restart reads it again")]
    NoFile,
    #[error(transparent)]
    Unreadable(#[from] SettingError),
    #[error("PAYNOW_SIGNING_SECRETS {0}")]
    Invalid(#[from] InvalidSecrets),
}

/// Watches the file of the signing secrets.
pub struct Watch {
    file: Option<SecretFile>,
    /// The content that was used or refused last, so that a wrong file is reported once.
    seen: Option<SecretString>,
    hangups: Signal,
    current: Arc<CurrentSecrets>,
}

impl Watch {
    /// Handles SIGHUP, which would otherwise end the process. Fails when the handler cannot be installed.
    pub fn new(file: Option<SecretFile>, current: Arc<CurrentSecrets>) -> std::io::Result<Self> {
        Ok(Self {
            seen: file.as_ref().and_then(|file| file.read().ok()),
            file,
            hangups: signal(SignalKind::hangup())?,
            current,
        })
    }

    /// Watches until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let is_requested = tokio::select! {
                () = stop.cancelled() => return,
                _ = self.hangups.recv() => true,
                () = tokio::time::sleep(CHECK_INTERVAL) => false,
            };
            if let Err(error) = self.check(is_requested).await {
                SecretsNotReloaded { error: &error }.emit();
            }
        }
    }

    async fn check(&mut self, is_requested: bool) -> Result<(), ReloadError> {
        let Some(file) = self.file.clone() else {
            return if is_requested {
                Err(ReloadError::NoFile)
            } else {
                Ok(())
            };
        };
        let text = match settled(&file).await {
            Ok(text) => text,
            // A file may be missing for a moment while it is replaced, unless SIGHUP says that it is there.
            Err(error) if is_requested => return Err(error.into()),
            Err(_try_again) => return Ok(()),
        };
        let is_same = |seen: &SecretString| seen.expose_secret() == text.expose_secret();
        if self.seen.as_ref().is_some_and(is_same) && !is_requested {
            return Ok(());
        }
        let secrets = SigningSecrets::parse(text.expose_secret());
        self.seen = Some(text);
        let (before, now) = (self.current.get(), Arc::new(secrets?));
        SecretsReloaded {
            before: before.iter().map(SigningSecret::id).collect(),
            now: now.iter().map(SigningSecret::id).collect(),
        }
        .emit();
        self.current.replace(now);
        Ok(())
    }
}

/// The content of the file, once it has stopped changing.
async fn settled(file: &SecretFile) -> Result<SecretString, SettingError> {
    let mut before = file.read()?;
    loop {
        tokio::time::sleep(SETTLED_AFTER).await;
        let now = file.read()?;
        if now.expose_secret() == before.expose_secret() {
            return Ok(now);
        }
        before = now;
    }
}
