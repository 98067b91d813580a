//! Previews that are frozen: what was shown is what is replayed, or nothing.

use paynow_desk::console::permit::right;
use paynow_desk::console::previews::{Because, Changed, Difference, Went, go, make, of};
use paynow_desk::console::session::Session;
use paynow_desk::selection::{Filter, Selection};
use paynow_process::environment::Environment;
use paynow_worker::config::read_policy;
use paynow_worker::decide::Policy;

use super::{World, hex, permit};
use crate::harness::{Order, flake};

const PRODUCT: i64 = 40;

fn policy() -> Policy {
    let nothing: [(&str, &str); 0] = [];
    read_policy(&Environment::of(nothing)).expect("the default")
}

impl World {
    /// An open dead letter of an order that this wallet bought.
    fn letter(&self, wallet: i64) -> i64 {
        let order = Order::of(PRODUCT, wallet);
        let body = hex(&order.body());
        self.execute(&format!(
            "INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, signature, attempts) \
             VALUES ('{}', 'ON_ORDER_COMPLETED', 'unknown_product', 'x', '\\x{body}', sha256('\\x{body}'), \
                 sha256('x'), 1)",
            order.event_id
        ));
        let newest = "SELECT max(dead_letter_id) AS value FROM dead_letters";
        self.ledger.database.number(newest)
    }

    fn preview(&self, who: &Session) -> i64 {
        let filter = Filter {
            reason: "unknown_product".parse().ok(),
            ..Filter::default()
        };
        let chosen = Selection::Matching(filter);
        let made = make(&self.console, &permit(who), &chosen, &policy(), false);
        made.expect("letters match").0
    }

    fn go(&self, who: &Session, preview: i64) -> Went {
        go(
            &self.console,
            &permit(who),
            preview,
            &policy(),
            Because {
                why: "ticket 4711",
                ticket: None,
            },
        )
        .expect("it is decided")
    }

    /// What a preview that is gone on with is refused for.
    #[track_caller]
    fn changed(&self, who: &Session, preview: i64) -> Vec<Difference> {
        match self.go(who, preview) {
            Went::Changed(differences) => differences,
            Went::Begun(_) | Went::Already { .. } | Went::TooOld => panic!("nothing is changed"),
        }
    }
}

#[test]
fn a_preview_begins_its_own_letters_once_by_whoever_goes_on() {
    let world = World::new();
    let (wallet, other) = (flake(), flake());
    let letters = [world.letter(wallet), world.letter(other)];
    let (anna, bo) = (
        world.sign_in("anna", "operator"),
        world.sign_in("bo", "operator"),
    );
    let preview = world.preview(&anna);

    let shown = of(&world.console.seat(&permit::<right::Look>(&bo)), preview).unwrap();
    assert_eq!(
        (shown.letters, &*shown.made_by, shown.action_id),
        (2, "anna", None)
    );
    assert_eq!(shown.effect["wallets"][0]["change"], 500);
    let Went::Begun(replay) = world.go(&bo, preview) else {
        panic!("nothing has changed");
    };
    let action = replay.action_id();
    for who in [&anna, &bo] {
        let again = world.go(who, preview);
        assert!(matches!(again, Went::Already { action_id } if action_id == action));
    }
    let rows = format!(
        "SELECT concat_ws(' ', operator, why, dead_letter_id) AS value FROM replays \
         JOIN operator_actions USING (action_id) WHERE action_id = {action} ORDER BY dead_letter_id"
    );
    let expected = letters.map(|letter| format!("bo ticket 4711 {letter}"));
    assert_eq!(world.ledger.database.texts(&rows), expected);
}

