//! Migrations only add to the schema, so that the previous version still works. The rules are in
//! `migrations/README.md`.

use super::name_of;
use crate::harness::migrations;

/// Words of statements that can break the previous version, in upper case with single blanks.
const FORBIDDEN: [&str; 19] = [
    "DROP TABLE",
    "DROP COLUMN",
    "DROP CONSTRAINT",
    "DROP TYPE",
    "DROP FUNCTION",
    "DROP INDEX",
    "DROP TRIGGER",
    "DROP VIEW",
    "DROP SCHEMA",
    "DROP DEFAULT",
    "RENAME",
    "ALTER TYPE",
    "SET DATA TYPE",
    "SET NOT NULL",
    "REVOKE",
    "DELETE FROM",
    "TRUNCATE TABLE",
    "DISABLE TRIGGER",
    "SET SCHEMA",
];
const EXCEPTION: &str = "-- contract: ";

/// The statements of a migration that could break the previous version, as `line: words`.
fn contractions(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut excused = false;
    for (number, line) in (1..).zip(sql.lines()) {
        if line.trim_start().starts_with("--") {
            excused = line.trim_start().starts_with(EXCEPTION);
            continue;
        }
        let statement = line.split_once("--").map_or(line, |(code, _comment)| code);
        let words: Vec<&str> = statement.split_whitespace().collect();
        let words = words.join(" ").to_uppercase();
        let broken = FORBIDDEN.iter().find(|forbidden| {
            // The previous version does not use a new object, so revoking rights on it breaks
            // nothing.
            words.contains(*forbidden)
                && !words.ends_with("FROM PUBLIC;")
                && !words.starts_with("REVOKE EXECUTE ON FUNCTION")
        });
        let alters = words.contains(" TYPE ") && words.contains("ALTER COLUMN");
        let requires = words.contains("ADD COLUMN")
            && words.contains("NOT NULL")
            && !words.contains("DEFAULT")
            && !words.contains("GENERATED");
        if !excused && (broken.is_some() || alters || requires) {
            found.push(format!("{number}: {words}"));
        }
        excused = excused && !statement.contains(';');
    }
    found
}

#[test]
fn no_migration_takes_anything_from_the_version_before() {
    let mut problems = Vec::new();
    for migration in migrations() {
        let sql = std::fs::read_to_string(migration.join("up.sql")).expect("it has an up.sql");
        let name = name_of(&migration);
        let found = contractions(&sql).into_iter();
        problems.extend(found.map(|line| format!("migrations/{name}/up.sql:{line}")));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn statements_that_remove_something_are_found_and_additions_are_not() {
    for contraction in [
        "DROP TABLE orders;",
        "alter table orders\n    drop   column currency;",
        "ALTER TABLE orders RENAME COLUMN currency TO money;",
        "ALTER TABLE orders ALTER COLUMN currency TYPE char(3);",
        "ALTER TABLE orders ADD COLUMN later text NOT NULL;",
        "ALTER TABLE orders ALTER COLUMN currency SET NOT NULL;",
        "REVOKE SELECT ON orders FROM paynow_worker;",
        "-- contract: only of the first statement\nDROP VIEW a;\nDROP VIEW b;",
    ] {
        assert_eq!(contractions(contraction).len(), 1, "{contraction}");
    }
    for expansion in [
        "ALTER TABLE orders ADD COLUMN later text;",
        "ALTER TABLE orders ADD COLUMN later text NOT NULL DEFAULT '';",
        "CREATE TABLE later (id bigint NOT NULL);",
        "ALTER TABLE dead_letters ALTER COLUMN body DROP NOT NULL;",
        "REVOKE EXECUTE ON FUNCTION spend(bigint) FROM PUBLIC;",
        "-- DROP TABLE is a word of this comment\nSELECT 1; -- DROP TABLE too",
        "-- contract: nothing read it since 0.1.0\nDROP VIEW old;",
    ] {
        assert_eq!(contractions(expansion), [""; 0], "{expansion}");
    }
}
