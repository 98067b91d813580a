//! What the console's login and its roles are refused by PostgreSQL, whatever the console itself would allow.

use super::{World, hex};
use crate::contract::database::Session as Login;

const ROLES: [&str; 5] = ["viewer", "support", "operator", "approver", "admin"];

/// What the login may not do by itself.
const NOTHING_BY_ITSELF: [&str; 16] = [
    "SELECT balance FROM wallets",
    "SELECT name FROM console_people",
    "SELECT password_sha256 FROM console_people",
    "SELECT id_sha256 FROM console_sessions",
    "SELECT totp_secret FROM console_people",
    "SELECT code_at(sha256('x'), 1)",
    "SELECT secret_digest FROM console_proxy",
    "SELECT forget_proxy_secret('anna', 'x')",
    "SELECT * FROM operator_actions",
    "SELECT correct_wallet('correction:x', 20, 7, 'anna', 'x')",
    "SELECT request_correction('', 20, 7, 'x', 'x', NULL)",
    "SELECT decide_correction('', 1, true, 500, 'x')",
    "SELECT discard_letters('{1}', 'anna', 'x', '{}')",
    "SELECT console_set_person('', 'x', 'anna', 'x', '{admin}', NULL, NULL, NULL)",
    "SELECT reveal_letter('', 1, 'x')",
    "SELECT store_preview('', '{}', '{1}', '{1}', false, '', '{}')",
];

/// What no role of the console may do.
const NO_ROLE_MAY: [&str; 22] = [
    "SELECT post_correction('correction:x', 20, 7)",
    "SELECT correct_wallet('correction:x', 20, 7, 'anna', 'x')",
    "SELECT post_request(1, 'anna', 'x', 'approved')",
    "SELECT begin_replay('{1}', 'anna', 'x', '{}')",
    "SELECT forget_wallet(20, 'anna', 'x')",
    "SELECT record_history_send('anna', 'x', '{}', '{}')",
    "SELECT set_person('anna', 'x', 'anna', 'x', '{admin}', NULL, NULL, NULL)",
    "SELECT set_correction_rule('anna', 'x', 1000)",
    "SELECT add_action('discard', 'anna', 'x', '{}', '{}')",
    "INSERT INTO operator_actions (action, operator, why) VALUES ('discard', 'anna', 'x')",
    "UPDATE operator_actions SET operator = 'bo'",
    "UPDATE correction_requests SET state = 'approved'",
    "INSERT INTO correction_requests (wallet_id, points) VALUES (20, 7)",
    "UPDATE correction_rule SET alone_up_to = 1000",
    "INSERT INTO console_sessions (id_sha256, person, roles) VALUES (sha256('x'), 'anna', '{admin}')",
    "UPDATE console_people SET roles = '{admin}'",
    "DELETE FROM console_access",
    "UPDATE replay_previews SET letters = '{2}'",
    "INSERT INTO replay_control (action_id, asked, asked_by, why) VALUES (1, 'stop', 'anna', 'x')",
    "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
     VALUES ('correction:x', 20, 'correction', 7)",
    "UPDATE dead_letters SET state = 'discarded'",
    "SELECT payload FROM webhook_events",
];

/// What takes one of these roles.
const SOME_ROLE_MAY: [(&str, &[&str]); 8] = [
    (
        "SELECT balance FROM wallets",
        &["viewer", "support", "operator", "approver"],
    ),
    (
        "SELECT name FROM customer_identities",
        &["support", "operator", "approver"],
    ),
    ("SELECT body FROM dead_letters", &["operator"]),
    ("SELECT hold_replay(1)", &["operator"]),
    (
        "SELECT control_replay(1, 'stop', 'anna', 'x')",
        &["operator"],
    ),
    (
        "SELECT name, roles FROM console_people",
        &["viewer", "support", "operator", "approver", "admin"],
    ),
    ("SELECT person FROM console_sessions", &["admin"]),
    (
        "SELECT * FROM correction_requests",
        &["viewer", "support", "operator", "approver"],
    ),
];

impl World {
    fn login(&self) -> Login {
        self.ledger.log_in_again(0)
    }

    /// The console's login as one of its roles.
    fn login_as(&self, role: &str) -> Login {
        let mut login = self.login();
        login.works(&format!("SET ROLE paynow_console_{role}"));
        login
    }
}

#[track_caller]
fn denied(login: &mut Login, sql: &str) {
    let message = login.refused(sql);
    assert!(message.contains("permission denied"), "{message}: {sql}");
}

#[test]
fn the_consoles_login_does_nothing_by_itself_and_becomes_nobody_else() {
    let world = World::new();
    let before = world.ledger.contents();
    let mut login = world.login();
    for sql in NOTHING_BY_ITSELF.iter().chain(&NO_ROLE_MAY) {
        denied(&mut login, sql);
    }
    for role in ["owner", "operator", "worker", "spender", "ledger"] {
        denied(&mut login, &format!("SET ROLE paynow_{role}"));
    }
    assert_eq!(world.ledger.contents(), before);
}

#[test]
fn each_role_of_the_console_does_what_it_is_for_and_no_more() {
    let world = World::new();
    let before = world.ledger.contents();
    for role in ROLES {
        let mut login = world.login_as(role);
        for sql in NO_ROLE_MAY {
            denied(&mut login, sql);
        }
        for (sql, who) in SOME_ROLE_MAY {
            match who.contains(&role) {
                true => login.works(sql),
                false => denied(&mut login, sql),
            }
        }
    }
    assert_eq!(world.ledger.contents(), before);
}

