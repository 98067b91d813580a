//! Reads the status and the length of an HTTP answer.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Head and body.
    pub(super) length: usize,
}

/// Not an answer with a status and a `Content-Length`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads the head at the start of `bytes`; `None` while it is incomplete.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Answer>, Unreadable> {
    let Some(head_length) = bytes.windows(4).position(|at| at == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_length]).map_err(|_not_text| Unreadable)?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|line| line.get(..3)?.parse().ok())
        .ok_or(Unreadable)?;
    let body_length: usize = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _value)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_name, value)| value.trim().parse().ok())
        .ok_or(Unreadable)?;
    Ok(Some(Answer {
        status,
        length: head_length + 4 + body_length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_its_status_and_its_length() {
        let whole = b"HTTP/1.1 202 Accepted\r\nX-Other: 7\r\nContent-Length: 2\r\n\r\n{}";
        let expected = Answer {
            status: 202,
            length: whole.len(),
        };
        assert_eq!(parse(whole), Ok(Some(expected)));
        // The head alone is enough.
        assert_eq!(parse(&whole[..whole.len() - 1]), Ok(Some(expected)));
        for cut in [0, 1, 20, whole.len() - 3] {
            assert_eq!(parse(&whole[..cut]), Ok(None), "{cut}");
        }
        let lower = parse(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length:0\r\n\r\n");
        assert_eq!(lower.unwrap().unwrap().status, 503);
    }

    #[test]
    fn an_answer_without_length_or_status_is_unreadable() {
        for text in [
            "HTTP/1.1 202 Accepted\r\n\r\n",
            "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 202 OK\r\nContent-Length: many\r\n\r\n",
            "SMTP\r\nContent-Length: 0\r\n\r\n",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Unreadable), "{text}");
        }
    }
}
