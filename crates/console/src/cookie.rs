//! Two cookies, read and written by hand: the session, and how pages look.

use actix_web::http::header::{COOKIE, HeaderMap};
use paynow_desk::console::session::SessionId;

use crate::config::PublicUrl;

const LOOK: &str = "paynow-look";
const LOOK_SECONDS: u32 = 31_536_000;
/// A session ends in the database after so long at the latest.
const SESSION_SECONDS: u32 = 43_200;

/// The prefix makes browsers refuse the cookie from another host or without TLS.
fn session_name(public: &PublicUrl) -> &'static str {
    match public.is_https {
        true => "__Host-paynow",
        false => "paynow-dev",
    }
}

fn attributes(public: &PublicUrl) -> &'static str {
    match public.is_https {
        true => "; Path=/; HttpOnly; SameSite=Lax; Secure",
        false => "; Path=/; HttpOnly; SameSite=Lax",
    }
}

/// The session that the request names. Of two, one was planted: none is believed.
pub(crate) fn session_of(headers: &HeaderMap, public: &PublicUrl) -> Option<SessionId> {
    value(headers, session_name(public))?.parse().ok()
}

pub(crate) fn of_session(id: &SessionId, public: &PublicUrl) -> String {
    let value = id.to_cookie();
    let (name, attributes) = (session_name(public), attributes(public));
    format!("{name}={value}; Max-Age={SESSION_SECONDS}{attributes}")
}

pub(crate) fn of_no_session(public: &PublicUrl) -> String {
    format!("{}=; Max-Age=0{}", session_name(public), attributes(public))
}

/// How pages look, a choice of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) theme: &'static str,
    pub(crate) has_keys: bool,
}

pub(crate) const THEMES: [&str; 3] = ["system", "light", "dark"];

impl Look {
    pub(crate) fn of_request(headers: &HeaderMap) -> Self {
        let text = value(headers, LOOK).unwrap_or_default();
        let (theme, keys) = text.split_once('.').unwrap_or((text, ""));
        Self::new(theme, keys != "off")
    }

    pub(crate) fn new(theme: &str, has_keys: bool) -> Self {
        let known = THEMES.into_iter().find(|known| *known == theme);
        Self {
            theme: known.unwrap_or(THEMES[0]),
            has_keys,
        }
    }

    pub(crate) fn keys(self) -> &'static str {
        match self.has_keys {
            true => "on",
            false => "off",
        }
    }

    pub(crate) fn cookie(self, public: &PublicUrl) -> String {
        let (theme, keys) = (self.theme, self.keys());
        format!(
            "{LOOK}={theme}.{keys}; Max-Age={LOOK_SECONDS}{}",
            attributes(public)
        )
    }
}

/// The value of a cookie that is there exactly once.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(COOKIE)
        .filter_map(|line| line.to_str().ok());
    let mut values = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _value)| *key == name)
        .map(|(_key, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn public(is_https: bool) -> PublicUrl {
        PublicUrl {
            origin: "https://console.example".to_owned(),
            is_https,
        }
    }

    #[test]
    fn a_session_comes_back_as_it_was_set() {
        for is_https in [true, false] {
            let public = public(is_https);
            let id = SessionId::new().unwrap();
            let set = of_session(&id, &public);
            assert_eq!(set.contains("Secure"), is_https);
            assert_eq!(set.starts_with("__Host-"), is_https);
            let pair = set.split(';').next().unwrap();
            let sent = headers(&[&format!("other=1; {pair}")]);
            let found = session_of(&sent, &public).unwrap();
            assert_eq!(found.to_cookie(), id.to_cookie());
            let twice = headers(&[pair, pair]);
            assert!(session_of(&twice, &public).is_none());
        }
    }

    #[test]
    fn what_is_no_session_is_none() {
        for line in [
            "",
            "paynow-dev",
            "paynow-dev=",
            "paynow-dev=AAAA",
            "paynow-dev=\"\"",
            ";;=;",
        ] {
            assert!(
                session_of(&headers(&[line]), &public(false)).is_none(),
                "{line}"
            );
        }
    }

    #[test]
    fn a_look_is_one_of_ours() {
        let look = Look::new("dark", false);
        let set = look.cookie(&public(true));
        let sent = headers(&[set.split(';').next().unwrap()]);
        assert_eq!(Look::of_request(&sent), look);
        assert_eq!(Look::of_request(&headers(&[])), Look::new("system", true));
        assert_eq!(Look::new("\"><script>", true).theme, "system");
    }
}
