//! Signing secrets that change without a restart: their file is read again on SIGHUP, and when it has
//! changed. Nothing but a whole and valid list takes the place of the one in use.

use std::sync::Arc;
use std::time::Duration;

use paynow_process::environment::{SecretFile, SettingError};
use paynow_process::observe::Observable;
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::observe::{SecretsNotReloaded, SecretsReloaded};
use crate::secrets::{CurrentSecrets, InvalidSecrets, SigningSecrets};

const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// A file that is the same after this is not being written: half a list would be a valid one.
const SETTLED_AFTER: Duration = Duration::from_millis(200);

/// Why the secrets in use stay.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("PAYNOW_SIGNING_SECRETS is not in a file: a restart reads it again")]
    NoFile,
    #[error(transparent)]
    Unreadable(#[from] SettingError),
    #[error("PAYNOW_SIGNING_SECRETS {0}")]
    Invalid(#[from] InvalidSecrets),
}

/// The signing secrets' file, and what it held last.
pub struct Watch {
    file: Option<SecretFile>,
    /// What was taken or refused last, so that a wrong file is told once.
    seen: Option<SecretString>,
    hangups: Signal,
    current: Arc<CurrentSecrets>,
}

impl Watch {
    /// Takes over SIGHUP, which would else end the process. Fails when the process may not.
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
            let is_asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = self.hangups.recv() => true,
                () = tokio::time::sleep(LOOK_AGAIN) => false,
            };
            if let Err(error) = self.look(is_asked).await {
                SecretsNotReloaded { error: &error }.emit();
            }
        }
    }

    async fn look(&mut self, is_asked: bool) -> Result<(), ReloadError> {
        let Some(file) = self.file.clone() else {
            return if is_asked {
                Err(ReloadError::NoFile)
            } else {
                Ok(())
            };
        };
        let text = match settled(&file).await {
            Ok(text) => text,
            // Whoever replaces a file may leave none for a moment; asked, it is an answer.
            Err(error) if is_asked => return Err(error.into()),
            Err(_for_now) => return Ok(()),
        };
        let is_same = |seen: &SecretString| seen.expose_secret() == text.expose_secret();
        if self.seen.as_ref().is_some_and(is_same) && !is_asked {
            return Ok(());
        }
        let secrets = SigningSecrets::parse(text.expose_secret());
        self.seen = Some(text);
        let (before, now) = (self.current.get(), Arc::new(secrets?));
        SecretsReloaded {
            before: &before,
            now: &now,
        }
        .emit();
        self.current.replace(now);
        Ok(())
    }
}

/// What the file holds once nobody writes it any more.
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
