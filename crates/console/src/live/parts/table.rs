//! Tables with a caption and headings that a screen reader can tell.

use super::super::node::{Element, Node, element};

/// A heading, and whether its column holds numbers.
pub(super) type Heading = (&'static str, bool);

pub(super) const fn words(heading: &'static str) -> Heading {
    (heading, false)
}

pub(super) const fn number(heading: &'static str) -> Heading {
    (heading, true)
}

/// A row: the first cell names it.
pub(super) struct Row {
    /// Stays the same as long as the row is about the same thing.
    key: String,
    cells: Vec<Node>,
}

impl Row {
    pub(super) fn of(key: impl Into<String>, name: impl Into<Node>) -> Self {
        Self {
            key: key.into(),
            cells: vec![name.into()],
        }
    }

    pub(super) fn cell(mut self, cell: impl Into<Node>) -> Self {
        self.cells.push(cell.into());
        self
    }
}

/// It scrolls by itself where the page is narrow, also by the keyboard.
pub(super) fn table(caption: &str, headings: &[Heading], rows: Vec<Row>) -> Element {
    let class = |is_number: bool| if is_number { "number" } else { "words" };
    let heads = headings.iter().map(|(heading, is_number)| {
        let head = element("th").with("scope", "col").class(class(*is_number));
        head.text(*heading)
    });
    let rows = rows.into_iter().map(|row| {
        let cells = row.cells.into_iter().zip(headings).enumerate();
        let cells = cells.map(|(index, (cell, (_heading, is_number)))| {
            let element = match index {
                0 => element("th").with("scope", "row"),
                _later => element("td"),
            };
            element.class(class(*is_number)).child(cell)
        });
        element("tr").with("data-key", row.key).children(cells)
    });
    let table = element("table")
        .child(element("caption").text(caption))
        .child(element("thead").child(element("tr").children(heads)))
        .child(element("tbody").children(rows));
    element("div")
        .class("scroller")
        .with("tabindex", "0")
        .with("role", "region")
        .with("aria-label", caption)
        .child(table)
}
