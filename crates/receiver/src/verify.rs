//! Bytes to verified webhook: the signature over the exact bytes is checked before anything reads them.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use paynow_process::secrets::SigningSecrets;
use paynow_shared::signature::{SIGNATURE_HEADER, Signature, TIMESTAMP_HEADER};

/// Milliseconds since 1970 have 13 digits until the year 2286; 18 always fit into 64 bits.
const TIMESTAMP_DIGITS_MAX: usize = 18;

/// A body that PayNow signed. Only [`verify`] makes one, so no later step has to check it again.
#[derive(Debug)]
pub struct VerifiedWebhook {
    pub body: Bytes,
    /// `PayNow-Timestamp`, in Unix milliseconds.
    pub signed_at_ms: i64,
    /// Our clock at the check, in Unix milliseconds.
    pub received_at_ms: i64,
    /// The id of the secret that matched.
    pub secret_id: String,
    pub signature: Signature,
}

/// Why a request is not accepted as a fresh webhook from PayNow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    #[error("the header {0} is malformed")]
    MalformedHeader(&'static str),
    #[error("no known secret made this signature")]
    Mismatch,
    #[error("the signature is right, but its timestamp is outside the allowed window")]
    Stale,
}

/// What the two headers of PayNow claim.
#[derive(Debug)]
pub struct Claim {
    /// As sent, because PayNow signs the text and not the number.
    timestamp: String,
    signed_at_ms: i64,
    signature: Signature,
}

/// Reads the two headers. Unlike PayNow's own sample, it refuses `123abc` as a timestamp and a header that
/// is sent twice. A timestamp has no leading zero, so that its number gives back the text that was signed.
pub fn claim(headers: &HeaderMap) -> Result<Claim, VerifyError> {
    let signature = single(headers, SIGNATURE_HEADER)?;
    let timestamp = single(headers, TIMESTAMP_HEADER)?;
    let malformed = VerifyError::MalformedHeader(SIGNATURE_HEADER);
    let signature = Signature::from_base64(signature).ok_or(malformed)?;
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let is_padded = timestamp.len() > 1 && timestamp.starts_with('0');
    if !digits || is_padded || timestamp.len() > TIMESTAMP_DIGITS_MAX {
        return Err(VerifyError::MalformedHeader(TIMESTAMP_HEADER));
    }
    Ok(Claim {
        signed_at_ms: timestamp
            .parse()
            .map_err(|_empty| VerifyError::MalformedHeader(TIMESTAMP_HEADER))?,
        timestamp: timestamp.to_owned(),
        signature,
    })
}

fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, VerifyError> {
    let mut values = headers.get_all(name);
    let value = values.next().ok_or(VerifyError::MissingHeader(name))?;
    match values.next() {
        None => value
            .to_str()
            .map_err(|_not_text| VerifyError::MalformedHeader(name)),
        Some(_second) => Err(VerifyError::MalformedHeader(name)),
    }
}

