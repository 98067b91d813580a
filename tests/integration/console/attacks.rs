//! What somebody who means harm tries over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use paynow_console::route::Access;
use paynow_console::routes::routes;
use paynow_desk::console::roles::Role;

use super::{Browser, Console, Page, rows_of};
use crate::harness::{Order, TestApp, flake};

const UNKNOWN: i64 = 600_000_000_000_000_099;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn app() -> TestApp {
    TestApp::builder().workers(0).start()
}

fn everything() -> String {
    Role::CODES.join(",")
}

/// The same person, whose form comes from elsewhere. The last one comes from nowhere.
fn foreign(somebody: &Browser) -> [Browser; 4] {
    let tokenless = Browser {
        token: String::new(),
        ..somebody.clone()
    };
    [
        somebody.with("Origin", "https://evil.example"),
        somebody.with("Origin", "null"),
        somebody.with("Sec-Fetch-Site", "cross-site"),
        tokenless,
    ]
}

#[test]
fn no_form_of_any_route_counts_from_elsewhere() {
    let app = app();
    let console = Console::start(&app);
    console.somebody(&app, "anna", &everything());
    let before = rows_of(&app);
    let mut seen = 0;
    for route in routes().iter().filter(|route| route.method == "POST") {
        // Each route with a session of its own: one may ask only so often.
        let anna = console.somebody(&app, "anna", &everything());
        let foreign = foreign(&anna);
        let parts = route
            .path
            .split('/')
            .map(|part| match part.strip_prefix('{') {
                Some(_parameter) => "1",
                None => part,
            });
        let path = parts.collect::<Vec<_>>().join("/");
        let tried = match route.access {
            // Whoever signs in has no session yet.
            Access::Open => &foreign[..3],
            Access::SignedIn | Access::Needs(_) => &foreign[..],
        };
        for (place, browser) in tried.iter().enumerate() {
            let page = browser.post(&path, &[("why", "x")]);
            assert_eq!(page.status, 403, "{path} {place}: {page:?}");
            seen += 1;
        }
        assert_eq!(anna.get("/me").status, 200, "nobody was signed out");
    }
    assert!(seen > 40, "{seen}");
    assert_eq!(before, rows_of(&app));
}

