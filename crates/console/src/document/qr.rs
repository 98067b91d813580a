//! A QR code, as a drawing without scripts and styles.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// Readers need so many empty modules around it (ISO/IEC 18004).
const QUIET: i32 = 4;

#[derive(Debug)]
pub(crate) struct Qr {
    /// What it is, for whoever does not see it.
    pub(crate) label: String,
    /// Modules of one side, with what is left empty around it.
    pub(crate) side: i32,
    /// The dark modules, as the path of a drawing.
    pub(crate) path: String,
}

impl Qr {
    /// `None` for what is too long for a code.
    pub(crate) fn of(label: impl Into<String>, text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let size = code.size();
        let modules = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
        let dark = modules.filter(|(x, y)| code.get_module(*x, *y));
        let path = dark.fold(String::new(), |mut path, (x, y)| {
            // Writing to a string never fails.
            let _written = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            path
        });
        Some(Self {
            label: label.into(),
            side: size + 2 * QUIET,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_nothing_around_it() {
        let qr = Qr::of("key", "otpauth://totp/a:b?secret=AAAA").unwrap();
        // Version 3: 29 modules.
        assert_eq!(qr.side, 29 + 2 * QUIET);
        let last = 28 + QUIET;
        for (x, y, is_dark) in [
            (QUIET, QUIET, true),
            (last, QUIET, true),
            (QUIET, last, true),
            (QUIET + 1, QUIET + 1, false),
            (QUIET - 1, QUIET, false),
            (last + 1, QUIET, false),
        ] {
            assert_eq!(qr.path.contains(&format!("M{x},{y}h")), is_dark, "{x}, {y}");
        }
        assert!(Qr::of("key", &"x".repeat(3_000)).is_none());
    }
}
