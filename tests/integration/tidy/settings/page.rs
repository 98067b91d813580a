//! `ops/settings.md` and `deploy/settings.env.example` are what the code declares.

use paynow_process::setting::{Declaration, Kind};

use super::super::files::{read, root};
use super::PROGRAMS;

/// If this variable is set, the files are rewritten instead of compared.
const REWRITE: &str = "REWRITE_GUIDE_TABLES";
const PAGE: &str = "ops/settings.md";
const EXAMPLE: &str = "deploy/settings.env.example";
const COLUMNS: &str = "| Setting | Read by | Default | Values | Meaning |";
const EXAMPLE_HEAD: &str = "\
# Every setting of the programs, with its default. ops/settings.md has the same as a table.
#
# Written from the declarations in the code: REWRITE_GUIDE_TABLES=1 cargo test every_setting
# An empty value counts as unset. Instead of a secret, NAME_FILE may name a file with it.
";
const EXAMPLE_WIDTH: usize = 110;

/// A setting and the programs that read it so. Two programs may have different defaults for one variable.
struct Entry {
    programs: Vec<&'static str>,
    declared: &'static Declaration,
}

impl Entry {
    fn is_of(&self, other: &Declaration) -> bool {
        self.declared.name == other.name && self.declared.meaning == other.meaning
    }

    fn readers(&self) -> String {
        self.programs.join(", ")
    }
}

fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for program in PROGRAMS {
        for declared in program.iter() {
            match entries.iter_mut().find(|entry| entry.is_of(declared)) {
                Some(entry) => entry.programs.push(program.program),
                None => entries.push(Entry {
                    programs: vec![program.program],
                    declared,
                }),
            }
        }
    }
    assert!(entries.len() > 40, "{} settings", entries.len());
    entries
}

/// The default as code, where it is a value; otherwise a sentence about what holds.
fn default_of(declared: &Declaration) -> (String, bool) {
    match declared.kind {
        Kind::Number(number) => (number.default.to_string(), true),
        Kind::Choice(choice) => (choice.default.to_owned(), true),
        Kind::Text(text) => (text.default.to_owned(), true),
        Kind::OptionalNumber(number) => (number.absent.to_owned(), false),
        Kind::Optional(optional) => (optional.absent.to_owned(), false),
        Kind::Secret(secret) => (secret.absent.unwrap_or("required").to_owned(), false),
    }
}

fn values_of(declared: &Declaration) -> String {
    let range = |least, most, unit| format!("{least} to {most} {unit}").trim_end().to_owned();
    match declared.kind {
        Kind::Number(number) => range(number.least, number.most, number.unit),
        Kind::OptionalNumber(number) => range(number.least, number.most, number.unit),
        Kind::Choice(choice) => choice.values.to_owned(),
        Kind::Text(_) | Kind::Optional(_) => String::new(),
        Kind::Secret(_) => format!("secret; or a file in `{}_FILE`", declared.name),
    }
}

fn row(entry: &Entry) -> String {
    let declared = entry.declared;
    let default = match default_of(declared) {
        (value, true) => format!("`{value}`"),
        (sentence, false) => sentence,
    };
    let cells = [
        format!("`{}`", declared.name),
        entry.readers(),
        default,
        values_of(declared),
        declared.meaning.to_owned(),
    ];
    let cells = cells.map(|cell| match cell.as_str() {
        "" => " |".to_owned(),
        cell => format!(" {cell} |"),
    });
    format!("|{}\n", cells.concat())
}

/// The page with the rows of its table replaced by those of the declarations.
fn page() -> String {
    let page = read(PAGE);
    let (before, after) = page.split_once(COLUMNS).expect("the page has its table");
    let mut rest = after
        .split_inclusive('\n')
        .skip_while(|line| line.starts_with('|') || *line == "\n");
    let first = rest.next().unwrap_or_default();
    let rows: String = entries().iter().map(row).collect();
    let foot: String = std::iter::once(first).chain(rest).collect();
    format!("{before}{COLUMNS}\n|---|---|---|---|---|\n{rows}\n{foot}")
}

/// Markdown as plain text: links of the page become the names of files.
fn plain(markdown: &str) -> String {
    let mut text = markdown.replace('`', "");
    while let Some((before, rest)) = text.split_once('[') {
        let Some((words, rest)) = rest.split_once("](") else {
            break;
        };
        let (target, rest) = rest.split_once(')').expect("a link ends");
        let file = target.split('#').next().unwrap_or_default();
        text = format!("{before}{words} (ops/{file}){rest}");
    }
    text
}

fn commented(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split(' ') {
        if lines
            .last()
            .is_some_and(|line| line.len() + word.len() >= EXAMPLE_WIDTH)
        {
            lines.push(String::from("#"));
        }
        let line = lines.last_mut().expect("there is a line");
        line.push(' ');
        line.push_str(word);
    }
    lines.join("\n")
}

fn example() -> String {
    let entries = entries();
    let blocks = entries.iter().map(|entry| {
        let declared = entry.declared;
        let (default, value) = match default_of(declared) {
            (value, true) => (String::new(), value),
            (sentence, false) => (format!("unset: {sentence}; "), String::new()),
        };
        let default = default.replace("unset: required", "required");
        let text = plain(&format!(
            "{}: {}; {default}{}",
            entry.readers(),
            declared.meaning,
            values_of(declared)
        ));
        let text = commented(text.trim_end_matches([' ', ';']));
        format!("\n{text}\n#{}={value}\n", declared.name)
    });
    EXAMPLE_HEAD.to_owned() + &blocks.collect::<String>()
}

#[expect(
    clippy::disallowed_methods,
    reason = "no program reads it; it is for whoever runs the test"
)]
#[track_caller]
fn is_written(path: &str, expected: &str) {
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(root().join(path), expected).expect("the file can be written");
    }
    assert!(read(path) == expected, "to write {path}, set {REWRITE}=1");
}

#[test]
fn every_setting_is_on_the_page_as_the_code_declares_it() {
    is_written(PAGE, &page());
}

#[test]
fn every_setting_is_in_the_example_as_the_code_declares_it() {
    is_written(EXAMPLE, &example());
}
