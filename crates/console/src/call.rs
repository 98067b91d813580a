//! A request that was read whole, within limits.

use std::collections::BTreeMap;
use std::net::IpAddr;

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderName};
use ring::digest::{Context, SHA256};
use url::form_urlencoded;

/// Names and values in the order in which they came.
pub(crate) type Pairs = Vec<(String, String)>;

pub(crate) struct Call {
    pub(crate) method: Method,
    /// Without the query.
    pub(crate) path: String,
    /// The parts of the path that its pattern names.
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) query_text: String,
    pub(crate) query: Pairs,
    pub(crate) form: Pairs,
    pub(crate) headers: HeaderMap,
    /// Who opened the connection.
    pub(crate) peer: Option<IpAddr>,
}

impl Call {
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A value of the query; one that is empty counts as absent, because a form sends every field.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        value(&self.query, name)
    }

    /// A field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        value(&self.form, name)
    }

    /// All values of a field that may be there several times.
    pub(crate) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.form.iter().filter(move |(key, _value)| key == name);
        named.map(|(_key, value)| value.as_str())
    }

    /// What tells a form that is sent again from another one: the key that its page gave it, and all that was typed.
    pub(crate) fn once(&self) -> Option<String> {
        self.field("once")?;
        let mut fields = Context::new(&SHA256);
        for text in self.form.iter().flat_map(|(name, value)| [name, value]) {
            fields.update(&text.len().to_be_bytes());
            fields.update(text.as_bytes());
        }
        let digest = fields.finish();
        let bytes = digest.as_ref().iter();
        Some(bytes.map(|byte| format!("{byte:02x}")).collect())
    }

    /// A header that is there once and is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// Whether the caller is a program that asks for the document instead of the page.
    pub(crate) fn wants_json(&self) -> bool {
        let accept = self.header(&ACCEPT).unwrap_or_default();
        accept
            .split(',')
            .any(|kind| kind.split(';').next().unwrap_or_default().trim() == "application/json")
    }

    /// The path with its query: where a person comes back to.
    pub(crate) fn place(&self) -> String {
        match self.query_text.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, self.query_text),
        }
    }

    /// The same place with one value of the query replaced.
    pub(crate) fn place_with(&self, name: &str, value: &str) -> String {
        let others = self
            .query
            .iter()
            .filter(|(key, value)| key != name && !value.is_empty());
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(others);
        if !value.is_empty() {
            text.append_pair(name, value);
        }
        match text.finish() {
            query if query.is_empty() => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

fn value<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(key, _value)| key == name);
    let value = pair.map(|(_key, value)| value.trim());
    value.filter(|value| !value.is_empty())
}

/// Reads `a=b&c=d`.
pub(crate) fn pairs(text: &[u8]) -> Pairs {
    form_urlencoded::parse(text).into_owned().collect()
}

/// A part of a path: whatever could end it, or is no character of an address, is spelled out.
pub(crate) fn in_path(text: &str) -> String {
    let mut part = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            true => part.push(char::from(byte)),
            false => part.push_str(&format!("%{byte:02X}")),
        }
    }
    part
}

/// A value in an address.
pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_part_of_a_path() {
        for (text, part) in [
            ("1-a.b_c~d:e@f", "1-a.b_c~d:e@f"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("\r\nSet-Cookie: x", "%0D%0ASet-Cookie:%20x"),
            ("\\\u{e9}%", "%5C%C3%A9%25"),
        ] {
            assert_eq!(in_path(text), part);
        }
    }
}
