//! `PayNow`'s signature scheme: base64 of HMAC-SHA256 over timestamp, full stop and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use subtle::ConstantTimeEq;

/// The header with the signature in base64.
pub const SIGNATURE_HEADER: &str = "PayNow-Signature";
/// The header with the signed timestamp, in Unix milliseconds.
pub const TIMESTAMP_HEADER: &str = "PayNow-Timestamp";

/// A signature of `PayNow`: proof that one of the secrets signed a timestamp and a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the value of [`SIGNATURE_HEADER`]; `None` unless it is 32 bytes in standard base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_bytes(&STANDARD.decode(text).ok()?)
    }

    /// A signature as the database stores it; `None` unless it has 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value of [`SIGNATURE_HEADER`].
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }
}

/// Computes signatures with one secret.
pub struct Signer(hmac::Key);

impl Signer {
    /// The key is the secret's text as it stands, not decoded (`PayNow`'s official sample).
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// Whether the secret signed the body. `timestamp` is the text that is in [`TIMESTAMP_HEADER`].
    /// Takes as long for a wrong signature as for the right one.
    pub fn verifies(&self, timestamp: &str, body: &[u8], signature: &Signature) -> bool {
        let expected = self.tag(timestamp, body);
        expected.as_ref().ct_eq(signature.as_bytes()).into()
    }

    /// The value of [`SIGNATURE_HEADER`].
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        STANDARD.encode(self.tag(timestamp, body))
    }

    fn tag(&self, timestamp: &str, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(timestamp.as_bytes());
        context.update(b".");
        context.update(body);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_two_other_implementations() {
        let signer = Signer::new("pn-00112233445566778899aabbccddeeff");
        for (body, signature) in [
            (
                r#"{"event_type":"ON_ORDER_COMPLETED","event_id":"411486491630370816","body":{}}"#,
                "1GGKVsqAWTuJKeJxvm+6XG+69sNIVNfbloDf5Sq4yo0=",
            ),
            ("", "hVi4Q9XFTMKH11r+88SC0r3DJ9J5cd0h4dcHEYFW8Oc="),
            (
                r#"{"name":"Żółw ✓"}"#,
                "HGlgcydf9v9zczg3lioroP/q+hOLflWPpXV4T+3KJoM=",
            ),
        ] {
            assert_eq!(signer.sign("1767225600000", body.as_bytes()), signature);
        }
    }

    #[test]
    fn only_the_signed_timestamp_and_body_verify() {
        let (signer, other) = (
            Signer::new("pn-0011223344556677"),
            Signer::new("pn-another"),
        );
        let signature = Signature::from_base64(&signer.sign("1767225600000", b"{}")).unwrap();
        assert!(signer.verifies("1767225600000", b"{}", &signature));
        assert!(!signer.verifies("1767225600001", b"{}", &signature));
        assert!(!signer.verifies("1767225600000", b"{ }", &signature));
        assert!(!other.verifies("1767225600000", b"{}", &signature));
    }

    #[test]
    fn a_signature_is_32_bytes_in_standard_base64() {
        let text = "1GGKVsqAWTuJKeJxvm+6XG+69sNIVNfbloDf5Sq4yo0=";
        let signature = Signature::from_base64(text).unwrap();
        assert_eq!(signature.to_base64(), text);
        assert_eq!(Signature::from_bytes(signature.as_bytes()), Some(signature));
        let url_safe = text.replace('+', "-");
        for wrong in [
            "",
            "AAAA",
            "not base64",
            &url_safe,
            text.trim_end_matches('='),
        ] {
            assert_eq!(Signature::from_base64(wrong), None, "{wrong:?}");
        }
    }
}
