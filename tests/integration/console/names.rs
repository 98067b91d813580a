//! Players whom no order has named, in the console: asked of a stand-in for PayNow's API.

use std::thread;
use std::time::{Duration, Instant};

use super::{Console, rows_of};
use crate::find::paynow::{Customers, customer, keep_steven};
use crate::harness::{Reply, TestApp, flake};

/// Markup, a turned line, and a name that nobody else has.
const NAME: &str = "<b onclick=\"x\">Zuzanna\u{202e}";

fn console(app: &TestApp, customers: &Customers) -> Console {
    let settings = customers.settings();
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    let more = [("CONSOLE_AUTH", "accounts"), ("LOG_LEVEL", "trace")];
    Console::start_with(app, &settings.chain(more).collect::<Vec<_>>())
}

fn looks(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT about AS value FROM console_access WHERE what = 'look_up' ORDER BY access_id",
    )
}

#[test]
fn a_name_at_paynow_is_shown_and_recorded_as_a_look_up_and_kept_nowhere() {
    let app = TestApp::start();
    let wallet = flake();
    let customers = Customers::listing(&[customer(wallet, NAME)]);
    let mut console = console(&app, &customers);
    let before = rows_of(&app);
    let viewer = console.somebody(&app, "vera", "viewer");
    let nothing = viewer.get("/search?q=Zuzanna");
    assert!(nothing.text.contains("nothing is recorded"), "{nothing:?}");
    assert!(customers.asked().is_empty(), "a viewer sees no names");
    let people = rows_of(&app);

    let anna = console.somebody(&app, "anna", "support");
    let page = anna.get("/search?q=Zuzanna");
    assert_eq!((page.status, customers.asked().len()), (200, 1), "{page:?}");
    assert!(
        page.text.contains("Zuzanna\\u{202e}, minecraft"),
        "{page:?}"
    );
    assert!(!page.text.contains("<b onclick"), "{page:?}");
    let dead = format!("/dead?wallet={wallet}&#38;state=all");
    assert!(page.text.contains(&dead), "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
    let found = format!("players of the wallets {wallet}; PayNow was asked");
    assert_eq!(looks(&app), std::slice::from_ref(&found));
    let document = anna
        .with("Accept", "application/json")
        .get("/search?q=Zuzanna");
    assert_eq!(document.json()["hits"][0]["id"], wallet.to_string());

    let kept = app.database.texts(
        "SELECT it::text AS value FROM console_access AS it WHERE it::text ILIKE '%zuzanna%'",
    );
    assert!(kept.is_empty(), "{kept:?}");
    assert!(before != people, "two people were made");
    let log = console.program.whole_log();
    assert!(
        !log.contains("Zuzanna") && !log.contains("zuzanna"),
        "{log}"
    );
    let others = app
        .database
        .texts("SELECT name AS value FROM customer_identities");
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn who_a_player_is_in_games_is_told_to_who_may_see_names_and_recorded() {
    let app = TestApp::start();
    let wallet = keep_steven(&app);
    let id = wallet.to_string();
    let note = ["--by", "anna", "--why", "a present", "--yes"];
    let credit = [
        &["correct", "--wallet", &id, "--points", "5", "--key", "k"][..],
        &note,
    ];
    app.ctl(&credit.concat()).succeeded();
    let console = Console::start(&app);
    let (page, player) = (
        format!("/wallets/{wallet}"),
        format!("/wallets/{wallet}/player"),
    );
    let viewer = console.somebody(&app, "vera", "viewer");
    assert!(!viewer.get(&page).text.contains(&player));
    assert_eq!(viewer.get(&player).status, 403);

    let anna = console.somebody(&app, "anna", "support");
    let wallet_page = anna.get(&page);
    assert!(wallet_page.text.contains(&player), "{wallet_page:?}");
    assert!(!wallet_page.text.contains("Steven"), "{wallet_page:?}");
    assert!(looks(&app).is_empty());
    let told = anna.get(&player);
    assert!(
        told.text.contains("Steven") && told.text.contains("76561198000000001"),
        "{told:?}"
    );
    assert_eq!(looks(&app), [format!("player of the wallet {wallet}")]);
    let command = format!("paynowctl wallet show {wallet}");
    assert!(told.text.contains(&command), "{told:?}");
    let shown = app.ctl(&["wallet", "show", &id]).succeeded();
    assert!(shown.stdout.contains("Steven"), "{shown:?}");
    let document = anna.with("Accept", "application/json").get(&player);
    assert_eq!(document.json()[0]["name"], "Steven");
    assert_eq!(looks(&app).len(), 2);
}

#[test]
fn without_an_answer_of_paynow_the_page_says_so_and_shows_what_is_known() {
    let app = TestApp::start();
    let wallet = keep_steven(&app);
    let customers = Customers::listing(&[]);
    let console = console(&app, &customers);
    let anna = console.somebody(&app, "anna", "support");
    for (reply, said) in [
        (Reply::Status(500), "status 500"),
        (Reply::Status(401), "refuses the key"),
        (
            Reply::Document("nonsense".to_owned()),
            "differs from the documentation",
        ),
    ] {
        customers.trouble(Some(reply));
        let page = anna.get("/search?q=Steve");
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.text.contains(&wallet.to_string()), "{page:?}");
        assert!(
            page.text.contains("Only what the database knows"),
            "{page:?}"
        );
        assert!(page.text.contains(said), "{page:?}");
        let none = anna.get("/search?q=Nobody");
        assert!(none.status == 200 && none.text.contains(said), "{none:?}");
    }
    let recorded = looks(&app);
    assert_eq!(recorded.len(), 6);
    assert_eq!(
        recorded[1],
        "a player who was not found; PayNow gave no answer"
    );

    // Four ask at once, and a fifth is told so at once; other pages wait for none of them.
    customers.trouble(Some(Reply::Silence));
    let searches: Vec<_> = (0..6)
        .map(|_| {
            let anna = anna.clone();
            thread::spawn(move || {
                let began = Instant::now();
                (anna.get("/search?q=Steve"), began.elapsed())
            })
        })
        .collect();
    let began = Instant::now();
    assert_eq!(anna.get("/products").status, 200);
    assert!(began.elapsed() < Duration::from_secs(3));
    let (mut told, mut waited) = (0, 0);
    for search in searches {
        let (page, took) = search.join().unwrap();
        assert!(
            page.status == 200 && page.text.contains(&wallet.to_string()),
            "{page:?}"
        );
        assert!(took < Duration::from_secs(8), "{took:?}");
        told += usize::from(page.text.contains("4 searches are asking PayNow"));
        waited += usize::from(page.text.contains("no answer in time"));
    }
    assert_eq!((told, waited), (2, 4));
}
