//! The tables of `ops/README.md`: what the programs tell is documented there, and tests compare.

use std::sync::OnceLock;

/// The cells of the table whose first column has this title, row by row, without backticks.
pub(crate) fn guide_table(title: &str) -> Vec<Vec<String>> {
    static GUIDE: OnceLock<String> = OnceLock::new();
    let guide = GUIDE.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/README.md");
        std::fs::read_to_string(path).expect("the guide is there")
    });
    let head = format!("| {title} |");
    let lines = guide.lines().skip_while(|line| !line.starts_with(&head));
    let rows: Vec<Vec<String>> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "the guide has no table of {title}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    inner
        .split('|')
        .map(|cell| cell.replace('`', "").trim().to_owned())
        .collect()
}
