//! Signs as `PayNow` does: base64 of HMAC-SHA256 over timestamp, full stop and body, with the
//! secret's text as the key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

pub(crate) struct Signer(hmac::Key);

impl Signer {
    pub(crate) fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The value of `PayNow-Signature`.
    pub(crate) fn sign(&self, timestamp_ms: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{timestamp_ms}.").as_bytes());
        context.update(body);
        STANDARD.encode(context.sign())
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
            assert_eq!(signer.sign(1_767_225_600_000, body.as_bytes()), signature);
        }
    }
}
