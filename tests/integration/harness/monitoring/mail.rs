//! A mail as its reader sees it: subject and text, with the encodings that Alertmanager uses
//! decoded.

use std::fmt;

#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    /// The headers and contents of all parts, with quoted-printable decoded.
    pub(crate) text: String,
}

impl Mail {
    pub(super) fn read(to: Vec<String>, content: &str) -> Self {
        let head = content.split("\n\n").next().unwrap_or_default();
        // A long header continues on a line that begins with a space.
        let head = head.replace("\n ", " ");
        let subject = head
            .lines()
            .find_map(|line| line.strip_prefix("Subject: "))
            .unwrap_or_default();
        Self {
            to,
            subject: encoded_words(subject),
            text: quoted_printable(content),
        }
    }

    /// The lines that begin with a state. Each is an alert.
    pub(crate) fn alerts(&self) -> Vec<&str> {
        let is_alert = |line: &&str| line.starts_with("FIRING") || line.starts_with("RESOLVED");
        self.text.lines().filter(is_alert).collect()
    }

    pub(crate) fn contains(&self, needle: &str) -> bool {
        self.text.contains(needle)
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.text.lines().find(|line| line.starts_with("Date: "));
        write!(f, "{} ({}): ", self.subject, date.unwrap_or_default())?;
        write!(f, "{:?} to {:?}", self.alerts(), self.to)
    }
}

/// RFC 2045: `=C3=BC` are two bytes, and `=` at the end of a line joins it to the next.
fn quoted_printable(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let byte = rest.get(..2).map(|hex| u8::from_str_radix(hex, 16));
        if let Some(after) = rest.strip_prefix('\n') {
            rest = after;
        } else if let Some(Ok(byte)) = byte {
            bytes.push(byte);
            rest = &rest[2..];
        } else {
            bytes.push(b'=');
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// RFC 2047, encoding Q: `=?utf-8?q?a_b?=`. The space between two such words is not part of the
/// text.
fn encoded_words(header: &str) -> String {
    let mut decoded = String::new();
    let mut rest = header;
    let mut after_word = false;
    while let Some((before, word)) = rest.split_once("=?") {
        let parts: Vec<&str> = word.splitn(3, '?').collect();
        let [_charset, encoding, tail] = parts[..] else {
            break;
        };
        let Some((word, after)) = tail.split_once("?=") else {
            break;
        };
        assert!(encoding.eq_ignore_ascii_case("q"), "not decoded: {header}");
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&quoted_printable(&word.replace('_', " ")));
        (rest, after_word) = (after, true);
    }
    decoded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_reads_as_it_was_written() {
        let mail = Mail::read(
            vec!["on-call@shop.example".to_owned()],
            "From: a\nSubject: =?utf-8?q?[FIRING]_Broker_=E2=80=94?=\n =?utf-8?q?_down?=\nTo: b\n\n\
             <a href=3D\"https://shop.example/run=\nbooks/Broker.md?a=3Db\">=C5=BC</a> a=b\n",
        );
        assert_eq!(mail.subject, "[FIRING] Broker — down");
        assert!(mail.contains("<a href=\"https://shop.example/runbooks/Broker.md?a=b\">ż</a> a=b"));
        let plain = Mail::read(Vec::new(), "Subject: [RESOLVED] Broker\n\nSubject: no\n");
        assert_eq!(plain.subject, "[RESOLVED] Broker");
    }
}