#[test]
fn a_session_is_what_counts_and_not_a_name() {
    let world = World::new();
    let [anna, viewing] = [("anna", "operator"), ("bo", "viewer")]
        .map(|(name, roles)| hex(world.sign_in(name, roles).key.as_bytes()));
    let discard = |by: &str| format!("SELECT discard_letters('{{1}}', '{by}', 'x', '{{}}')");
    let mut login = world.login_as("operator");
    let mut act_as = |session: &str, by: &str| {
        login.works(&format!("SET paynow.console_session TO '{session}'"));
        login.answer(&discard(by))
    };
    let stranger = "00".repeat(32);
    for (session, by, rule) in [
        ("", "anna", "operator_actions_of_the_session"),
        (&*stranger, "anna", "operator_actions_of_the_session"),
        (&*anna, "bo", "operator_actions_of_the_session"),
        (&*anna, "Anna", "operator_actions_of_the_session"),
        (&*viewing, "anna", "operator_actions_of_the_session"),
        (&*viewing, "bo", "console_role_missing"),
    ] {
        assert_eq!(act_as(session, by), rule, "{session} {by}");
    }
    assert_eq!(act_as(&anna, "anna"), "-");
    let recorded = "SELECT operator AS value FROM operator_actions WHERE why = 'x'";
    assert_eq!(world.ledger.database.texts(recorded), ["anna"]);
}

#[test]
fn the_functions_of_a_session_ask_for_its_roles_although_the_login_has_all() {
    let world = World::new();
    let session = hex(world.sign_in("bo", "viewer").key.as_bytes());
    for (role, call) in [
        ("support", "request_correction($1, 20, 7, 'k', 'x', NULL)"),
        ("approver", "decide_correction($1, 1, true, 500, 'x')"),
        ("operator", "reveal_letter($1, 1, 'x')"),
        (
            "operator",
            "store_preview($1, '{}', '{1}', '{1}', false, '', '{}')",
        ),
        ("operator", "begin_previewed_replay($1, 1, '', 'x', '{}')"),
        (
            "admin",
            "console_set_person($1, 'x', 'cy', 'x', '{admin}', NULL, NULL, NULL)",
        ),
    ] {
        let mut login = world.login_as(role);
        let by =
            |session: &str| format!("SELECT {}", call.replace("$1", &format!("'\\x{session}'")));
        assert_eq!(
            login.refused_by(&by(&session)),
            "console_role_missing",
            "{call}"
        );
        let stranger = "00".repeat(32);
        assert_eq!(
            login.refused_by(&by(&stranger)),
            "console_session_over",
            "{call}"
        );
    }
}

#[test]
fn an_admin_makes_people_but_no_other_admin_of_themselves() {
    let world = World::new();
    let admin = hex(world.sign_in("anna", "admin").key.as_bytes());
    let mut login = world.login_as("admin");
    let mut set = |name: &str| {
        login.answer(&format!(
            "SELECT console_set_person('\\x{admin}', 'x', '{name}', 'x', '{{approver}}', \
                 sha256('salt'), 600000, sha256('key'))"
        ))
    };
    assert_eq!(set("anna"), "console_people_not_oneself");
    assert_eq!(set("bo"), "-");
    assert_eq!(set("Cy"), "console_people_name_form");
    assert_eq!(set("b\u{43e}"), "console_people_name_form");
    let recorded = "SELECT operator AS value FROM operator_actions WHERE action = 'people'";
    assert_eq!(world.ledger.database.texts(recorded), ["anna"]);
}

#[test]
fn a_replay_is_run_only_for_somebody_who_may_replay() {
    let world = World::new();
    let [operator, viewer] = [("anna", "operator"), ("bo", "viewer")]
        .map(|(name, roles)| hex(world.sign_in(name, roles).key.as_bytes()));
    world.execute("INSERT INTO replays (action_id, dead_letter_id) SELECT 7, dead_letter_id FROM dead_letters");
    let mut login = world.login_as("operator");
    let mut as_session = |session: &str, call: &str| {
        login.works(&format!("SET paynow.console_session TO '{session}'"));
        login.answer(call)
    };
    for call in ["SELECT hold_replay(7)", "SELECT take_letters(7, 10)"] {
        for session in ["", &*viewer] {
            assert_eq!(as_session(session, call), "console_role_missing", "{call}");
        }
    }
    let taken = "SELECT count(*) AS value FROM replays WHERE deaths_before IS NOT NULL";
    assert_eq!(world.ledger.database.number(taken), 0);
    assert_eq!(as_session(&operator, "SELECT take_letters(7, 10)"), "-");
    assert_eq!(world.ledger.database.number(taken), 1);
}

#[test]
fn a_transaction_that_is_held_open_keeps_nothing_as_it_was() {
    let world = World::new();
    let session = hex(world.sign_in("anna", "support").key.as_bytes());
    let call = format!("SELECT record_access('\\x{session}', 'look_up', '20')");
    let mut login = world.login();
    login.works(&format!("BEGIN; {call}"));
    world.execute("UPDATE console_sessions SET ends_at = clock_timestamp()");
    assert_eq!(login.refused_by(&call), "console_session_over");
    login.works("ROLLBACK");

    // What a person asked for elsewhere meanwhile must count towards the points of a day.
    world.execute("UPDATE console_sessions SET ends_at = now() + interval '1 hour'");
    let mut asking = world.login_as("support");
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        asking.works(&format!("BEGIN ISOLATION LEVEL {isolation}"));
        let ask = format!("SELECT request_correction('\\x{session}', 20, 7, 'k', 'x', NULL)");
        assert_eq!(asking.refused_by(&ask), "console_reads_committed");
        asking.works("ROLLBACK");
    }
}
