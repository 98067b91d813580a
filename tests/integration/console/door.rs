//! Who comes in, and whose forms count.

use super::{Browser, Console, rows_of};
use crate::harness::TestApp;

use paynow_process::clock;
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

fn app() -> TestApp {
    TestApp::builder().workers(0).start()
}

#[test]
fn a_form_counts_only_from_a_page_of_the_console_and_of_this_session() {
    let app = app();
    let console = Console::start(&app);
    let anna = console.somebody(&app, "anna", "operator");
    let bo = console.somebody(&app, "bo", "operator");
    let price = [("product", "7"), ("points", "5"), ("why", "a new product")];
    let before = rows_of(&app);
    let refused = [
        anna.with("Origin", "https://evil.example"),
        anna.with("Origin", "null"),
        anna.with("Sec-Fetch-Site", "cross-site"),
        anna.with("Sec-Fetch-Site", "same-site"),
        anna.with("Sec-Fetch-Site", "none"),
        Browser {
            token: bo.token.clone(),
            ..anna.clone()
        },
        Browser {
            token: String::new(),
            ..anna.clone()
        },
        Browser {
            token: anna.token.to_uppercase(),
            ..anna.clone()
        },
    ];
    for (place, browser) in refused.iter().enumerate() {
        let page = browser.post("/products", &price);
        assert_eq!(page.status, 403, "{place}: {page:?}");
    }
    let bare = super::agent()
        .post(format!("{}/products", anna.origin()))
        .header("Cookie", &anna.cookie)
        .send_form([("token", anna.token.as_str()), price[0], price[1], price[2]]);
    assert_eq!(
        super::page(bare).status,
        403,
        "no browser says where it comes from"
    );
    assert_eq!(before, rows_of(&app));
    let done = anna.post("/products", &price);
    assert_eq!(
        (done.status, done.header("location")),
        (303, "/products/7"),
        "{done:?}"
    );
    let by = "SELECT operator AS value FROM operator_actions ORDER BY action_id DESC LIMIT 1";
    assert_eq!(app.database.texts(by), ["anna"]);
}

/// The code that an authenticator shows for this key, so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    let digit = |letter: u8| {
        let place = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
            .iter()
            .position(|it| *it == letter);
        u64::try_from(place.expect("base 32")).unwrap()
    };
    let key: Vec<u8> = secret
        .as_bytes()
        .chunks(8)
        .flat_map(|group| {
            let number = group
                .iter()
                .fold(0, |number, letter| number << 5 | digit(*letter));
            number.to_be_bytes()[3..].to_vec()
        })
        .collect();
    let step = clock::now_ms() / 30_000 + steps;
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let place = usize::from(tag[19] & 15);
    let four: [u8; 4] = tag[place..place + 4].try_into().unwrap();
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

fn log_in(console: &Console, fields: &[(&str, &str)]) -> super::Page {
    console.stranger().post_bare("/login", fields)
}

fn session(console: &Console, page: &super::Page) -> Browser {
    let cookie = page.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{page:?}");
    }
    Browser {
        cookie: cookie.split(';').next().unwrap().to_owned(),
        ..console.stranger()
    }
}

#[test]
fn a_person_signs_in_with_a_password_of_their_own_and_a_code() {
    let app = app();
    let console = Console::start(&app);
    let note = ["--by", "root", "--why", "the first admin"];
    let added = app.ctl(&[&["people", "add", "anna", "--role", "admin"], &note[..]].concat());
    let added = added.succeeded().stdout;
    let first = added.trim().rsplit(' ').next().unwrap().to_owned();
    let page = log_in(
        &console,
        &[("name", "Anna"), ("password", &first), ("next", "/me")],
    );
    assert_eq!(
        (page.status, page.header("location")),
        (303, "/enrol"),
        "{page:?}"
    );
    let mut anna = session(&console, &page);
    let barred = anna.get("/admin/people");
    assert_eq!(
        (barred.status, barred.header("location")),
        (303, "/enrol"),
        "{barred:?}"
    );

    let form = anna.get("/enrol");
    assert!(form.text.contains("<svg class=\"qr\""), "{form:?}");
    assert!(!form.text.contains("<nav class=\"main\""), "{form:?}");
    anna.token = form.between("name=\"token\" value=\"", "\"").to_owned();
    let secret = form.between("name=\"secret\" value=\"", "\"").to_owned();
    let own = "a password of her own";
    let wrong = [
        ("password", own),
        ("again", own),
        ("secret", secret.as_str()),
        ("code", "000000"),
    ];
    assert_eq!(anna.post("/enrol", &wrong).status, 422);
    let right = code(&secret, 0);
    let right = [
        ("password", own),
        ("again", own),
        ("secret", secret.as_str()),
        ("code", &right),
    ];
    let done = anna.post("/enrol", &right);
    assert_eq!(
        (done.status, done.header("location")),
        (303, "/login?enrolled=yes"),
        "{done:?}"
    );
    assert_eq!(anna.get("/me").status, 303, "the session is over");
    signs_in_with_the_next_code(&console, own, &secret, right[3].1);
}

/// The code of enrolling counts no second time, and nobody is led to another site.
fn signs_in_with_the_next_code(console: &Console, own: &str, secret: &str, used: &str) {
    let used = [("name", "anna"), ("password", own), ("code", used)];
    assert_eq!(log_in(console, &used).status, 401);
    let next = code(secret, 1);
    let page = log_in(
        console,
        &[
            ("name", "anna"),
            ("password", own),
            ("code", &next),
            ("next", "//evil.example"),
        ],
    );
    assert_eq!(
        (page.status, page.header("location")),
        (303, "/"),
        "{page:?}"
    );
    let mut anna = session(console, &page);
    let people = anna.get("/admin/people");
    assert_eq!(people.status, 200);
    anna.token = people.between("name=\"token\" value=\"", "\"").to_owned();
    adds_a_colleague(&anna);
    assert_eq!(
        console
            .stranger()
            .get("/login?next=//evil.example")
            .between("name=\"next\" value=\"", "\""),
        "/"
    );
}

