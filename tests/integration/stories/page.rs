//! A document, with the commands that it tells its reader to run and its tables.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub(super) struct Page {
    name: String,
    text: String,
}

/// A command line of a code block, with the lines in which it continues, or a command within a sentence.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// File and line.
    pub(super) place: String,
    pub(super) text: String,
}

impl Page {
    /// Reads a page by its path in the repository.
    pub(super) fn read(name: &str) -> Self {
        let path = Path::new(ROOT).join(name);
        let text = std::fs::read_to_string(&path);
        Self {
            name: name.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{name}: {error}")),
        }
    }

    /// The command lines of its code blocks, those of documents and outputs left out.
    pub(super) fn commands(&self) -> Vec<Command> {
        let (mut found, mut language) = (Vec::new(), None);
        let mut lines = (1..).zip(self.text.lines());
        while let Some((number, line)) = lines.next() {
            if let Some(named) = line.trim_start().strip_prefix("```") {
                language = match language {
                    None => Some(named),
                    Some(_open) => None,
                };
            } else if language == Some("sh") && !line.trim().is_empty() {
                let mut text = line.trim().to_owned();
                while text.ends_with('\\') {
                    let (_number, more) = lines.next().expect("a command goes on");
                    text = format!("{}\n{more}", text.trim_end());
                }
                found.push(self.command(number, &text));
            }
        }
        found
    }

    /// The commands within sentences and tables that begin with one of these words and have arguments.
    pub(super) fn quoted(&self, beginning: &str) -> Vec<Command> {
        let mut found = Vec::new();
        let mut in_code = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            in_code ^= line.trim_start().starts_with("```");
            if !in_code {
                let spans = spans(line).filter(|span| span.starts_with(beginning));
                found.extend(spans.map(|span| self.command(number, span)));
            }
        }
        found
    }

    fn command(&self, number: usize, text: &str) -> Command {
        Command {
            place: format!("{}:{number}", self.name),
            text: text.to_owned(),
        }
    }

    /// The rows of the table whose first column has this title.
    pub(super) fn table(&self, title: &str) -> Vec<Vec<String>> {
        let head = format!("| {title} |");
        let lines = self
            .text
            .lines()
            .skip_while(|line| !line.starts_with(&head));
        let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
        let cells = |row: &str| {
            let inner = row.trim().trim_matches('|');
            inner
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        };
        let rows: Vec<Vec<String>> = rows.map(cells).collect();
        assert!(!rows.is_empty(), "{} has no table of {title}", self.name);
        rows
    }

    /// A sentence that a test relies on. If the page does not say it, the test is out of date.
    #[track_caller]
    pub(super) fn says(&self, words: &str) {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat(&self.text).contains(words),
            "{} does not say: {words}",
            self.name
        );
    }
}

/// What stands in backticks.
pub(super) fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The words in backticks that must be seen, with a gap where the page has `…`.
pub(super) fn words(cell: &str) -> Vec<&str> {
    let pieces = spans(cell).flat_map(|span| span.split('…'));
    pieces
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
        .collect()
}