#[test]
fn an_open_page_does_not_keep_its_session_alive() {
    let app = app();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let idle =
        "SELECT (extract(epoch FROM now() - seen_at) / 60)::bigint AS value FROM console_sessions";
    app.database
        .execute("UPDATE console_sessions SET seen_at = now() - interval '20 minutes'")
        .unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", anna.port)).unwrap();
    let head = format!(
        "GET /live/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {}\r\n\r\n",
        anna.cookie
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    assert_eq!(app.database.number(idle), 20, "the stream was no use of it");
    assert_eq!(anna.get("/me").status, 200);
    assert_eq!(app.database.number(idle), 0, "a page is");
}

/// A console behind a proxy on this machine, which says more than usual.
fn behind_a_proxy(app: &TestApp, more: &[(&str, &str)]) -> Console {
    let own = [
        ("CONSOLE_AUTH", "proxy"),
        ("CONSOLE_PROXY_PEERS", "127.0.0.1"),
        ("CONSOLE_PROXY_SECRET", SECRET),
        ("CONSOLE_ROLES", "desk=operator"),
    ];
    Console::start_with(app, &[&own, more].concat())
}

/// Somebody whom the proxy has let in, with the token of a page.
fn let_in(console: &Console) -> Browser {
    let told = console
        .stranger()
        .with("X-Console-Secret", SECRET)
        .with("X-Forwarded-User", "anna")
        .with("X-Forwarded-Groups", "desk");
    let page = told.post_bare("/login", &[]);
    let cookie = page.header("set-cookie");
    let mut anna = Browser {
        cookie: cookie.split(';').next().unwrap().to_owned(),
        ..told
    };
    anna.token = anna
        .get("/me")
        .between("name=\"token\" value=\"", "\"")
        .to_owned();
    anna
}

#[test]
fn going_on_at_the_proxy_is_no_fresh_sign_in() {
    let app = app();
    let reveal = |browser: &Browser| browser.post("/dead/1/reveal", &[("why", "a case")]);
    {
        let console = behind_a_proxy(&app, &[]);
        let silent = reveal(&let_in(&console));
        assert_eq!(silent.status, 403, "{silent:?}");
        assert!(silent.text.contains("the proxy does not say"), "{silent:?}");
    }
    let header = ("CONSOLE_PROXY_SIGNED_IN_HEADER", "X-Auth-Time");
    let console = behind_a_proxy(&app, &[header]);
    let anna = let_in(&console);
    let now = paynow_process::clock::now_ms() / 1000;
    for (time, status) in [
        (String::new(), 403),
        ("yesterday".to_owned(), 403),
        ((now - 901).to_string(), 403),
        ((now + 3600).to_string(), 403),
        ("2026-01-01T00:00:00Z".to_owned(), 403),
        // Of a fresh one it is said that there is no such letter.
        ((now - 60).to_string(), 404),
    ] {
        let page = reveal(&anna.with("X-Auth-Time", &time));
        assert_eq!(page.status, status, "{time:?}: {page:?}");
    }
    let refused = "SELECT count(*) AS value FROM console_access WHERE what = 'refused'";
    assert_eq!(app.database.number(refused), 6, "each is recorded");
    // A new sign-in ends the session that the browser had: one that was planted is worth nothing.
    let page = anna.post_bare("/login", &[]);
    let cookie = page.header("set-cookie").split(';').next().unwrap();
    assert_ne!(cookie, anna.cookie);
    assert_eq!(anna.get("/me").status, 303);
}

#[test]
fn a_large_replay_takes_a_fresh_sign_in_and_a_small_one_does_not() {
    let app = TestApp::start();
    for product in [UNKNOWN, UNKNOWN + 1] {
        app.deliver(&Order::of(product, flake()));
    }
    app.drain();
    app.set_product(UNKNOWN, 100_001);
    app.set_product(UNKNOWN + 1, 5);
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "operator");
    let letters = "SELECT dead_letter_id::text AS value FROM dead_letters ORDER BY 1";
    let letters = app.database.texts(letters);
    let previews = letters.iter().map(|letter| {
        let made = anna.post("/dead/preview", &[("which", "ticked"), ("letter", letter)]);
        assert_eq!(made.status, 303, "{made:?}");
        let place = made.header("location").to_owned();
        let points = anna
            .get(&place)
            .between("Points in all", "</dd>")
            .to_owned();
        (place, points.contains(','))
    });
    let mut previews: Vec<(String, bool)> = previews.collect();
    previews.sort_by_key(|(_, is_large)| !is_large);
    assert_eq!([previews[0].1, previews[1].1], [true, false]);
    app.database
        .execute("UPDATE console_sessions SET signed_in_at = now() - interval '16 minutes'")
        .unwrap();
    let before = rows_of(&app);
    let go = |browser: &Browser, preview: &str| {
        browser.post(&format!("{preview}/go"), &[("why", "the price is right")])
    };
    let [large, small] = [&previews[0].0, &previews[1].0];
    let old = go(&anna, large);
    assert_eq!(old.status, 403, "{old:?}");
    let back = format!("/login?next={}", large.replace('/', "%2F"));
    assert!(old.text.contains(&back), "{old:?}");
    assert_eq!(before, rows_of(&app));
    let shown = anna.get(large);
    assert!(
        shown.text.contains("a sign-in of the last 15 minutes"),
        "{shown:?}"
    );
    assert_eq!(go(&anna, small).status, 303);
    super::eventually("the small one ends", || {
        let again = go(&console.somebody(&app, "anna", "operator"), large);
        (again.status == 303).then_some(())
    });
}