/// Checks the claim: `base64(HMAC-SHA256(secret, "<PayNow-Timestamp>.<raw body>"))` under any of
/// the secrets, in constant time, then the window in both directions. The signature comes first,
/// so that `Stale` always means that PayNow signed it.
pub fn verify(
    claim: &Claim,
    body: Bytes,
    secrets: &SigningSecrets,
    tolerance: Duration,
    now_ms: i64,
) -> Result<VerifiedWebhook, VerifyError> {
    let secret = secrets.iter().find(|secret| {
        let signer = secret.signer();
        signer.verifies(&claim.timestamp, &body, &claim.signature)
    });
    let secret_id = secret.ok_or(VerifyError::Mismatch)?.id().to_owned();
    let off_ms = u128::from(now_ms.abs_diff(claim.signed_at_ms));
    if off_ms > tolerance.as_millis() {
        return Err(VerifyError::Stale);
    }
    Ok(VerifiedWebhook {
        body,
        signed_at_ms: claim.signed_at_ms,
        received_at_ms: now_ms,
        secret_id,
        signature: claim.signature,
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use paynow_shared::signature::Signer;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "pn-00112233445566778899aabbccddeeff";
    const SIGNED_AT_MS: i64 = 1_767_225_600_000;
    const TOLERANCE: Duration = Duration::from_secs(300);
    const ORDER: &str =
        r#"{"event_type":"ON_ORDER_COMPLETED","event_id":"411486491630370816","body":{}}"#;
    const ORDER_SIGNATURE: &str = "1GGKVsqAWTuJKeJxvm+6XG+69sNIVNfbloDf5Sq4yo0=";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn two_secrets() -> SigningSecrets {
        SigningSecrets::parse(&format!("other:pn-another,orders:{SECRET}")).unwrap()
    }

    fn check(
        timestamp: &str,
        signature: &str,
        body: &str,
        now_ms: i64,
    ) -> Result<String, VerifyError> {
        let headers = headers(&[(SIGNATURE_HEADER, signature), (TIMESTAMP_HEADER, timestamp)]);
        let body = Bytes::copy_from_slice(body.as_bytes());
        verify(&claim(&headers)?, body, &two_secrets(), TOLERANCE, now_ms)
            .map(|webhook| webhook.secret_id)
    }

    #[test]
    fn the_golden_vectors_verify() {
        for (body, signature) in [
            (ORDER, ORDER_SIGNATURE),
            ("", "hVi4Q9XFTMKH11r+88SC0r3DJ9J5cd0h4dcHEYFW8Oc="),
            (
                r#"{"name":"Żółw ✓"}"#,
                "HGlgcydf9v9zczg3lioroP/q+hOLflWPpXV4T+3KJoM=",
            ),
        ] {
            let outcome = check("1767225600000", signature, body, SIGNED_AT_MS);
            assert_eq!(outcome.as_deref(), Ok("orders"), "{body:?}");
        }
    }

    #[test]
    fn the_window_is_closed_on_both_sides() {
        for (off_ms, expected) in [
            (-300_001, Err(VerifyError::Stale)),
            (-300_000, Ok("orders".to_owned())),
            (300_000, Ok("orders".to_owned())),
            (300_001, Err(VerifyError::Stale)),
        ] {
            let outcome = check(
                "1767225600000",
                ORDER_SIGNATURE,
                ORDER,
                SIGNED_AT_MS + off_ms,
            );
            assert_eq!(outcome, expected, "{off_ms} ms");
        }
    }

    #[test]
    fn a_stale_forgery_is_a_mismatch() {
        let outcome = check("1", ORDER_SIGNATURE, ORDER, SIGNED_AT_MS);
        assert_eq!(outcome, Err(VerifyError::Mismatch));
    }

    #[test]
    fn a_timestamp_is_decimal_digits() {
        for timestamp in [
            "",
            "123abc",
            "-1",
            "+1",
            "1.5",
            " 1",
            "01767225600000",
            "1767225600000000000",
        ] {
            let outcome = check(timestamp, ORDER_SIGNATURE, ORDER, SIGNED_AT_MS);
            assert_eq!(
                outcome,
                Err(VerifyError::MalformedHeader(TIMESTAMP_HEADER)),
                "{timestamp:?}"
            );
        }
    }

    #[test]
    fn a_signature_is_32_bytes_in_standard_base64() {
        let url_safe = ORDER_SIGNATURE.replace('+', "-");
        let unpadded = ORDER_SIGNATURE.trim_end_matches('=');
        for signature in ["", "AAAA", "not base64", url_safe.as_str(), unpadded] {
            let outcome = check("1767225600000", signature, ORDER, SIGNED_AT_MS);
            assert_eq!(
                outcome,
                Err(VerifyError::MalformedHeader(SIGNATURE_HEADER)),
                "{signature:?}"
            );
        }
    }

    #[test]
    fn each_header_is_needed_exactly_once() {
        let claim_of = |pairs: &[(&'static str, &str)]| claim(&headers(pairs)).map(|_claim| ());
        let signature = (SIGNATURE_HEADER, ORDER_SIGNATURE);
        let timestamp = (TIMESTAMP_HEADER, "1767225600000");
        assert_eq!(claim_of(&[signature, timestamp]), Ok(()));
        assert_eq!(
            claim_of(&[timestamp]),
            Err(VerifyError::MissingHeader(SIGNATURE_HEADER))
        );
        assert_eq!(
            claim_of(&[signature]),
            Err(VerifyError::MissingHeader(TIMESTAMP_HEADER))
        );
        assert_eq!(
            claim_of(&[signature, timestamp, timestamp]),
            Err(VerifyError::MalformedHeader(TIMESTAMP_HEADER))
        );
        assert_eq!(
            claim_of(&[signature, signature, timestamp]),
            Err(VerifyError::MalformedHeader(SIGNATURE_HEADER))
        );
    }

    proptest! {
        #[test]
        fn whatever_was_signed_verifies_and_says_by_whom(body: Vec<u8>, secret in "[!-~&&[^,:]]{8,40}") {
            let secrets = SigningSecrets::parse(&format!("a:pn-other,b:{secret}")).unwrap();
            let signature = Signer::new(&secret).sign("1767225600000", &body);
            let headers =
                headers(&[(SIGNATURE_HEADER, &signature), (TIMESTAMP_HEADER, "1767225600000")]);
            let webhook = verify(
                &claim(&headers).unwrap(), Bytes::from(body.clone()), &secrets, TOLERANCE, SIGNED_AT_MS,
            ).unwrap();
            prop_assert_eq!(webhook.secret_id, "b");
            prop_assert_eq!(webhook.body, body);
        }

        #[test]
        fn one_changed_bit_anywhere_is_a_mismatch(
            body in proptest::collection::vec(any::<u8>(), 1..300), place: prop::sample::Index, bit in 0u8..8,
        ) {
            let signature = Signer::new(SECRET).sign("1767225600000", &body);
            let mut changed = body;
            *place.get_mut(&mut changed) ^= 1 << bit;
            let secrets = SigningSecrets::parse(SECRET).unwrap();
            let headers =
                headers(&[(SIGNATURE_HEADER, &signature), (TIMESTAMP_HEADER, "1767225600000")]);
            let outcome = verify(
                &claim(&headers).unwrap(), Bytes::from(changed), &secrets, TOLERANCE, SIGNED_AT_MS,
            );
            prop_assert_eq!(outcome.unwrap_err(), VerifyError::Mismatch);
        }

        #[test]
        fn no_header_text_makes_claim_panic(signature in "[ -~]{0,80}", timestamp in "[ -~]{0,30}") {
            let _ = claim(&headers(&[(SIGNATURE_HEADER, &signature), (TIMESTAMP_HEADER, &timestamp)]));
        }
    }
}
