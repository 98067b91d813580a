//! Comma-separated values, as spreadsheets write and read them (RFC 4180).

use crate::escape::unescaped;

/// The separators of spreadsheets; some countries have commas in numbers.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The rows of a document, each with the number of the line that it begins in. Empty lines are left out. The
/// separator is the first one of its first line.
pub(super) fn rows(document: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let document = document.trim_start_matches('\u{feff}');
    let head = document.lines().next().unwrap_or_default();
    let separator = head.chars().find(|it| SEPARATORS.contains(it));
    let mut reader = Reader::new(separator.unwrap_or(','));
    for character in document.chars() {
        reader.take(character);
    }
    reader.end()
}

/// A field that keeps its content when `rows` reads it.
pub(super) fn field(text: &str) -> String {
    let is_plain = text.trim() == text && !text.contains(['"', '\n', '\r']);
    if is_plain && !text.contains(SEPARATORS) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Plain,
    Quotes,
    /// After a quote that ends the field, or is the first of two that mean one.
    Quoted,
}

struct Reader {
    separator: char,
    inside: Inside,
    line: usize,
    row_line: usize,
    field: String,
    row: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

impl Reader {
    fn new(separator: char) -> Self {
        Self {
            separator,
            inside: Inside::Plain,
            line: 1,
            row_line: 1,
            field: String::new(),
            row: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn take(&mut self, character: char) {
        if character == '\n' {
            self.line += 1;
        }
        match (self.inside, character) {
            (Inside::Plain, '"') if self.field.trim().is_empty() => {
                self.field.clear();
                self.inside = Inside::Quotes;
            }
            (Inside::Quotes, '"') => self.inside = Inside::Quoted,
            (Inside::Quoted, '"') => {
                self.field.push('"');
                self.inside = Inside::Quotes;
            }
            (Inside::Quotes, other) => self.field.push(other),
            (Inside::Plain | Inside::Quoted, '\n') => self.end_row(),
            (Inside::Plain | Inside::Quoted, '\r') => {}
            (Inside::Plain | Inside::Quoted, other) if other == self.separator => self.end_field(),
            (Inside::Plain | Inside::Quoted, other) => self.field.push(other),
        }
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        let field = match self.inside {
            Inside::Plain => field.trim().to_owned(),
            Inside::Quotes | Inside::Quoted => field,
        };
        self.row.push(unescaped(&field));
        self.inside = Inside::Plain;
    }

    fn end_row(&mut self) {
        self.end_field();
        let row = std::mem::take(&mut self.row);
        if row.iter().any(|field| !field.is_empty()) {
            self.rows.push((self.row_line, row));
        }
        self.row_line = self.line;
    }

    fn end(mut self) -> Result<Vec<(usize, Vec<String>)>, String> {
        if self.inside == Inside::Quotes {
            let line = self.row_line;
            return Err(format!("line {line}: a quotation mark is not closed"));
        }
        self.end_row();
        Ok(self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escape::Printable;

    fn read(document: &str) -> Vec<Vec<String>> {
        let rows = rows(document).unwrap();
        rows.into_iter().map(|(_line, row)| row).collect()
    }

    #[test]
    fn a_document_of_a_spreadsheet_is_read() {
        for document in [
            "a,b\n1,\"x, \"\"y\"\"\"\n",
            "\u{feff}a;b\r\n1;\"x, \"\"y\"\"\"\r\n\r\n",
            "a\tb\n\n 1 \t \"x, \"\"y\"\"\"",
        ] {
            assert_eq!(
                read(document),
                [["a", "b"], ["1", "x, \"y\""]],
                "{document:?}"
            );
        }
    }

    #[test]
    fn a_row_has_the_number_of_its_first_line() {
        let rows = rows("a\n\"1\n2\"\n3").unwrap();
        let lines: Vec<usize> = rows.iter().map(|(line, _row)| *line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_is_refused() {
        let error = rows("a\n1\n\"2\n3").unwrap_err();
        assert_eq!(error, "line 3: a quotation mark is not closed");
    }

    #[test]
    fn a_field_comes_back_as_it_was_after_it_was_printed() {
        for text in [
            "Coins",
            "500 \"Coins\", blue",
            " x ",
            "a;b\tc",
            "two\nlines",
            "\u{1b}[2J\u{202e}",
            "\\u{202e}",
            "=SUM(A1)",
            "zażółć 👍",
        ] {
            let line = format!("7,{}", field(text));
            let printed = Printable::of(&line).into_string();
            assert_eq!(
                read(&format!("a,b\n{printed}"))[1],
                ["7", text],
                "{printed}"
            );
        }
    }
}
