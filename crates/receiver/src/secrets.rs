//! The signing secrets. PayNow gives each subscription its own, and a rotation adds one, so any of them
//! may match.

pub mod reload;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use paynow_shared::signature::Signer;

/// One subscription's secret and our name for it.
pub struct SigningSecret {
    id: String,
    signer: Signer,
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
            if !is_id(&id) {
                return Err(InvalidSecrets::InvalidId);
            }
            if secrets.iter().any(|known| known.id == id) {
                return Err(InvalidSecrets::DuplicateId(id));
            }
            let signer = Signer::new(secret);
            secrets.push(SigningSecret { id, signer });
        }
        Ok(Self(secrets))
    }

    pub fn iter(&self) -> impl Iterator<Item = &SigningSecret> {
        self.0.iter()
    }
}

/// The secrets in use. A replacement changes all of them at once; a request keeps those it started with.
pub struct CurrentSecrets(RwLock<Arc<SigningSecrets>>);

impl CurrentSecrets {
    pub fn new(secrets: SigningSecrets) -> Self {
        Self(RwLock::new(Arc::new(secrets)))
    }

    pub fn get(&self) -> Arc<SigningSecrets> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn replace(&self, secrets: Arc<SigningSecrets>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secrets;
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
        assert_eq!(ids("pn-1"), ["1"]);
        assert_eq!(ids("orders:pn-1, refunds:pn-2"), ["orders", "refunds"]);
        assert_eq!(ids("pn-1,old:pn:with:colons"), ["1", "old"]);
    }

    #[test]
    fn a_wrong_list_is_refused_without_telling_a_secret() {
        for text in ["", "pn-1,", "a:", "a:pn-1,a:pn-2", ":pn-1", "pn 1:x"] {
            let error = SigningSecrets::parse(text).unwrap_err().to_string();
            assert!(!error.contains("pn"), "{text:?}: {error}");
        }
    }
}
