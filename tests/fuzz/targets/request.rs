//! Verifies a request with any headers and any body: one that verifies was signed like this, just now.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use paynow_process::secrets::SigningSecrets;
use paynow_receiver::verify::{VerifiedWebhook, VerifyError, claim, verify};
use paynow_shared::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use ring::digest::{SHA256, digest};

use super::{Pair, head_and_body};

const NOW_MS: i64 = 1_767_225_600_000;
const TOLERANCE: Duration = Duration::from_secs(300);
/// Ids and secrets. The second secret is longer than a block of SHA-256, so HMAC hashes it first.
const SECRETS: [(&str, &str); 2] = [
    ("a", "pn-0123456789abcdef0123456789abcdef"),
    (
        "b",
        "pn-a-secret-of-more-than-sixty-four-characters-0123456789abcdef0123456789abcdef",
    ),
];

/// HMAC-SHA256 by RFC 2104, independent of the library that the receiver uses.
fn hmac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = secret.as_bytes().to_vec();
    if key.len() > 64 {
        key = digest(&SHA256, &key).as_ref().to_vec();
    }
    key.resize(64, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = digest(&SHA256, &[&pad(0x36), parts.concat().as_slice()].concat());
    let outer = digest(&SHA256, &[&pad(0x5c), inner.as_ref()].concat());
    outer.as_ref().to_vec()
}

fn signature(secret: &str, timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    hmac(secret, &[timestamp, b".", body])
}

/// The headers of an input. The signature `=a` stands for the right one with secret `a`, because no fuzzer
/// would ever guess it.
fn headers(pairs: &[Pair<'_>], body: &[u8]) -> HeaderMap {
    let timestamp = pairs.iter().find(|(name, _)| *name == b"Timestamp");
    let timestamp = timestamp.map_or(&b""[..], |(_, value)| value);
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = match *name {
            b"Signature" => SIGNATURE_HEADER,
            b"Timestamp" => TIMESTAMP_HEADER,
            _other => continue,
        };
        let by = value.strip_prefix(b"=");
        let secret = by.and_then(|id| SECRETS.iter().find(|(known, _)| known.as_bytes() == id));
        let value = match secret {
            Some((_, secret)) => STANDARD
                .encode(signature(secret, timestamp, body))
                .into_bytes(),
            None => value.to_vec(),
        };
        // actix refuses other values.
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            map.append(name, value);
        }
    }
    map
}

fn verdict(headers: &HeaderMap, body: &[u8]) -> Result<VerifiedWebhook, VerifyError> {
    let secrets = SECRETS
        .map(|(id, secret)| format!("{id}:{secret}"))
        .join(",");
    let secrets = SigningSecrets::parse(&secrets).expect("valid secrets");
    let body = Bytes::copy_from_slice(body);
    verify(&claim(headers)?, body, &secrets, TOLERANCE, NOW_MS)
}

/// The one value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// The id of the secret that signed this, according to our own HMAC.
fn signer(headers: &HeaderMap, body: &[u8]) -> Option<&'static str> {
    let timestamp = only(headers, TIMESTAMP_HEADER)?;
    let given = STANDARD.decode(only(headers, SIGNATURE_HEADER)?).ok()?;
    let signed = SECRETS
        .iter()
        .find(|(_, secret)| signature(secret, timestamp, body) == given);
    signed.map(|(id, _)| *id)
}

/// `PayNow-Timestamp` in milliseconds, if it is a number of at most 18 digits without a leading zero.
fn timestamp(headers: &HeaderMap) -> Option<i64> {
    let text = std::str::from_utf8(only(headers, TIMESTAMP_HEADER)?).ok()?;
    let is_padded = text.len() > 1 && text.starts_with('0');
    let is_number =
        text.len() <= 18 && !is_padded && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_number: &i64| is_number)
}

pub fn request(data: &[u8]) {
    let (pairs, body) = head_and_body(data);
    let headers = headers(&pairs, body);
    let is_now = timestamp(&headers)
        .is_some_and(|at| u128::from(at.abs_diff(NOW_MS)) <= TOLERANCE.as_millis());
    let expected = signer(&headers, body).filter(|_id| is_now);
    let verified = verdict(&headers, body);
    assert_eq!(verified.as_ref().ok().map(|it| &*it.secret_id), expected);
    let Ok(verified) = verified else { return };
    assert_eq!(verified.body, body);
    assert_eq!(Some(verified.signed_at_ms), timestamp(&headers));
    assert_eq!(verified.received_at_ms, NOW_MS);
    check_changes(&headers, body);
}

/// After any change a verified request is refused.
fn check_changes(headers: &HeaderMap, body: &[u8]) {
    let mut longer = body.to_vec();
    longer.push(b' ');
    let refused = verdict(headers, &longer).err();
    assert_eq!(refused, Some(VerifyError::Mismatch));
    // Each place takes a signature, so only some are changed, spread over the body.
    for place in (0..body.len()).step_by(body.len() / 8 + 1) {
        let mut changed = body.to_vec();
        changed[place] ^= 1;
        let refused = verdict(headers, &changed).err();
        assert_eq!(refused, Some(VerifyError::Mismatch), "byte {place}");
    }
    let timestamp = only(headers, TIMESTAMP_HEADER).unwrap_or_default();
    for place in 0..timestamp.len() {
        let mut changed = timestamp.to_vec();
        // Gives another digit.
        changed[place] ^= 1;
        let mut headers = headers.clone();
        let name = HeaderName::from_bytes(TIMESTAMP_HEADER.as_bytes()).expect("a name");
        let value = HeaderValue::from_bytes(&changed).expect("a value");
        headers.insert(name, value);
        assert!(verdict(&headers, body).is_err(), "digit {place}");
    }
}
