//! The statements of runbooks and guides run as the login that the guides name: `psql "$DATABASE_URL"` as an
//! operator's, `psql "$SUPERUSER_URL"` as a superuser's. `stories::runbooks` runs the other commands.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::login::Login;
use crate::harness::TestApp;

const OPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops");
/// What an operator's login may not do, or gets no answer to: other logins' sessions are hidden from it, and what it
/// does not own is left out by ANALYZE. Payloads have personal data, which operators see with `dead show --reveal`.
const NEEDS_SUPERUSER: [&str; 8] = [
    "pg_stat_activity",
    "pg_terminate_backend",
    "pg_reload_conf",
    "ANALYZE",
    "ALTER ",
    "VACUUM",
    "SET ROLE paynow_owner",
    "payload",
];

/// A line of a code block, with what it continues in.
struct Line {
    /// File and line.
    place: String,
    text: String,
}

fn guides() -> Vec<PathBuf> {
    let inside = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "md"))
            .collect::<Vec<_>>()
    };
    let ops = PathBuf::from(OPS);
    [inside(&ops), inside(&ops.join("runbooks"))].concat()
}

fn lines() -> Vec<Line> {
    let mut found = Vec::new();
    for path in guides() {
        let text = fs::read_to_string(&path).expect("a guide can be read");
        let mut in_code = false;
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            if line.trim_start().starts_with("```") {
                in_code ^= true;
                continue;
            }
            let mut text = line.to_owned();
            while in_code && text.ends_with('\\') {
                text.pop();
                text += lines.next().map_or("", |(_number, more)| more);
            }
            if in_code {
                let place = format!("{}:{number}", path.display());
                found.push(Line { place, text });
            }
        }
    }
    found
}

/// The statements of `psql … -c "…" -c '…'`.
fn statements(command: &str) -> Vec<String> {
    let parts = command.split(" -c ").skip(1);
    let quoted = parts.map(|part| {
        let quote = part.chars().next().unwrap_or_default();
        let rest = part.get(1..).unwrap_or_default();
        let inside = rest.rsplit_once(quote).map_or(rest, |(inside, _)| inside);
        inside.replace("\\\"", "\"")
    });
    quoted.collect()
}

/// Runs all statements in one session, which is rolled back.
fn refused(url: &str, statements: &[String]) -> Option<String> {
    let mut connection = PgConnection::establish(url).expect("the login works");
    let all = format!("BEGIN; {}; ROLLBACK", statements.join("; "));
    let error = connection.batch_execute(&all).err()?;
    Some(error.to_string())
}

#[test]
fn every_statement_of_the_guides_runs_as_the_login_that_they_name() {
    let app = TestApp::builder().workers(0).start();
    let operator = Login::with_role(&app, "paynow_operator");
    let superuser = app.database.url().to_string();
    let (mut seen, mut problems) = (0, Vec::new());
    for Line { place, text } in lines() {
        let url = match text.trim_start() {
            text if text.starts_with("psql \"$DATABASE_URL\"") => operator.url.as_str(),
            text if text.starts_with("psql \"$SUPERUSER_URL\"") => superuser.as_str(),
            _another => continue,
        };
        seen += 1;
        let named = text.contains("$SUPERUSER_URL");
        if named != NEEDS_SUPERUSER.iter().any(|word| text.contains(word)) {
            problems.push(format!("{place}: another login: {text}"));
        }
        let statements = statements(&text);
        let why = refused(url, &statements);
        problems.extend(why.map(|why| format!("{place}: {why}: {statements:?}")));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(seen > 20, "{seen} statements only: the scan is broken");
}

/// The beginnings of command lines that choose by a filter, a file or a queue.
const CHOOSES: [&str; 5] = [
    "dead discard --",
    "dead replay --",
    "forget ",
    "history send ",
    "unrouted move ",
];

#[test]
fn a_command_of_the_guides_that_does_what_it_chose_names_the_preview() {
    let (mut seen, mut problems) = (0, Vec::new());
    for Line { place, text } in lines() {
        let chooses = CHOOSES.iter().any(|it| text.contains(&format!(" {it}")));
        // A replay that is resumed has its letters since it began.
        if !chooses || !text.contains(" --yes") || text.contains(" --resume") {
            continue;
        }
        seen += 1;
        if !text.contains(" --yes --expect \"$HASH\"") {
            problems.push(format!("{place}: {text}"));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(seen > 8, "{seen} commands only: the scan is broken");
}