fn adds_a_colleague(admin: &Browser) {
    let carl = [("name", "carl"), ("approver", "yes"), ("why", "is new")];
    let refused = admin.post("/admin/people", &carl);
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text.contains("needs a new password"), "{refused:?}");
    let added = admin.post(
        "/admin/people",
        &[&carl[..], &[("password", "yes")]].concat(),
    );
    assert_eq!(added.status, 200, "{added:?}");
}

#[test]
fn nobody_guesses_passwords() {
    let app = app();
    let mut console = Console::start(&app);
    let try_as = |name: &str| log_in(&console, &[("name", name), ("password", "guessed")]);
    let first = try_as("anna");
    assert_eq!(first.status, 401, "{first:?}");
    for _ in 0..4 {
        assert_eq!(try_as("anna").status, 401);
    }
    let limited = try_as("bo");
    assert_eq!(limited.status, 429, "from one source: {limited:?}");
    assert!(!limited.header("retry-after").is_empty(), "{limited:?}");
    let foreign = console.stranger().with("Origin", "https://evil.example");
    assert_eq!(foreign.post_bare("/login", &[("name", "anna")]).status, 403);
    assert!(!console.program.whole_log().contains("guessed"));
}

#[test]
fn a_proxy_is_believed_only_with_its_address_and_its_secret() {
    let app = app();
    let secret = "0123456789abcdef0123456789abcdef";
    let console = Console::start_with(
        &app,
        &[
            ("CONSOLE_AUTH", "proxy"),
            ("CONSOLE_PROXY_PEERS", "127.0.0.1"),
            ("CONSOLE_PROXY_SECRET", secret),
            ("CONSOLE_ROLES", "desk=operator"),
        ],
    );
    let told = console
        .stranger()
        .with("X-Console-Secret", secret)
        .with("X-Forwarded-User", "Anna")
        .with("X-Forwarded-Groups", "desk, others");
    for wrong in [
        told.with("X-Console-Secret", ""),
        told.with("X-Console-Secret", "another"),
        told.with("X-Forwarded-User", ""),
        told.with("X-Forwarded-User", "an na"),
    ] {
        assert_eq!(
            wrong.post_bare("/login", &[]).status,
            403,
            "{:?}",
            wrong.headers
        );
    }
    let mut doubled = told.clone();
    doubled
        .headers
        .push(("X-Forwarded-User".to_owned(), "bo".to_owned()));
    assert_eq!(doubled.post_bare("/login", &[]).status, 403);
    let page = told.post_bare("/login", &[("next", "/me")]);
    assert_eq!(
        (page.status, page.header("location")),
        (303, "/me"),
        "{page:?}"
    );
    let anna = Browser {
        cookie: session(&console, &page).cookie,
        ..told.clone()
    };
    let me = anna.with("Accept", "application/json").get("/me").json();
    assert_eq!(
        (me["person"].as_str(), me["roles"].as_str()),
        (Some("anna"), Some("operator"))
    );
    // The cookie alone is nothing, and neither is it for somebody else or with other groups.
    let stolen = Browser {
        cookie: anna.cookie.clone(),
        ..console.stranger()
    };
    assert_ne!(stolen.get("/me").status, 200);
    assert_eq!(anna.with("X-Forwarded-User", "bo").get("/me").status, 303);
    assert_eq!(
        anna.with("X-Forwarded-Groups", "others").get("/me").status,
        303
    );
}

#[test]
fn a_person_ends_a_session_on_another_device() {
    let app = app();
    let console = Console::start(&app);
    let [here, there] = ["here", "there"].map(|_device| console.somebody(&app, "anna", "viewer"));
    let bo = console.somebody(&app, "bo", "viewer");
    let own = |browser: &Browser| {
        let me = browser.with("Accept", "application/json").get("/me").json();
        let sessions = me["sessions"].as_array().expect("a list").clone();
        let number = |is_this: bool| {
            let found = sessions.iter().find(|row| row["is_this"] == is_this);
            found.map(|row| row["session_id"].as_str().expect("a text").to_owned())
        };
        (number(true), number(false))
    };
    let (this, other) = own(&here);
    let (this, other) = (this.expect("this one"), other.expect("the other"));
    let page = here.get("/me");
    for number in [&this, &other] {
        let action = format!("action=\"/me/sessions/{number}/end\"");
        assert!(page.text.contains(&action), "{page:?}");
    }
    let end = |browser: &Browser, number: &str| {
        let ended = browser.post(&format!("/me/sessions/{number}/end"), &[]);
        (ended.status, ended.header("location").to_owned())
    };
    assert_eq!(end(&bo, &other).0, 404, "nobody ends those of others");
    assert_eq!(there.get("/me").status, 200);
    assert_eq!(end(&here, &other), (303, "/me".to_owned()));
    assert_eq!(there.get("/me").status, 303, "it is over");
    assert_eq!(own(&here), (Some(this.clone()), None));
    assert_eq!(end(&here, &this), (303, "/login".to_owned()));
    assert_eq!(here.get("/me").status, 303);
    assert_eq!(bo.get("/me").status, 200);
}