#[test]
fn a_form_that_is_sent_again_acts_once() {
    let app = app();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "operator");
    // Where a dead letter of a product without points leads.
    let product = UNKNOWN.to_string();
    let page = anna.get(&format!("/products/{product}"));
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("it never gave points"), "{page:?}");
    let once = page.between("name=\"once\" value=\"", "\"").to_owned();
    let set = |points: &str| {
        let fields = [
            ("once", once.as_str()),
            ("product", product.as_str()),
            ("points", points),
            ("why", "it was forgotten"),
        ];
        let page = anna.post("/products", &fields);
        assert_eq!(page.status, 303, "{page:?}");
    };
    let actions = "SELECT count(*) AS value FROM product_prices";
    let before = app.database.number(actions);
    set("500");
    // Somebody else changes it, and the first form is sent once more by the button back.
    app.set_product(UNKNOWN, 700);
    set("500");
    assert_eq!(app.database.number(actions) - before, 2);
    // What was typed anew is meant.
    set("600");
    assert_eq!(app.database.number(actions) - before, 3);
}

#[test]
fn a_request_is_small_and_leads_to_addresses_of_ours() {
    let app = app();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "viewer");
    let large = anna.with("X-Much", &"a".repeat(16_384)).get("/me");
    assert_eq!(large.status, 431, "{large:?}");
    assert_eq!(large.header("x-frame-options"), "DENY");
    for (path, place) in [
        (
            "/dead/%0d%0aSet-Cookie:x=1",
            "/events/%0D%0ASet-Cookie:x%3D1",
        ),
        ("/dead/%5cevil.example", "/events/%5Cevil.example"),
        ("/dead/a%3Fb%23c", "/events/a%3Fb%23c"),
    ] {
        let page = anna.get(path);
        assert_eq!(
            (page.status, page.header("location")),
            (303, place),
            "{page:?}"
        );
        assert_eq!(page.header("set-cookie"), "");
    }
    let admin = console.somebody(&app, "berta", "admin");
    app.database
        .execute("UPDATE console_sessions SET signed_in_at = now() - interval '16 minutes'")
        .unwrap();
    let old = admin.post("/admin/people", &[("name", "bo"), ("why", "new")]);
    assert!(
        old.text.contains("/login?next=%2Fadmin%2Fpeople"),
        "{old:?}"
    );
}

#[test]
fn whoever_guesses_from_many_addresses_is_slowed_and_keeps_nobody_out() {
    let app = app();
    let console = Console::start_with(
        &app,
        &[
            ("CONSOLE_AUTH", "accounts"),
            ("CONSOLE_PROXY_PEERS", "127.0.0.1"),
        ],
    );
    let try_from = |source: &str, name: &str| -> Page {
        let from = console.stranger().with("X-Forwarded-For", source);
        from.post_bare("/login", &[("name", name), ("password", "guessed")])
    };
    for host in 1..=5 {
        let page = try_from(&format!("2001:db8::{host}"), &format!("name-{host}"));
        assert_eq!(page.status, 401, "{page:?}");
    }
    let limited = try_from("2001:db8::ffff:6", "name-6");
    assert_eq!(
        limited.status, 429,
        "one network is one source: {limited:?}"
    );

    let anna = console.somebody(&app, "anna", "viewer");
    let busy = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for place in 0..20 {
            let (try_from, busy) = (&try_from, &busy);
            scope.spawn(move || {
                let page = try_from(&format!("192.0.2.{place}"), &format!("flood-{place}"));
                assert!([401, 429].contains(&page.status), "{page:?}");
                busy.fetch_add(usize::from(page.status == 429), Ordering::SeqCst);
            });
        }
        for _ in 0..5 {
            let page = anna.get("/me");
            assert_eq!(page.status, 200, "{page:?}");
        }
    });
    assert!(busy.into_inner() > 0, "some are told to come again");
}
