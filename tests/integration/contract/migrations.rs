//! A migration can be reverted, and its `down.sql` undoes its `up.sql` exactly.

use std::path::Path;

use super::database::Ledger;
use crate::harness::migrations;

/// The schema as the catalogs describe it: owners, rights, columns, constraints, triggers,
/// functions.
const SCHEMA: &str = "
    SELECT concat_ws(' ', 'relation', relkind, relname, relowner::regrole, relacl) AS value
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'column', attrelid::regclass,
        -- Among those that are there: a column that goes leaves its number behind.
        row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity, attacl,
        pg_get_expr(adbin, adrelid))
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r'
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'index', indexdef) FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(oid))
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'function', proowner::regrole, proacl, pg_get_functiondef(oid))
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'enum', typname, typowner::regrole, enumsortorder, enumlabel)
    FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
    ORDER BY value";

fn schema(ledger: &Ledger) -> Vec<String> {
    ledger.database.texts(SCHEMA)
}

pub(super) fn run(ledger: &Ledger, migration: &Path, file: &str) {
    let path = migration.join(file);
    let sql = std::fs::read_to_string(&path).expect("a migration has both files");
    // Such a statement is refused inside of a transaction.
    let (begin, end) = match migration.join("metadata.toml").exists() && file == "up.sql" {
        true => ("SET ROLE paynow_owner", "RESET ROLE"),
        false => ("BEGIN; SET LOCAL ROLE paynow_owner", "COMMIT"),
    };
    for work in [begin, &sql, end] {
        ledger
            .database
            .execute(work)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn the_last_migration_goes_down_and_up_again_to_the_same_schema() {
    let ledger = Ledger::with_rows();
    let before = schema(&ledger);
    let migrations = migrations();
    let last = migrations.last().expect("there is one");

    run(&ledger, last, "down.sql");
    assert_ne!(schema(&ledger), before, "it reverts something");
    run(&ledger, last, "up.sql");

    assert_eq!(schema(&ledger), before);
}

#[test]
fn all_migrations_go_down_to_nothing_and_up_again_to_the_same_schema() {
    let ledger = Ledger::with_rows();
    let before = schema(&ledger);

    for migration in migrations().iter().rev() {
        run(&ledger, migration, "down.sql");
    }
    let left = schema(&ledger)
        .into_iter()
        .filter(|line| !line.contains("__diesel_schema") && !line.contains("setup_lock"));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
    for migration in migrations() {
        run(&ledger, &migration, "up.sql");
    }

    assert_eq!(schema(&ledger), before);
}
