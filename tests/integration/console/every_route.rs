//! What holds for each route: a new one is tested without a line here, or fails because its parameters are
//! new.

use paynow_console::route::{Access, Route};
use paynow_console::routes::routes;
use paynow_desk::console::roles::Role;

use super::{Browser, Console, Page, rows_of};
use crate::harness::{Order, TestApp, flake};

const PRODUCT: i64 = 600_000_000_000_000_040;

/// An app with an order that was applied and one that is dead, the console, and paths for its parameters.
struct World {
    app: TestApp,
    console: Console,
    wallet: String,
    order: String,
    event: String,
    letter: String,
}

impl World {
    fn new() -> Self {
        let app = TestApp::start();
        app.set_product(PRODUCT, 500);
        let good = Order::of(PRODUCT, flake());
        app.deliver(&good);
        app.deliver(&Order::of(PRODUCT + 1, flake()));
        app.drain();
        let json = good.json();
        let text = |path: &str| {
            json.pointer(path)
                .and_then(|it| it.as_str())
                .unwrap()
                .to_owned()
        };
        let letter = "SELECT max(dead_letter_id) AS value FROM dead_letters";
        let letter = app.database.number(letter).to_string();
        let console = Console::start(&app);
        Self {
            wallet: text("/body/customer/id"),
            order: text("/body/id"),
            event: text("/event_id"),
            letter,
            app,
            console,
        }
    }

    /// The path of a route with something that exists.
    fn path(&self, route: &Route) -> String {
        let product = PRODUCT.to_string();
        let known = [
            ("{wallet}", self.wallet.as_str()),
            ("{order}", &self.order),
            ("{event}", &self.event),
            ("{letter}", &self.letter),
            ("{product}", &product),
            ("{preview}", "1"),
            ("{replay}", "1"),
            ("{request}", "1"),
            ("{session}", "1"),
            ("{name}", "console.css"),
        ];
        let path = known
            .iter()
            .fold(route.path.to_owned(), |path, (name, value)| {
                path.replace(name, value)
            });
        assert!(
            !path.contains('{'),
            "{path} has a parameter that this test does not know"
        );
        path
    }

    fn send(&self, route: &Route, browser: &Browser) -> Page {
        let path = self.path(route);
        match route.method.as_str() {
            "GET" => browser.get(&path),
            "POST" => browser.post(&path, &[]),
            other => panic!("{path} has the method {other}"),
        }
    }
}

fn is_stream(route: &Route) -> bool {
    route.path.ends_with("/stream")
}

#[test]
fn each_route_lets_in_whom_it_names_and_nobody_else() {
    let world = World::new();
    let before = rows_of(&world.app);
    let (mut refused, mut let_in) = (0, 0);
    for route in routes().iter().filter(|route| !is_stream(route)) {
        let stranger = world.send(route, &world.console.stranger());
        let name = format!("{} {}", route.method, route.path);
        if route.access == Access::Open {
            assert!(
                ![401, 403].contains(&stranger.status) || route.method == "POST",
                "{name}"
            );
            continue;
        }
        match stranger.status {
            303 => assert!(
                stranger.header("location").starts_with("/login?next="),
                "{name}"
            ),
            status => assert_eq!(status, 401, "{name}"),
        }
        for role in Role::CODES {
            // Signing out ends the session, so each role has its own for each route.
            let somebody = world
                .console
                .somebody(&world.app, &format!("of-{role}"), role);
            let page = world.send(route, &somebody);
            let role: Role = role.parse().unwrap();
            let may = match route.access {
                Access::Open | Access::SignedIn => true,
                Access::Needs(right) => right.roles().contains(&role),
            };
            let is_refused = page.status == 403;
            assert_eq!(is_refused, !may, "{name} as {role}: {page:?}");
            assert_ne!(page.status, 500, "{name} as {role}: {page:?}");
            refused += usize::from(is_refused);
            let_in += usize::from(may);
        }
    }
    assert!(refused > 50 && let_in > 50, "{refused} {let_in}");
    let people = |row: &String| !row.starts_with("console_people ");
    let after: Vec<String> = rows_of(&world.app).into_iter().filter(people).collect();
    let before: Vec<String> = before.into_iter().filter(people).collect();
    assert_eq!(before, after, "empty forms and refusals change nothing");
}

#[test]
fn looking_changes_nothing_and_every_answer_has_its_headers() {
    let world = World::new();
    let all = Role::CODES.join(",");
    let somebody = world.console.somebody(&world.app, "anna", &all);
    let before = rows_of(&world.app);
    let mut seen = 0;
    for route in routes().iter().filter(|route| !is_stream(route)) {
        let name = format!("{} {}", route.method, route.path);
        // A session has a limit of requests a second.
        let somebody = world.console.somebody(&world.app, "anna", &all);
        if route.method == "GET" {
            let page = world.send(route, &somebody);
            has_headers(&name, &page);
            has_its_form(&name, &page);
            let json = world.send(route, &somebody.with("Accept", "application/json"));
            has_headers(&name, &json);
            assert!(
                page.status < 500 && json.status < 500,
                "{name}: {page:?} {json:?}"
            );
            seen += 1;
        }
        // Another method than any that the address has.
        let other = ureq_delete(&world.path(route), &somebody);
        assert_eq!(other.status, 405, "{name}: {other:?}");
        has_headers(&name, &other);
    }
    assert!(seen > 20, "{seen}");
    for path in [
        "/nothing",
        "/dead?reason=nonsense",
        "/dead?x=1",
        "/dead?state=open&state=all",
    ] {
        let page = somebody.get(path);
        assert!([404, 422].contains(&page.status), "{path}: {page:?}");
        has_headers(path, &page);
    }
    assert_eq!(before, rows_of(&world.app));
    let asset = world.console.stranger().get("/login");
    let asset = asset.between("rel=\"stylesheet\" href=\"", "\"").to_owned();
    let asset = world.console.stranger().get(&asset);
    assert_eq!(asset.status, 200);
    assert!(
        asset.header("cache-control").contains("immutable"),
        "{asset:?}"
    );
}

fn ureq_delete(path: &str, browser: &Browser) -> Page {
    let request = super::agent()
        .delete(format!("{}{path}", browser.origin()))
        .header("Cookie", &browser.cookie)
        .header("Origin", browser.origin());
    // The token cannot come with it: the method is refused before.
    super::page(request.call())
}

#[track_caller]
fn has_headers(name: &str, page: &Page) {
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{name}: {policy:?}");
    }
    for (header, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(header), value, "{name}: {header}");
    }
    assert!(
        page.header("permissions-policy").contains("camera=()"),
        "{name}"
    );
    assert_eq!(page.header("cache-control"), "no-store", "{name}");
}

/// What every page has: a language, a title, one heading, a way past the navigation, and no script in it.
#[track_caller]
fn has_its_form(name: &str, page: &Page) {
    if !page.header("content-type").starts_with("text/html") {
        return;
    }
    let count = |what: &str| page.text.matches(what).count();
    assert_eq!(
        (count("<h1>"), count("<title>"), count("<main ")),
        (1, 1, 1),
        "{name}"
    );
    assert!(
        page.text.contains("<html lang=\"en\"") && page.text.contains("href=\"#main\""),
        "{name}"
    );
    assert_eq!(count("<table>"), count("<caption>"), "{name}");
    assert_eq!(count("<script"), count("<script src=\"/assets/"), "{name}");
    for inline in [" style=", " onclick=", "javascript:", "<style"] {
        assert!(!page.text.contains(inline), "{name}: {inline}");
    }
}
