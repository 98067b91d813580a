//! The tables of `ops/telemetry.md` that come from the code.

use std::sync::{Mutex, PoisonError};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/telemetry.md");

/// The cells of the table whose first column has this title, row by row, without backticks.
pub(crate) fn guide_table(title: &str) -> Vec<Vec<String>> {
    let (_before, table, _after) = split_at_table(title);
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    assert!(!rows.is_empty(), "the guide has no table of {title}");
    rows
}

/// Replaces the rows of the table. The first cell of each is a name in the code.
pub(crate) fn rewrite_guide_table(title: &str, rows: &[Vec<String>]) {
    // Tests run in parallel, and each would overwrite the other's new table with the old one.
    static WRITING: Mutex<()> = Mutex::new(());
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let (before, _table, after) = split_at_table(title);
    let line = |row: &Vec<String>| {
        let rest = row[1..].iter().map(|cell| match cell.as_str() {
            "" => " |".to_owned(),
            cell => format!(" {cell} |"),
        });
        format!("| `{}` |{}\n", row[0], rest.collect::<String>())
    };
    let table: String = rows.iter().map(line).collect();
    std::fs::write(PATH, format!("{before}{table}{after}")).expect("the guide can be written");
}

/// The guide's text before the table's first row, the rows, and the text after them.
fn split_at_table(title: &str) -> (String, String, String) {
    let guide = std::fs::read_to_string(PATH).expect("the guide is there");
    let mut lines = guide.split_inclusive('\n').peekable();
    let head = format!("| {title} |");
    let mut before = String::new();
    while let Some(line) = lines.next_if(|line| !line.starts_with(&head)) {
        before.push_str(line);
    }
    before.extend(lines.by_ref().take(2));
    let mut table = String::new();
    while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
        table.push_str(line);
    }
    (before, table, lines.collect())
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner
        .split('|')
        .map(|cell| cell.replace('`', "").trim().to_owned())
        .collect()
}
