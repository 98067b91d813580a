//! A piece of a page as a tree. It is written once, as HTML into the page and as JSON into the stream, so
//! that both show the same. Names are ours; every text and every value is escaped.

use std::fmt;

use askama::filters::HtmlSafe;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::text::tamed;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

/// An element with an end tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

pub(crate) fn element(name: &'static str) -> Element {
    Element {
        name,
        attributes: Vec::new(),
        children: Vec::new(),
    }
}

impl Element {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// Its `id`, or nothing.
    pub(crate) fn id(&self) -> String {
        let id = self.attributes.iter().find(|(name, _)| *name == "id");
        id.map(|(_, id)| id.clone()).unwrap_or_default()
    }

    pub(crate) fn class(self, classes: &str) -> Self {
        self.with("class", classes)
    }

    pub(crate) fn child(mut self, child: impl Into<Node>) -> Self {
        self.children.push(child.into());
        self
    }

    pub(crate) fn children<N: Into<Node>>(mut self, children: impl IntoIterator<Item = N>) -> Self {
        self.children.extend(children.into_iter().map(Into::into));
        self
    }

    /// Adds to the last text where there is one: in HTML neighbouring texts are one.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        match self.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(&text),
            Some(Node::Element(_)) | None => self.children.push(Node::Text(text)),
        }
        self
    }
}

impl From<Element> for Node {
    fn from(element: Element) -> Self {
        Self::Element(element)
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// As HTML.
impl fmt::Display for Element {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(to, " {name}=\"{}\"", Escaped(value))?;
        }
        write!(to, ">")?;
        for child in &self.children {
            match child {
                Node::Element(element) => write!(to, "{element}")?,
                Node::Text(text) => write!(to, "{}", Escaped(text))?,
            }
        }
        write!(to, "</{}>", self.name)
    }
}

/// Its texts are escaped above.
impl HtmlSafe for Element {}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => to.write_str("&amp;"),
            '<' => to.write_str("&lt;"),
            '>' => to.write_str("&gt;"),
            '"' => to.write_str("&quot;"),
            '\'' => to.write_str("&#39;"),
            other => fmt::Write::write_char(to, other),
        })
    }
}

/// As `["td", {"class": "number"}, child, …]`, which the console's script builds element by element.
impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Attributes<'a>(&'a [(&'static str, String)]);
        impl Serialize for Attributes<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let tame = self
                    .0
                    .iter()
                    .map(|(name, value)| (name, tamed(value.clone())));
                serializer.collect_map(tame)
            }
        }
        let mut tree = serializer.serialize_seq(Some(self.children.len().saturating_add(2)))?;
        tree.serialize_element(self.name)?;
        tree.serialize_element(&Attributes(&self.attributes))?;
        for child in &self.children {
            match child {
                Node::Element(element) => tree.serialize_element(element)?,
                // The page is tamed as a whole.
                Node::Text(text) => tree.serialize_element(&tamed(text.clone()))?,
            }
        }
        tree.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Element {
        let link = element("a").with("href", "/dead?reason=\"a&b\"");
        element("p")
            .text("one ")
            .text("<two> ")
            .child(link.text("it's"))
    }

    #[test]
    fn a_tree_is_html_with_every_text_escaped() {
        assert_eq!(
            link().to_string(),
            "<p>one &lt;two&gt; <a href=\"/dead?reason=&quot;a&amp;b&quot;\">it&#39;s</a></p>"
        );
    }

    #[test]
    fn a_tree_is_json_with_its_texts_as_they_are() {
        let document = serde_json::to_value(link()).unwrap();
        let expected = serde_json::json!([
            "p",
            {},
            "one <two> ",
            ["a", {"href": "/dead?reason=\"a&b\""}, "it's"],
        ]);
        assert_eq!(document, expected);
    }
}
