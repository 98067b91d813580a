//! The codes of an authenticator application (RFC 6238): six digits, every 30 seconds, HMAC-SHA-1.

use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use secrecy::{ExposeSecret, SecretString};

use super::session::random;
use crate::error::DeskError;

const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
const SECRET_BYTES: usize = 20;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the application and we share.
#[derive(Debug, Clone)]
pub struct TotpSecret(SecretString);

impl TotpSecret {
    pub fn new() -> Result<Self, DeskError> {
        Ok(Self(base32(&random::<SECRET_BYTES>()?).into()))
    }

    /// As the application takes it when it is typed, and as a form sends it back.
    pub fn to_base32(&self) -> &str {
        self.0.expose_secret()
    }

    /// Of what `to_base32` gave.
    pub fn of_base32(text: &str) -> Option<Self> {
        let is_whole = bytes_of(text).is_some_and(|bytes| bytes.len() == SECRET_BYTES);
        is_whole.then(|| Self(text.to_owned().into()))
    }

    /// As the application takes it from a picture or a link.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let mut uri = url::form_urlencoded::Serializer::new(String::new());
        uri.append_pair("secret", self.to_base32());
        uri.append_pair("issuer", issuer);
        let label = |text: &str| -> String {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
        };
        let query = uri.finish().replace('+', "%20");
        format!(
            "otpauth://totp/{}:{}?{query}",
            label(issuer).replace('+', "%20"),
            label(account).replace('+', "%20")
        )
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        bytes_of(self.to_base32()).unwrap_or_default()
    }
}

/// The step that a code belongs to: the one of this time, the one before or the one after.
pub(crate) fn step_of(secret: &[u8], code: &str, now_ms: i64) -> Option<i64> {
    let is_code = code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
    let given: u32 = code.parse().ok()?;
    let current = now_ms / 1000 / STEP_SECONDS;
    // All three are looked at, so that the time does not tell which it was.
    let steps = [current, current - 1, current + 1].map(|step| (step, at(secret, step) == given));
    let found = steps.into_iter().find(|(_step, is_it)| *is_it && is_code);
    found.map(|(step, _is_it)| step)
}

/// The code of a step (RFC 4226, 5.3).
fn at(secret: &[u8], step: i64) -> u32 {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let place = tag.last().map_or(0, |byte| usize::from(byte & 0x0f));
    let four = tag
        .get(place..place + 4)
        .and_then(|four| four.try_into().ok());
    (u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff) % MODULUS
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut five = [0_u8; 8];
        for (to, from) in five.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let number = u64::from_be_bytes(five);
        let letters = (0..8_u32).rev().filter_map(|place| {
            let digit = usize::try_from(number >> (5 * place) & 31).ok()?;
            BASE32.get(digit).copied().map(char::from)
        });
        text.extend(letters);
    }
    text
}

/// Of whole groups of eight.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.bytes().collect();
    let mut bytes = Vec::new();
    for group in letters.chunks(8) {
        let mut number = 0_u64;
        for letter in group {
            let digit = BASE32.iter().position(|known| known == letter)?;
            number = number << 5 | u64::try_from(digit).ok()?;
        }
        if group.len() != 8 {
            return None;
        }
        bytes.extend(number.to_be_bytes().into_iter().skip(3));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// The code of a secret at a time, as a test's own authenticator.
    fn code(secret: &[u8], seconds: i64) -> String {
        format!("{:06}", at(secret, seconds / STEP_SECONDS))
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, seconds), expected);
        }
    }

    #[test]
    fn a_code_counts_for_its_step_and_the_ones_beside_it() {
        let now = 1_111_111_109;
        let step = now / STEP_SECONDS;
        for (seconds, expected) in [
            (now, Some(step)),
            (now - 30, Some(step - 1)),
            (now + 30, Some(step + 1)),
            (now - 60, None),
            (now + 60, None),
        ] {
            let found = step_of(SECRET, &code(SECRET, seconds), now * 1000);
            assert_eq!(found, expected, "{seconds}");
        }
        for invalid in ["", "81804", "0081804", "+81804", "08180a", "081805"] {
            assert_eq!(step_of(SECRET, invalid, now * 1000), None, "{invalid}");
        }
    }

    #[test]
    fn a_secret_is_read_as_it_was_written() {
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let secret = TotpSecret::new().unwrap();
        let again = TotpSecret::of_base32(secret.to_base32()).unwrap();
        assert_eq!(again.bytes(), secret.bytes());
        assert_eq!(secret.bytes().len(), SECRET_BYTES);
        for invalid in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1"] {
            assert!(TotpSecret::of_base32(invalid).is_none(), "{invalid}");
        }
        let uri = TotpSecret::of_base32(&base32(SECRET))
            .unwrap()
            .uri("PayNow points", "anna@x");
        assert_eq!(
            uri,
            "otpauth://totp/PayNow%20points:anna%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=PayNow%20points"
        );
    }
}
