//! Passwords: PBKDF2 with HMAC-SHA256. The database keeps the SHA-256 of the derived key.

use std::num::NonZeroU32;

use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive as pbkdf2};
use secrecy::{ExposeSecret, SecretString};

use super::session::random;
use crate::error::DeskError;

/// What OWASP asks for.
pub(crate) const ROUNDS: u32 = 600_000;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
/// Without those that are read as another: 32 letters and digits, so a byte has no bias.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const CHARACTERS: usize = 24;
pub(crate) const CHARACTERS_MIN: usize = 12;

/// What the database takes of a password.
pub(crate) struct Derived {
    pub(crate) salt: Vec<u8>,
    pub(crate) rounds: u32,
    pub(crate) key: [u8; KEY_BYTES],
}

impl Derived {
    pub(crate) fn of(password: &SecretString) -> Result<Self, DeskError> {
        let salt = random::<SALT_BYTES>()?.to_vec();
        let key = key(password, &salt, ROUNDS);
        Ok(Self {
            salt,
            rounds: ROUNDS,
            key,
        })
    }
}

pub(crate) fn key(password: &SecretString, salt: &[u8], rounds: u32) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    let rounds = NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN);
    let password = password.expose_secret().as_bytes();
    pbkdf2(PBKDF2_HMAC_SHA256, rounds, salt, password, &mut key);
    key
}

/// For somebody who will replace it.
pub(crate) fn new_password() -> Result<SecretString, DeskError> {
    let bytes = random::<CHARACTERS>()?;
    let letters = bytes.iter().filter_map(|byte| {
        let place = usize::from(*byte) % ALPHABET.len();
        ALPHABET.get(place).copied().map(char::from)
    });
    Ok(letters.collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_one_of_a_known_example() {
        // The vectors of RFC 6070 with SHA-256, as RFC 7914 has one.
        let derived = key(&"passwd".into(), b"salt", 1);
        assert_eq!(
            derived[..8],
            [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]
        );
    }

    #[test]
    fn no_two_passwords_are_alike() {
        let [one, other] = [new_password().unwrap(), new_password().unwrap()];
        assert_eq!(one.expose_secret().len(), CHARACTERS);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
