//! A person who is signed in.

use std::fmt::Write;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use super::person::PersonName;
use super::roles::Roles;
use crate::error::DeskError;

const BYTES: usize = 32;

/// What the cookie holds. It shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId([u8; BYTES]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a session")]
pub struct InvalidSessionId;

impl SessionId {
    pub fn new() -> Result<Self, DeskError> {
        random().map(Self)
    }

    /// The value of the cookie.
    pub fn to_cookie(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn key(&self) -> SessionKey {
        let mut key = [0; BYTES];
        key.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        SessionKey(key)
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidSessionId)
    }
}

/// The SHA-256 of the id: what the database keeps, and nobody can sign in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; BYTES]);

impl SessionKey {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn to_hex(self) -> String {
        let mut hex = String::with_capacity(2 * BYTES);
        for byte in self.0 {
            // Writing to a text cannot fail.
            let _written = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// A session that is not over, as the database has it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Session {
    #[serde(skip)]
    pub key: SessionKey,
    pub person: PersonName,
    pub shown_name: String,
    /// None before the person has chosen a password.
    pub roles: Roles,
    /// Somebody else knows the password: the person may do nothing but to choose one.
    pub must_enrol: bool,
    pub signed_in_at: String,
    /// Signed in within the last 15 minutes, as a reveal, a decision and a change of people take.
    pub is_recent: bool,
    pub ends_at: String,
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], DeskError> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_unspecified| {
        DeskError::Refused("the system gave no random bytes: nothing was done".to_owned())
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_as_it_was_written() {
        let id = SessionId::new().unwrap();
        assert!(id.to_cookie().parse() == Ok(id.clone()));
        assert_eq!(id.to_cookie().len(), 43);
        assert_ne!(id.key(), SessionId::new().unwrap().key());
        for invalid in ["", "AAAA", &format!("{}A", id.to_cookie()), &"=".repeat(43)] {
            assert!(invalid.parse::<SessionId>().is_err(), "{invalid}");
        }
    }
}
