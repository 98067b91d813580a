//! `WALLET_CONTRACT.md` and its list of constraints describe the schema as the catalogs of PostgreSQL do.

use std::collections::BTreeSet;

use super::database::Ledger;

/// The rows of the table under a heading of a page, each as the texts of its cells.
fn table_under(page: &str, heading: &str) -> Vec<Vec<String>> {
    let path = format!("{}/../{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the page exists");
    let (_before, section) = text
        .split_once(&format!("# {heading}\n"))
        .expect("the heading exists");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
    .collect()
}

/// The texts in backticks.
fn code_in(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names that code may match: constraints, and the names in errors that our triggers raise.
fn names_in_the_catalog(ledger: &Ledger) -> BTreeSet<String> {
    let names = ledger.database.texts(
        "SELECT conname AS value FROM pg_constraint \
         WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x') \
             AND conrelid <> '__diesel_schema_migrations'::regclass \
         UNION \
         SELECT (regexp_matches(prosrc, 'CONSTRAINT = ''(\\w+)''', 'g'))[1] \
         FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    );
    names.into_iter().collect()
}

#[test]
fn every_named_constraint_is_listed_and_no_other() {
    let ledger = Ledger::empty();

    let listed: BTreeSet<String> = table_under("ops/constraints.md", "Named constraints")
        .iter()
        .map(|row| code_in(&row[0]).concat())
        .collect();

    assert_eq!(listed, names_in_the_catalog(&ledger));
}

#[test]
fn the_reader_finds_the_columns_the_contract_promises() {
    let ledger = Ledger::empty();
    let mut reader = ledger.log_in_as("paynow_reader");
    let promised = table_under("WALLET_CONTRACT.md", "What other programs may read");
    assert!(promised.len() >= 4, "{promised:?}");

    for row in promised {
        let table = code_in(&row[0]).concat();
        let columns = code_in(&row[1]);
        for column in &columns {
            let (name, data_type) = column.split_once(' ').expect("a column has a type");
            let actual = ledger.database.texts(&format!(
                "SELECT format_type(atttypid, atttypmod) AS value FROM pg_attribute \
                 WHERE attrelid = '{table}'::regclass AND attname = '{name}'"
            ));
            assert_eq!(actual, [data_type], "{table}.{name}");
            reader.works(&format!("SELECT {name} FROM {table}"));
        }
        assert!(!columns.is_empty(), "{table}");
    }
}

#[test]
fn no_column_of_ours_holds_a_float() {
    let ledger = Ledger::empty();
    let floats = ledger.database.texts(
        "SELECT table_name || '.' || column_name AS value FROM information_schema.columns \
         WHERE table_schema = 'public' \
             AND data_type IN ('real', 'double precision', 'numeric', 'money')",
    );
    assert_eq!(floats, [""; 0]);
}
