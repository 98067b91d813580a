//! The headers of every answer: what browsers may do with our pages.

use actix_web::http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY};
use actix_web::middleware::DefaultHeaders;

/// Scripts and styles come from us only and never from the page itself; nobody may frame it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     font-src 'none'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";
/// Nothing of a device is needed.
const NO_DEVICES: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), \
     encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
     midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), \
     usb=(), web-share=(), xr-spatial-tracking=()";

const ALWAYS: [(&str, &str); 8] = [
    ("Content-Security-Policy", CONTENT_POLICY),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    // Addresses of pages hold ids, so others do not get them. With `no-referrer` browsers send our own forms with
    // the origin `null`.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", NO_DEVICES),
    ("X-Robots-Tag", "noindex"),
];

pub(crate) fn of_every_answer(is_https: bool) -> DefaultHeaders {
    let headers = ALWAYS
        .into_iter()
        .fold(DefaultHeaders::new(), |headers, pair| headers.add(pair))
        .add((CACHE_CONTROL, "no-store"));
    match is_https {
        true => headers.add((STRICT_TRANSPORT_SECURITY, "max-age=31536000")),
        false => headers,
    }
}
