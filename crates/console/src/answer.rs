//! What the server answers, before it is HTTP.

use std::convert::Infallible;
use std::pin::Pin;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use askama::Template;
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use crate::assets::Asset;
use crate::text::{tamed, tamed_json};

/// Events of a page that is open.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>;

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Html(String),
    Json(String),
    Csv { name: String, text: String },
    Asset(&'static str, &'static str),
    Events(Events),
    Nothing,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, content: Content) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content,
        }
    }

    /// Templates have no text of others that is not escaped, and here it is tamed.
    pub(crate) fn html(status: StatusCode, page: &impl Template) -> Result<Self, askama::Error> {
        Ok(Self::new(status, Content::Html(tamed(page.render()?))))
    }

    pub(crate) fn json(
        status: StatusCode,
        data: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let text = tamed_json(&serde_json::to_string_pretty(data)?);
        Ok(Self::new(status, Content::Json(text)))
    }

    pub(crate) fn events(events: Events) -> Self {
        Self::new(StatusCode::OK, Content::Events(events))
    }

    pub(crate) fn asset(asset: &'static Asset) -> Self {
        Self::new(
            StatusCode::OK,
            Content::Asset(asset.media_type, asset.content),
        )
    }

    /// After an action: the browser asks for the page of its result, so that a reload does not act again.
    pub(crate) fn see(path: impl Into<String>) -> Self {
        let answer = Self::new(StatusCode::SEE_OTHER, Content::Nothing);
        answer.with(actix_web::http::header::LOCATION, path)
    }

    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A table for a program that calculates. A cell that such a program would take for a formula begins with
/// an apostrophe.
pub(crate) fn csv(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = header.join(",");
    text.push_str("\r\n");
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn csv_cell(cell: &str) -> String {
    let is_number = cell.parse::<i64>().is_ok();
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    let cell = match is_formula {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    };
    let cell = tamed(cell);
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_points_stay_numbers() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-5", "-5"),
            ("-5+1", "'-5+1"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\tx", "'\\u{9}x"),
            ("\u{1b}[2J\u{202e}", "\\u{1b}[2J\\u{202e}"),
        ] {
            assert_eq!(csv_cell(cell), expected);
        }
        assert_eq!(
            csv(&["a", "b"], &[vec!["1".into(), "2".into()]]),
            "a,b\r\n1,2\r\n"
        );
    }
}
