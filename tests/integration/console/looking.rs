//! What pages say, and that texts of others stay texts.

use paynow_desk::console::roles::Role;

use super::Console;
use crate::harness::{Order, TestApp, flake};

const PRODUCT: i64 = 600_000_000_000_000_040;
/// Markup, a script, a turned line and a hidden character.
const HOSTILE: &str = "<script>alert(1)</script>\" onclick=\"x\u{202e}\u{200b}\u{1b}[2J";

#[test]
fn what_others_wrote_is_shown_as_text() {
    let app = TestApp::start();
    app.leave_unaudited();
    app.set_product(7, 5);
    app.deliver(&Order::of(PRODUCT, flake()));
    app.drain();
    let mut console = Console::start(&app);
    let hostile = HOSTILE.replace('\'', "''");
    app.database
        .execute(&format!(
            "UPDATE dead_letters SET error = '{hostile}'; \
             UPDATE products SET name = '{hostile}'"
        ))
        .expect("a superuser may");
    let anna = console.somebody(&app, "anna", &Role::CODES.join(","));
    let letter = app
        .database
        .number("SELECT max(dead_letter_id) AS value FROM dead_letters");
    let mut seen = 0;
    for path in ["/dead", &format!("/dead/{letter}"), "/products"] {
        let page = anna.get(path);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(
            !page.text.contains("<script>") && !page.text.contains(" onclick=\"x"),
            "{page:?}"
        );
        assert!(
            !page.text.contains(['\u{202e}', '\u{200b}', '\u{1b}']),
            "{page:?}"
        );
        seen += usize::from(page.text.contains("\\u{202e}") && page.text.contains("alert(1)"));
    }
    assert_eq!(seen, 3);
    let document = anna.with("Accept", "application/json").get("/dead");
    assert!(
        !document.text.contains(['\u{202e}', '\u{200b}', '\u{1b}']),
        "{document:?}"
    );
    let errors = document.json().to_string();
    assert!(errors.contains("onclick=\\\"x\u{202e}"), "{errors}");
    let asked = anna.get("/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(
        asked.status == 200 && !asked.text.contains("<script>alert"),
        "{asked:?}"
    );
    assert!(
        !console.program.whole_log().contains("alert"),
        "what is searched for is not logged"
    );
}

#[test]
fn a_page_and_its_document_say_the_same_as_the_command() {
    let app = TestApp::start();
    app.set_product(PRODUCT, 500);
    let order = Order::of(PRODUCT, flake()).json();
    app.deliver_bytes(order.to_string().as_bytes());
    app.drain();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let json = anna.with("Accept", "application/json");
    let event = order["event_id"].as_str().unwrap();
    let of_order = order["body"]["id"].as_str().unwrap();
    for (path, command) in [
        (format!("/events/{event}"), vec!["events", "show", event]),
        (
            format!("/orders/{of_order}"),
            vec!["orders", "show", of_order],
        ),
        ("/products".to_owned(), vec!["products", "list"]),
        ("/audit".to_owned(), vec!["actions", "list"]),
    ] {
        assert_eq!(json.get(&path).json(), app.ctl_json(&command), "{path}");
        assert!(
            anna.get(&path).text.contains(command[0]),
            "{path} names its command"
        );
    }
    let wallet = order["body"]["customer"]["id"].as_str().unwrap();
    let found = anna.get(&format!("/search?q={of_order}"));
    assert_eq!(
        found.header("location"),
        format!("/orders/{of_order}"),
        "{found:?}"
    );
    let page = anna.get(&format!("/wallets/{wallet}"));
    assert!(
        page.text.contains(wallet) && page.text.contains("+500"),
        "{page:?}"
    );
    let export = anna.get(&format!("/wallets/{wallet}/export"));
    assert!(export.text.contains(",500,500\r\n"), "{export:?}");
    let exports = "SELECT about AS value FROM console_access WHERE what = 'export'";
    assert_eq!(app.database.texts(exports), [format!("wallet {wallet}")]);
}

/// Locks a table until what comes back is dropped.
fn lock(app: &TestApp, table: &str) -> diesel::PgConnection {
    use diesel::connection::SimpleConnection as _;
    let mut holder =
        <diesel::PgConnection as diesel::Connection>::establish(app.database.url().as_str())
            .expect("the server answers");
    holder
        .batch_execute(&format!(
            "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
        ))
        .expect("a superuser may");
    holder
}

#[test]
fn a_page_that_takes_the_database_too_long_says_so() {
    let app = TestApp::builder().workers(0).start();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let held = lock(&app, "products");
    let page = anna.get("/products");
    let document = anna.with("Accept", "application/json").get("/products");
    drop(held);
    for answer in [&page, &document] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(
            answer.text.contains("the database took longer than it may"),
            "{answer:?}"
        );
    }
    let log = console.program.await_log("page_ended");
    assert!(!log.contains("page_failed"), "{log}");
    assert_eq!(anna.get("/products").status, 200);
}

#[test]
fn a_page_that_waits_too_long_for_a_lock_says_so() {
    let app = TestApp::builder().workers(0).start();
    let name = app.database.url().path().trim_start_matches('/').to_owned();
    app.database
        .execute(&format!("ALTER DATABASE {name} SET lock_timeout = '200ms'"))
        .expect("a superuser may");
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let held = lock(&app, "products");
    let page = anna.get("/products");
    drop(held);
    assert_eq!(page.status, 503, "{page:?}");
    assert!(page.text.contains("somebody else holds"), "{page:?}");
    console.program.await_log("page_ended");
}

#[test]
fn the_keys_are_listed_without_a_script() {
    let app = TestApp::builder().workers(0).start();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let live = anna.get("/products");
    assert!(live.text.contains("<a href=\"/help\">Keys</a>"), "{live:?}");
    let help = anna.get("/help");
    for (key, does) in [("?", "this list"), ("g then d", "dead letters")] {
        let row = help.between(&format!("<th scope=\"row\">{key}"), "</tr>");
        assert!(row.contains(does), "{key}: {row}");
    }
    let keys = anna.with("Accept", "application/json").get("/help").json();
    assert_eq!(keys[0]["key"], "?", "{keys}");
    assert_eq!(console.stranger().get("/help").status, 303);
}

#[test]
fn without_a_database_every_page_says_so() {
    let app = TestApp::builder().workers(0).start();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let name = app.database.url().path().trim_start_matches('/').to_owned();
    let allow = |allowed: bool| {
        let sql = format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        );
        let server = crate::harness::Servers::of_this_run().database;
        let mut connection =
            <diesel::PgConnection as diesel::Connection>::establish(server.as_str())
                .expect("the server answers");
        diesel::connection::SimpleConnection::batch_execute(&mut connection, &sql)
            .expect("a superuser may");
    };
    allow(false);
    // The first request finds out that its connection is closed.
    let _found_out = anna.get("/dead");
    let page = anna.get("/dead");
    allow(true);
    assert_eq!(page.status, 503, "{page:?}");
    assert!(
        page.text.contains("webhooks wait in the broker"),
        "{page:?}"
    );
    assert!(
        !page.text.contains(&name),
        "where the database is stands in the log only: {page:?}"
    );
    console.program.await_log(&name);
    crate::harness::eventually("the page is back", || {
        (anna.get("/dead").status == 200).then_some(())
    });
}
