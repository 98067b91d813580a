//! The line ends of heads. Only CR LF ends a line: a server that takes a bare LF or CR for an end reads
//! another request than one that does not.

use std::str;

/// What the next bytes of a head are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// The head goes on after them.
    Partial,
    /// The head ends before the byte at `end`. `body_bytes` is the length that it announces; 0 when it
    /// announces none, or in a way that only the parser of heads understands.
    Whole { end: usize, body_bytes: usize },
    /// A CR or LF is not part of a CR LF.
    Malformed,
}

/// The part of a head that has been scanned.
#[derive(Default)]
pub(super) struct HeadLines {
    /// The bytes of the line so far, without a CR at its end.
    line_bytes: usize,
    ends_with_cr: bool,
    /// Empty lines before the first one are no end.
    has_line: bool,
    body_bytes: usize,
}

impl HeadLines {
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        let mut start = 0;
        while let Some(length) = bytes[start..].iter().position(|byte| *byte == b'\n') {
            let line = &bytes[start..start + length];
            let is_split_cr = self.ends_with_cr && !line.is_empty();
            let is_whole_line = self.line_bytes == 0;
            self.add(line);
            start += length + 1;
            if is_split_cr || !std::mem::take(&mut self.ends_with_cr) || has_bare_cr(line) {
                return Scanned::Malformed;
            }
            let is_empty = std::mem::take(&mut self.line_bytes) == 0;
            if is_empty && self.has_line {
                let body_bytes = std::mem::take(self).body_bytes;
                return Scanned::Whole {
                    end: start,
                    body_bytes,
                };
            }
            self.has_line |= !is_empty;
            if let Some(body_bytes) = announced(line).filter(|_length| is_whole_line) {
                self.body_bytes = body_bytes;
            }
        }
        let rest = &bytes[start..];
        if self.ends_with_cr && !rest.is_empty() || has_bare_cr(rest) {
            return Scanned::Malformed;
        }
        self.add(rest);
        Scanned::Partial
    }

    /// Adds a part of a line.
    fn add(&mut self, part: &[u8]) {
        if let Some(last) = part.last() {
            self.ends_with_cr = *last == b'\r';
            self.line_bytes += part.len() - usize::from(self.ends_with_cr);
        }
    }
}

/// Whether a part of a line has a CR before its last byte.
fn has_bare_cr(part: &[u8]) -> bool {
    part.split_last()
        .is_some_and(|(_last, before)| before.contains(&b'\r'))
}

fn announced(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    str::from_utf8(value.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 12\r\n\r\n";

    fn whole(body_bytes: usize) -> Scanned {
        let end = HEAD.len();
        Scanned::Whole { end, body_bytes }
    }

    #[test]
    fn a_head_ends_at_its_empty_line_however_it_is_divided() {
        let with_body = [HEAD, b"{\n}\r\r"].concat();
        assert_eq!(HeadLines::default().scan(&with_body), whole(12));
        for at in 0..HEAD.len() {
            let mut lines = HeadLines::default();
            assert_eq!(lines.scan(&HEAD[..at]), Scanned::Partial);
            let second = lines.scan(&with_body[at..]);
            assert!(
                matches!(second, Scanned::Whole { end, .. } if end == HEAD.len() - at),
                "{at}: {second:?}"
            );
            // The next head on the connection.
            assert_eq!(lines.scan(HEAD), whole(12));
        }
    }

    #[test]
    fn empty_lines_before_a_head_are_no_head() {
        let mut lines = HeadLines::default();
        assert_eq!(lines.scan(b"\r\n\r\n\r\n"), Scanned::Partial);
        assert_eq!(lines.scan(HEAD), whole(12));
    }

    #[test]
    fn a_cr_or_lf_alone_is_malformed_wherever_the_head_is_divided() {
        for head in [
            "POST / HTTP/1.1\nhost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: x\n\r\n",
            "POST / HTTP/1.1\r\nhost: x\r\n\n",
            "POST / HTTP/1.1\r\nhost: x\ry: z\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: x\r\r\n\r\n",
            "\nPOST / HTTP/1.1\r\n\r\n",
        ] {
            for at in 0..head.len() {
                let (first, second) = head.as_bytes().split_at(at);
                let mut lines = HeadLines::default();
                let scanned = [lines.scan(first), lines.scan(second)];
                assert!(scanned.contains(&Scanned::Malformed), "{head:?} at {at}");
            }
        }
    }
}
