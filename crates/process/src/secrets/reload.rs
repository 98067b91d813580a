//! Reads a file of signing secrets again, on SIGHUP and when it has changed, so that a rotation
//! needs no restart. Only a complete and valid list replaces the one in use.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::observe::{SecretsNotReloaded, SecretsReloaded};
use super::{CurrentSecrets, InvalidSecrets, SecretSetting, SigningSecret, SigningSecrets};
use crate::environment::{SecretFile, SettingError};
use crate::exit::Fatal;
use crate::observe::Observable;

const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// A file that has not changed for this long is complete. Half a list could be a valid one.
const SETTLED_AFTER: Duration = Duration::from_millis(200);

/// Why the secrets were not replaced.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error("{0} is not in a file: a restart reads it again")]
    NoFile(&'static str),
    #[error(transparent)]
    Unreadable(#[from] SettingError),
    #[error("{0} {1}")]
    Invalid(&'static str, #[source] InvalidSecrets),
}

/// The ids before and after a replacement.
pub type OnReplaced = fn(before: &[&str], now: &[&str]);

/// The secrets in use. Those from a file are read again when it changes, until `stop`. Handles SIGHUP,
/// which would otherwise end the process. Must be called inside a tokio runtime.
pub fn watched(
    setting: SecretSetting,
    on_replaced: OnReplaced,
    stop: CancellationToken,
) -> Result<Arc<CurrentSecrets>, Fatal> {
    let hangups = signal(SignalKind::hangup())
        .map_err(|error| Fatal::failed("could not listen for SIGHUP", error))?;
    let current = Arc::new(CurrentSecrets::new(setting.secrets));
    let watch = Watch {
        name: setting.name,
        seen: setting.file.as_ref().and_then(|file| file.read().ok()),
        file: setting.file,
        hangups,
        current: Arc::clone(&current),
        on_replaced,
    };
    tokio::spawn(watch.run(stop));
    Ok(current)
}

/// Watches the file of a list of secrets.
struct Watch {
    /// The variable of the list.
    name: &'static str,
    file: Option<SecretFile>,
    /// The content that was used or refused last, so that a wrong file is reported once.
    seen: Option<SecretString>,
    hangups: Signal,
    current: Arc<CurrentSecrets>,
    on_replaced: OnReplaced,
}

impl Watch {
    /// Watches until `stop`.
    async fn run(mut self, stop: CancellationToken) {
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
                Err(ReloadError::NoFile(self.name))
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
        let secrets = secrets.map_err(|error| ReloadError::Invalid(self.name, error))?;
        let (before, now) = (self.current.get(), Arc::new(secrets));
        let ids_before: Vec<&str> = before.iter().map(SigningSecret::id).collect();
        let ids_now: Vec<&str> = now.iter().map(SigningSecret::id).collect();
        (self.on_replaced)(&ids_before, &ids_now);
        SecretsReloaded { now: &ids_now }.emit();
        self.current.replace(Arc::clone(&now));
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
