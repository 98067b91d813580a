//! Hostile texts in every text column of the database.

use crate::harness::TestApp;

/// Clears the screen in two ways, turns what follows, breaks the line in three ways, hides, and fakes
/// a row.
pub(super) const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{85}\u{2028}\u{7f}\u{8}\
                                  \u{61c}\u{200f}\u{2069}\u{e0041}\u{3164}\u{fe0f}\u{115f}\
                                  \rFAKE row\nFAKE row";

/// Columns that a CHECK keeps to a list of words, or to a form that has no room for anything else.
const CHECKED: [&str; 7] = [
    "console_people.name",
    "console_people.roles",
    "console_people.source",
    "dead_letters.resolution",
    "dead_letters.state",
    "operator_actions.action",
    "replays.state",
];

/// The applied migrations: with others, the schema would be another.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// Rows that no event of the test leads to.
pub(super) fn plant_rows(app: &TestApp, wallet: &str, kept_event: &str) {
    let rows = format!(
        "INSERT INTO console_people (name, shown_name, source, roles) \
         VALUES ('anna', 'Anna', 'proxy', '{{viewer}}'); \
         INSERT INTO waiting_events (event_id, reason, error, attempt, rung_seconds, next_at) \
         VALUES ('4711', 'order_unknown', '', 1, 16, now()); \
         INSERT INTO waiting_steps (event_id, attempt, rung_seconds, reason, error, times) \
             VALUES ('{kept_event}', 1, 16, 'order_unknown', '', 1); \
         INSERT INTO customer_identities (wallet_id, platform, external_id, name, first_seen_at, \
             last_seen_at) VALUES ({wallet}, 'steam', '7656', 'Planted', now(), now())"
    );
    app.database.execute(&rows).unwrap();
}

/// Appends the hostile text and the column's name to every text of the database. One dead letter keeps
/// its event id, because commands look it up by that.
pub(super) fn plant_every_column(app: &TestApp, kept_event: &str) {
    // An entry from before the rule.
    let older = "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_key_form";
    app.database.execute(older).expect("the rule exists");
    let columns = app.database.texts(&format!(
        "SELECT concat_ws(' ', table_name, column_name, data_type) AS value \
         FROM information_schema.columns JOIN information_schema.tables \
             USING (table_schema, table_name) \
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' \
             AND table_name <> '{MIGRATIONS}' \
             AND (data_type IN ('text', 'character varying', 'character', 'json', 'jsonb') \
                  OR udt_name IN ('_text', '_varchar', '_json', '_jsonb')) \
         ORDER BY table_name, column_name"
    ));
    let mut checked = Vec::new();
    for column in &columns {
        let words: Vec<&str> = column.splitn(3, ' ').collect();
        let [table, name, kind] = words[..] else {
            panic!("a table, a column and a type: {column}");
        };
        let column = format!("{table}.{name}");
        let text = format!("'{HOSTILE} of {column} '");
        let value = match kind {
            // The record of the one spend is found by the key of its entry, which is planted already.
            "text" if column == "spends.entry_key" => {
                "(SELECT entry_key FROM ledger_entries WHERE kind = 'spend')".to_owned()
            }
            "text" | "character varying" => {
                format!("coalesce({name}, '') || {text} || ctid::text")
            }
            "jsonb" => format!(
                "CASE jsonb_typeof({name}) WHEN 'object' \
                     THEN {name} || jsonb_build_object('planted', {text}::text) \
                     ELSE to_jsonb({text}::text) END"
            ),
            "ARRAY" => format!("{name} || {text}::text"),
            other => panic!("say how a {other} is planted in {column}"),
        };
        let rows = match column.as_str() {
            // The keys of PayNow's lines are numbers, and a CHECK says so.
            "ledger_entries.entry_key" => "kind = 'spend'".to_owned(),
            "dead_letters.event_id" | "waiting_steps.event_id" => {
                format!("event_id <> '{kept_event}'")
            }
            _any => "true".to_owned(),
        };
        // Only a superuser can switch off the triggers for a session.
        let planted = app.database.execute(&format!(
            "SET session_replication_role = replica; \
             UPDATE {table} SET {name} = {value} WHERE {rows}"
        ));
        if let Err(refusal) = planted {
            assert!(
                refusal.contains("violates check constraint"),
                "{column}: {refusal}"
            );
            checked.push(column);
        }
    }
    app.database
        .execute("SET session_replication_role = origin")
        .unwrap();
    assert_eq!(checked, CHECKED);
}
