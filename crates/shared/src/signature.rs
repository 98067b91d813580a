//! `PayNow`'s signature scheme: base64 of HMAC-SHA256 over timestamp, full stop and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// The header with the signature in base64.
pub const SIGNATURE_HEADER: &str = "PayNow-Signature";
/// The header with the signed timestamp, in Unix milliseconds.
pub const TIMESTAMP_HEADER: &str = "PayNow-Timestamp";

/// Computes signatures with one secret.
pub struct Signer(hmac::Key);

impl Signer {
    /// The key is the secret's text as it stands, not decoded (`PayNow`'s official sample).
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The 32 bytes of the signature. `timestamp` is the text that is in [`TIMESTAMP_HEADER`].
    pub fn signature(&self, timestamp: &str, body: &[u8]) -> impl AsRef<[u8]> + use<> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(timestamp.as_bytes());
        context.update(b".");
        context.update(body);
        context.sign()
    }

    /// The value of [`SIGNATURE_HEADER`].
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        STANDARD.encode(self.signature(timestamp, body))
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
}
