//! The signing secrets. PayNow gives each subscription its own, and a rotation adds one, so any of them
//! may match.

pub(crate) mod observe;
pub mod reload;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use paynow_shared::signature::Signer;
use secrecy::ExposeSecret;

use crate::declare_settings;
use crate::environment::{Environment, SecretFile, SettingError};
use crate::observe::Observable;
use crate::setting::{Secret, Setting};
use observe::ShortSecret;

declare_settings! {
    pub const SETTINGS;
    /// the secrets that sign webhooks, `id:secret` pairs or bare secrets, comma separated, each of 8
    /// characters or more; the worker verifies with the receiver's list again, and `paynowctl send` signs
    /// with the first one; see [secret rotation](secret-rotation.md)
    pub const SIGNING: Secret = "PAYNOW_SIGNING_SECRETS" { absent: None };
}

declare_settings! {
    pub const RETIRED_SETTINGS;
    /// secrets that the receiver no longer accepts, and whose messages and dead letters may still arrive;
    /// the same form
    pub const RETIRED: Secret = "PAYNOW_RETIRED_SECRETS" { absent: Some("none") };
}

/// A shorter secret can be guessed from one signature.
const LENGTH_MIN: usize = 8;
/// A secret of PayNow has 35 characters. A shorter one than this was probably cut off.
const LENGTH_USUAL: usize = 16;

/// One subscription's secret and our name for it.
pub struct SigningSecret {
    id: String,
    signer: Signer,
    is_short: bool,
}

impl SigningSecret {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn signer(&self) -> &Signer {
        &self.signer
    }
}

/// At least one secret, each id once.
pub struct SigningSecrets(Vec<SigningSecret>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    #[error("holds an empty secret")]
    Empty,
    #[error(
        "holds a secret of fewer than {LENGTH_MIN} characters, which can be guessed; a secret of PayNow is pn- and 32 more"
    )]
    TooShort,
    #[error("names the id {0:?} twice")]
    DuplicateId(String),
    #[error("has an id that is not 1 to 64 letters, digits, '-', '_' or '.'")]
    InvalidId,
}

impl SigningSecrets {
    /// Reads `id:secret` pairs or bare secrets, comma separated. A bare secret gets its place as
    /// its id (`1`, `2`, …): ids are in logs and labels, so an id must reveal nothing of its secret.
    pub fn parse(text: &str) -> Result<Self, InvalidSecrets> {
        let mut secrets: Vec<SigningSecret> = Vec::new();
        for (place, item) in (1_usize..).zip(text.split(',')) {
            let (id, secret) = match item.trim().split_once(':') {
                Some((id, secret)) => (id.to_owned(), secret),
                None => (place.to_string(), item.trim()),
            };
            if secret.is_empty() {
                return Err(InvalidSecrets::Empty);
            }
            let length = secret.chars().count();
            if length < LENGTH_MIN {
                return Err(InvalidSecrets::TooShort);
            }
            if !is_id(&id) {
                return Err(InvalidSecrets::InvalidId);
            }
            if secrets.iter().any(|known| known.id == id) {
                return Err(InvalidSecrets::DuplicateId(id));
            }
            secrets.push(SigningSecret {
                id,
                signer: Signer::new(secret),
                is_short: length < LENGTH_USUAL,
            });
        }
        Ok(Self(secrets))
    }

    pub fn iter(&self) -> impl Iterator<Item = &SigningSecret> {
        self.0.iter()
    }
}

/// A list of secrets from the environment, and the file it came from.
pub struct SecretSetting {
    /// The variable.
    pub name: &'static str,
    pub secrets: SigningSecrets,
    pub file: Option<SecretFile>,
}

impl SecretSetting {
    /// Reads the variable, or the file that `<name>_FILE` names; `None` when neither is set.
    pub fn from_secret(
        setting: &Setting<Secret>,
        environment: &Environment,
    ) -> Result<Option<Self>, SettingError> {
        let name = setting.name;
        let Some(text) = environment.secret(setting)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            name,
            secrets: SigningSecrets::parse(text.expose_secret())
                .map_err(|error| SettingError::new(name, error))?,
            file: environment.secret_file(setting),
        }))
    }

    /// Reads a variable that must be set.
    pub fn from_required_secret(
        setting: &Setting<Secret>,
        environment: &Environment,
    ) -> Result<Self, SettingError> {
        Self::from_secret(setting, environment)?
            .ok_or_else(|| SettingError::new(setting.name, "is required and not set"))
    }
}

/// The secrets in use. A replacement changes all of them at once; a request keeps those it started with.
pub struct CurrentSecrets(RwLock<Arc<SigningSecrets>>);

impl CurrentSecrets {
    /// Warns of each secret that is shorter than PayNow's.
    pub fn new(secrets: SigningSecrets) -> Self {
        warn_of_short(&secrets);
        Self(RwLock::new(Arc::new(secrets)))
    }

    pub fn get(&self) -> Arc<SigningSecrets> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, secrets: Arc<SigningSecrets>) {
        warn_of_short(&secrets);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }
}

fn warn_of_short(secrets: &SigningSecrets) {
    for secret in secrets.iter().filter(|secret| secret.is_short) {
        ShortSecret {
            secret_id: &secret.id,
        }
        .emit();
    }
}

fn is_id(id: &str) -> bool {
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(clean)
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(SigningSecret::id))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        let secrets = SigningSecrets::parse(text).unwrap();
        secrets
            .iter()
            .map(|secret| secret.id().to_owned())
            .collect()
    }

    #[test]
    fn secrets_are_named_or_numbered() {
        assert_eq!(ids("pn-11111"), ["1"]);
        assert_eq!(
            ids("orders:pn-11111, refunds:pn-22222"),
            ["orders", "refunds"]
        );
        assert_eq!(ids("pn-11111,old:pn:with:colons"), ["1", "old"]);
    }

    #[test]
    fn a_wrong_list_is_refused_without_telling_a_secret() {
        for text in [
            "",
            "pn-11111,",
            "a:",
            "a:pn-11111,a:pn-22222",
            ":pn-11111",
            "pn 1:pn-11111",
        ] {
            let error = SigningSecrets::parse(text).unwrap_err().to_string();
            assert!(!error.contains("pn-1"), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_and_a_short_one_is_noticed() {
        for text in [
            "x",
            "a:pn-1111",
            "a:pn-00112233445566778899aabbccddeeff,b:1",
        ] {
            let error = SigningSecrets::parse(text).unwrap_err();
            assert_eq!(error, InvalidSecrets::TooShort, "{text:?}");
        }
        let is_short = |text: &str| {
            let secrets = SigningSecrets::parse(text).unwrap();
            secrets.iter().any(|secret| secret.is_short)
        };
        assert!(is_short("a:pn-123456789abc"));
        assert!(!is_short("a:pn-123456789abcd"));
    }
}
