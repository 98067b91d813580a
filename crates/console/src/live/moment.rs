//! What everybody who looks sees at one moment: made once, shared by all pages and streams.

use bytes::Bytes;
use paynow_desk::text::counted;
use paynow_desk::top::view::View;
use serde_json::{Value, json};

use super::node::Element;

pub(crate) struct Moment {
    pub(crate) view: View,
    pub(crate) parts: Vec<Element>,
    pub(crate) title: String,
    /// The same for the stream.
    pub(super) event: Bytes,
}

impl Moment {
    pub(super) fn of(number: u64, view: View, parts: Vec<Element>) -> Self {
        let title = title(&view);
        // The name of a part is its `id` on the page.
        let named = parts.iter().map(|part| (part.id(), json!(part)));
        let named: serde_json::Map<String, Value> = named.collect();
        let data = json!({"title": title, "parts": named});
        Self {
            event: Bytes::from(format!("id: {number}\nevent: live\ndata: {data}\n\n")),
            view,
            parts,
            title,
        }
    }

    /// Rates need two looks.
    pub(crate) fn has_rates(&self) -> bool {
        self.view.interval_seconds > 0.0
    }
}

fn title(view: &View) -> String {
    match view.problems.len() as u64 {
        0 => "Live: nothing is wrong".to_owned(),
        problems => format!(
            "Live: {} attention",
            counted(problems, "thing needs", "things need")
        ),
    }
}