#[test]
fn whatever_changed_since_is_told_and_nothing_is_begun() {
    let world = World::new();
    let wallet = flake();
    let letter = world.letter(wallet);
    let anna = world.sign_in("anna", "operator");
    let one = |what, about: i64, before: &str, now: &str| Difference {
        what,
        about: about.to_string(),
        before: before.to_owned(),
        now: now.to_owned(),
    };

    let preview = world.preview(&anna);
    // Prices of the past only change when somebody breaks the rules, and the preview is refused even then.
    world.execute(
        "SET session_replication_role = replica; UPDATE product_prices SET points = 300; \
         SET session_replication_role = origin",
    );
    let other = one(Changed::Effect, letter, "applied +500", "applied +300");
    assert_eq!(world.changed(&anna, preview), [other]);

    let preview = world.preview(&anna);
    world.execute(&format!(
        "SELECT correct_wallet('correction:x', {wallet}, 7, 'cy', 'gift')"
    ));
    assert_eq!(
        world.changed(&anna, preview),
        [one(Changed::Balance, wallet, "0", "7")]
    );

    let preview = world.preview(&anna);
    let newer = world.letter(flake());
    let appeared = one(
        Changed::Appeared,
        newer,
        "not there",
        "dead of unknown_product",
    );
    assert_eq!(world.changed(&anna, preview), [appeared]);

    let preview = world.preview(&anna);
    world.execute(&format!(
        "SELECT discard_letters('{{{newer}}}', 'cy', 'spam', '{{}}')"
    ));
    let gone = one(Changed::NotOpen, newer, "open", "discarded");
    assert_eq!(world.changed(&anna, preview), [gone]);

    let preview = world.preview(&anna);
    world.execute(&format!(
        "UPDATE dead_letters SET deaths = 2, last_dead_at = now() WHERE dead_letter_id = {letter}"
    ));
    let [difference] = &world.changed(&anna, preview)[..] else {
        panic!("one letter died again");
    };
    assert_eq!(
        (difference.what, &*difference.before),
        (Changed::DiedAgain, "1 deaths")
    );

    let begun = "SELECT count(DISTINCT action_id) AS value FROM replays";
    assert_eq!(world.ledger.database.number(begun), 0);
}

#[test]
fn an_old_preview_is_looked_at_again() {
    let world = World::new();
    world.letter(flake());
    let anna = world.sign_in("anna", "operator");
    let preview = world.preview(&anna);
    world.execute("UPDATE replay_previews SET made_at = now() - interval '16 minutes'");
    assert!(matches!(world.go(&anna, preview), Went::TooOld));
    let direct = format!(
        "SELECT begin_previewed_replay('\\x{}', {preview}, expect, 'x', '{{}}') FROM replay_previews",
        hex(anna.key.as_bytes())
    );
    let mut login = world.ledger.log_in_again(0);
    login.works("SET ROLE paynow_console_operator");
    assert_eq!(login.refused_by(&direct), "replay_previews_recent");
    world.execute("UPDATE replay_previews SET made_at = now()");
    let other = direct.replace("expect", "'0123456789abcdef'");
    assert_eq!(login.refused_by(&other), "replay_previews_unchanged");
}

#[test]
fn what_is_recorded_is_what_the_preview_showed_whatever_the_caller_says() {
    let world = World::new();
    let letter = world.letter(flake());
    let anna = world.sign_in("anna", "operator");
    let preview = world.preview(&anna);
    let expect = of(&world.console.seat(&permit::<right::Look>(&anna)), preview);
    let expect = expect.unwrap().expect;
    let key = hex(anna.key.as_bytes());
    let mut login = world.ledger.log_in_again(0);
    login.works(&format!(
        "SET ROLE paynow_console_operator; \
         SELECT begin_previewed_replay('\\x{key}', {preview}, '{expect}', 'forged', \
             '{{\"replay\": \"1\", \"without_proof\": true, \"meant\": {{}}, \"dead_letter_ids\": [\"9\"]}}')"
    ));
    let recorded = "SELECT concat_ws(' ', selection ? 'replay', selection ? 'without_proof', \
                        selection -> 'meant' ->> 'reason', selection ->> 'dead_letter_ids') AS value \
                    FROM operator_actions WHERE why = 'forged'";
    assert_eq!(
        world.ledger.database.texts(recorded),
        [format!("f f unknown_product [\"{letter}\"]")]
    );
}

#[test]
fn previews_are_kept_for_a_day_and_replayed_ones_for_90_and_nobody_fills_the_disk() {
    let world = World::new();
    world.letter(flake());
    let anna = world.sign_in("anna", "operator");
    let bo = world.sign_in("bo", "operator");
    let kept = |who: &str| {
        let count =
            format!("SELECT count(*) AS value FROM replay_previews WHERE made_by = '{who}'");
        world.ledger.database.number(&count)
    };
    for _ in 0..22 {
        world.preview(&anna);
    }
    assert_eq!(kept("anna"), 20);
    for (made, action, expected) in [
        ("25 hours", "NULL", 0),
        ("25 hours", "7", 20),
        ("91 days", "7", 0),
    ] {
        world.execute(&format!(
            "UPDATE replay_previews SET made_at = now() - interval '{made}', action_id = {action} \
             WHERE made_by = 'anna'"
        ));
        world.preview(&bo);
        assert_eq!(kept("anna"), expected, "{made} {action}");
        for _ in expected..20 {
            world.preview(&anna);
        }
    }
}
