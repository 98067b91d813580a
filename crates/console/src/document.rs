//! What a page says, without markup. One template turns it into HTML, so that captions, labels, scopes
//! and escapes are right on every page.

mod form;
mod qr;

pub(crate) use self::form::{Field, FieldKind, Form};
pub(crate) use self::qr::Qr;
use crate::call::in_path;
use crate::text;

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// What and how much: it is in the tab and in the list of visited pages.
    pub(crate) title: String,
    pub(crate) heading: String,
    /// The pages above this one.
    pub(crate) crumbs: Vec<Link>,
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
    pub(crate) is_current: bool,
}

#[derive(Debug)]
pub(crate) enum Part {
    Heading(String),
    Text(String),
    Notice(Tone, String),
    /// A notice that changes while somebody looks at it.
    Watched(Tone, String),
    Facts(Facts),
    Table(Table),
    Form(Form),
    Links {
        label: String,
        links: Vec<Link>,
    },
    /// What a telephone reads from the screen.
    Qr(Qr),
    /// Text that keeps its lines, and may be copied.
    Verbatim {
        label: String,
        text: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
}

impl Tone {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }

    /// No meaning may be in a colour alone.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Plain => "Note",
            Self::Good => "Done",
            Self::Warning => "Attention",
            Self::Bad => "Problem",
        }
    }
}

/// Names and values.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) label: String,
    pub(crate) rows: Vec<(&'static str, Cell)>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    /// The first cell of each row is the row's header.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What an empty table says.
    pub(crate) empty: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) is_number: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Text(String),
    Number(String),
    Link(Link),
    /// An id that can be copied.
    Id(Link),
    Links(Vec<Link>),
    Time {
        iso: String,
        text: String,
        ago: String,
    },
    Code {
        text: String,
        tone: Tone,
    },
    /// A box that belongs to the form with this id.
    Box {
        form: &'static str,
        name: &'static str,
        value: String,
        label: String,
    },
    /// A button that acts on what the row is about.
    Act {
        action: String,
        button: String,
    },
    Nothing,
}

pub(crate) fn column(title: &'static str) -> Column {
    Column {
        title,
        is_number: false,
    }
}

pub(crate) fn number_column(title: &'static str) -> Column {
    Column {
        title,
        is_number: true,
    }
}

impl Link {
    pub(crate) fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
            is_current: false,
        }
    }
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn maybe(text: Option<&str>) -> Self {
        text.map_or(Self::Nothing, Self::text)
    }

    pub(crate) fn code(text: impl Into<String>, tone: Tone) -> Self {
        Self::Code {
            text: text.into(),
            tone,
        }
    }

    pub(crate) fn count(number: impl Into<i128>) -> Self {
        Self::Number(text::count(number))
    }

    pub(crate) fn change(points: i64) -> Self {
        Self::Number(text::change(points))
    }

    /// A balance; a debt is also said in words.
    pub(crate) fn balance(points: i64) -> Self {
        let number = text::count(points);
        Self::Number(match points < 0 {
            true => format!("{number} (in debt)"),
            false => number,
        })
    }

    pub(crate) fn time(iso: &str) -> Self {
        let (text, ago) = text::time(iso);
        Self::Time {
            iso: iso.to_owned(),
            text,
            ago,
        }
    }

    pub(crate) fn maybe_time(iso: Option<&str>) -> Self {
        iso.map_or(Self::Nothing, Self::time)
    }

    pub(crate) fn link(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Link(Link::new(href, text))
    }

    /// An id with the page about it.
    pub(crate) fn id(folder: &str, id: impl ToString) -> Self {
        let id = id.to_string();
        Self::Id(Link::new(format!("{folder}/{}", in_path(&id)), id))
    }

    pub(crate) fn maybe_id(folder: &str, id: Option<i64>) -> Self {
        id.map_or(Self::Nothing, |id| Self::id(folder, id))
    }

    /// Whether the column of this cell is aligned to the right.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

impl Document {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            heading: title.clone(),
            title,
            ..Self::default()
        }
    }

    #[must_use]
    pub(crate) fn under(mut self, href: impl Into<String>, text: impl Into<String>) -> Self {
        self.crumbs.push(Link::new(href, text));
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    #[must_use]
    pub(crate) fn with_all(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.parts.extend(parts);
        self
    }
}

impl Part {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn heading(text: impl Into<String>) -> Self {
        Self::Heading(text.into())
    }

    pub(crate) fn notice(tone: Tone, text: impl Into<String>) -> Self {
        Self::Notice(tone, text.into())
    }

    pub(crate) fn facts(label: impl Into<String>, rows: Vec<(&'static str, Cell)>) -> Self {
        Self::Facts(Facts {
            label: label.into(),
            rows,
        })
    }

    /// The same on a terminal, for the night when this page is down.
    pub(crate) fn command(command: impl Into<String>) -> Self {
        Self::Verbatim {
            label: "The same on a terminal".to_owned(),
            text: command.into(),
        }
    }
}
