//! Lines of text with tones, and how they are shortened to fit.

use paynow_desk::top::view::Level;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::top) enum Tone {
    Plain,
    Heading,
    Warning,
    Alarm,
}

impl From<Level> for Tone {
    fn from(level: Level) -> Self {
        match level {
            Level::Fine => Self::Plain,
            Level::Warning => Self::Warning,
            Level::Alarm => Self::Alarm,
        }
    }
}

/// One line, in parts of one tone each.
#[derive(Debug, Clone, Default)]
pub(in crate::top) struct Line {
    parts: Vec<(Tone, String)>,
}

impl Line {
    pub(super) fn of(tone: Tone, text: &str) -> Self {
        let mut line = Self::default();
        line.push(tone, text);
        line
    }

    /// All text passes here. Reasons and labels come from other programs: a character that is not
    /// printable ASCII could move the cursor or be wider than one column.
    pub(super) fn push(&mut self, tone: Tone, text: &str) {
        let is_plain = |character: char| character == ' ' || character.is_ascii_graphic();
        let text = text
            .chars()
            .map(|character| if is_plain(character) { character } else { '?' });
        self.parts.push((tone, text.collect()));
    }

    /// A row of a table: a name, aligned left, and cells of a width, aligned right.
    pub(super) fn row(
        tone: Tone,
        (name, name_width): (&str, usize),
        cells: impl IntoIterator<Item = (String, usize)>,
    ) -> Self {
        let mut line = Self::default();
        line.left(tone, name, name_width);
        for (text, width) in cells {
            line.right(tone, &text, width);
        }
        line
    }

    pub(super) fn pad_to(&mut self, width: usize) {
        let missing = width.saturating_sub(self.width());
        self.push(Tone::Plain, &" ".repeat(missing));
    }

    /// Adds a table cell, aligned left.
    pub(super) fn left(&mut self, tone: Tone, text: &str, width: usize) {
        let end = self.width() + width;
        self.push(tone, text);
        self.pad_to(end);
    }

    /// Adds a table cell, aligned right.
    pub(super) fn right(&mut self, tone: Tone, text: &str, width: usize) {
        let end = self.width() + width;
        self.pad_to(end.saturating_sub(text.chars().count()));
        self.push(tone, text);
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
    }

    pub(in crate::top) fn parts(&self) -> &[(Tone, String)] {
        &self.parts
    }

    pub(in crate::top) fn width(&self) -> usize {
        // `push` leaves only ASCII.
        self.parts.iter().map(|(_tone, text)| text.len()).sum()
    }

    pub(in crate::top) fn text(&self) -> String {
        let texts = self.parts.iter().map(|(_tone, text)| text.as_str());
        texts.collect::<String>().trim_end().to_owned()
    }

    /// Shortens the line to this width, by whole words.
    pub(super) fn cut(self, width: usize) -> Self {
        if self.text().len() <= width {
            return self;
        }
        let mut line = Self::default();
        for (tone, text) in self.parts {
            let left = width.saturating_sub(line.width());
            let kept = fit(&text, left);
            let is_whole = kept == text;
            line.push(tone, &kept);
            if !is_whole {
                break;
            }
        }
        line
    }
}

/// Marks a text that was shortened.
const MORE: &str = "..";

/// Shortens a text to this width, by whole words.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for word in text.split(' ') {
        // One for the space before the mark.
        let needed = kept.len() + word.chars().count() + 1 + MORE.len();
        if needed > width {
            break;
        }
        kept.push_str(word);
        kept.push(' ');
    }
    if MORE.len() <= width {
        kept.push_str(MORE);
    }
    kept
}

/// Puts a title and a list of items on as many lines as they need, but no more than allowed. Items that
/// do not fit are counted.
pub(super) fn flow(
    title: &Line,
    items: &[(Tone, String)],
    columns: usize,
    lines_max: usize,
) -> Vec<Line> {
    // The first item is shown even if it must be shortened.
    let shortened = columns.saturating_sub(title.width() + REMARK_WIDTH);
    for item_width in [columns.saturating_sub(MARGIN_WIDTH), shortened] {
        for shown in (1..=items.len()).rev() {
            let lines = laid_out(title, items, shown, (columns, item_width));
            if lines.len() <= lines_max {
                return lines;
            }
        }
    }
    vec![title.clone()]
}

/// The width of " and 999 more" and a comma.
const REMARK_WIDTH: usize = 15;
/// Two spaces before an item and a comma after it.
const MARGIN_WIDTH: usize = 3;

fn laid_out(
    title: &Line,
    items: &[(Tone, String)],
    shown: usize,
    (columns, item_width): (usize, usize),
) -> Vec<Line> {
    let more = items.len() - shown;
    let remark = (more > 0).then(|| (Tone::Plain, format!("and {more} more")));
    let mut items = items.iter().take(shown).chain(&remark).peekable();
    let mut lines = Vec::new();
    let mut line = title.clone();
    while let Some((tone, text)) = items.next() {
        let text = fit(text, item_width);
        let comma = if items.peek().is_some() { "," } else { "" };
        if line.width() + 1 + text.len() + comma.len() > columns {
            lines.push(std::mem::replace(&mut line, Line::of(Tone::Plain, " ")));
        }
        line.push(Tone::Plain, " ");
        line.push(*tone, &text);
        line.push(Tone::Plain, comma);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shortened_by_whole_words() {
        for (text, width, expected) in [
            ("connection refused", 18, "connection refused"),
            ("connection refused", 17, "connection .."),
            ("connection refused", 13, "connection .."),
            ("connection refused", 12, ".."),
            ("connection refused", 1, ""),
        ] {
            assert_eq!(fit(text, width), expected, "{width}");
        }
    }

    #[test]
    fn text_of_other_programs_cannot_move_the_cursor() {
        let line = Line::of(Tone::Plain, "a\u{1b}[2J\u{9b}\r\nb \u{1f525}");
        assert_eq!(line.text(), "a?[2J???b ?");
    }

    #[test]
    fn items_flow_and_the_rest_is_counted() {
        let items: Vec<(Tone, String)> = ["unknown_product 10", "malformed 2", "conflict 1"]
            .map(|text| (Tone::Plain, text.to_owned()))
            .into();
        let title = Line::of(Tone::Heading, "open");
        let texts = |columns, lines| -> Vec<String> {
            let lines = flow(&title, &items, columns, lines);
            lines.iter().map(Line::text).collect()
        };
        assert_eq!(
            texts(80, 1),
            ["open unknown_product 10, malformed 2, conflict 1"]
        );
        assert_eq!(texts(40, 1), ["open unknown_product 10, and 2 more"]);
        assert_eq!(
            texts(40, 2),
            ["open unknown_product 10, malformed 2,", "  conflict 1"]
        );
    }

    #[test]
    fn a_line_is_cut_in_its_last_part() {
        let mut line = Line::of(Tone::Heading, "paynow.credits ");
        line.push(Tone::Alarm, "does not drain");
        let cut = line.cut(24);
        assert_eq!(cut.text(), "paynow.credits does ..");
        assert!(cut.width() <= 24);
    }
}
