//! Signing in, and when a session is over.

use paynow_desk::console::access::{Access, AccessFilter, list, record};
use paynow_desk::console::permit::right;
use paynow_desk::console::person::PersonName;
use paynow_desk::console::refusal::Refusal;
use paynow_desk::console::roles::{Role, Roles};
use paynow_desk::console::session::SessionId;
use paynow_desk::console::sign_in::{Credentials, SignedIn};
use paynow_desk::console::totp::TotpSecret;
use paynow_process::clock;
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

use super::{World, hex, permit, refusal};
use crate::harness::{Outcome, Program};

const OWN_PASSWORD: &str = "a password of her own";

fn ctl(world: &World, arguments: &[&str]) -> Outcome {
    let url = world.ledger.database.url().to_string();
    Program::run("paynowctl", &[("DATABASE_URL".to_owned(), url)], arguments)
}

/// Adds a person, and returns the password for the first sign-in.
fn add(world: &World, name: &str, role: &str) -> String {
    let by = ["--by", "root", "--why", "the first admin"];
    let command = [&["people", "add", name, "--role", role][..], &by].concat();
    let told = ctl(world, &command).succeeded().stdout;
    let password = told.trim_end().rsplit(' ').next();
    password.expect("it tells a password").to_owned()
}

fn try_in(world: &World, name: &str, password: &str, code: Option<String>) -> SignedIn {
    let credentials = Credentials {
        name: name.to_owned(),
        password: password.to_owned().into(),
        code,
    };
    let answer = world.console.sign_in(&credentials);
    answer.expect("the database answers")
}

/// What an authenticator shows at the time of the step that is so many after now.
fn code(secret: &TotpSecret, later: i64) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let place = |letter: char| alphabet.find(letter).expect("it is a letter of Base32");
    let letters = secret.to_base32().chars().map(place);
    let bits: String = letters.map(|place| format!("{place:05b}")).collect();
    let bytes: Vec<u8> = (0..20)
        .map(|at| u8::from_str_radix(&bits[8 * at..8 * at + 8], 2).expect("eight bits"))
        .collect();
    let step = clock::now_ms() / 30_000 + later;
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four = tag.as_ref()[at..at + 4].try_into().expect("four bytes");
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

#[test]
fn a_first_password_is_replaced_before_anything_else() {
    let world = World::new();
    let password = add(&world, "Anna", "operator");
    let SignedIn::First(id) = try_in(&world, "anna", &password, None) else {
        panic!("the first password lets in");
    };
    let session = world.console.session(&id).unwrap().unwrap();
    assert!(session.must_enrol);
    assert!(session.permit::<right::Look>().is_err());
    let refused = record(&world.console, &session, Access::LookUp, "20");
    assert_eq!(refusal(refused), Refusal::RoleMissing);

    let secret = TotpSecret::new().unwrap();
    let enrol = |password: &str, code: &str| {
        let password = password.to_owned().into();
        world.console.enrol(&session, &password, &secret, code)
    };
    assert!(enrol("short", &code(&secret, 0)).is_err());
    assert!(enrol(OWN_PASSWORD, "000000x").is_err());
    enrol(OWN_PASSWORD, &code(&secret, -1)).unwrap();
    assert!(world.console.session(&id).unwrap().is_none());

    // The first password is of no use any more, and a code counts once.
    let now = Some(code(&secret, 0));
    let refused = try_in(&world, "anna", &password, now.clone());
    assert!(matches!(refused, SignedIn::Refused));
    let SignedIn::Whole(id) = try_in(&world, "ANNA", OWN_PASSWORD, now.clone()) else {
        panic!("her own password and code let in");
    };
    let again = try_in(&world, "anna", OWN_PASSWORD, now);
    assert!(matches!(again, SignedIn::Refused));
    let session = world.console.session(&id).unwrap().unwrap();
    assert_eq!(session.person.as_str(), "anna");
    assert!(session.permit::<right::Replay>().is_ok());
}

#[test]
fn an_unknown_name_is_answered_as_a_wrong_password_and_guessing_is_slow() {
    let world = World::new();
    let password = add(&world, "anna", "viewer");
    for (name, attempts) in [("anna", 5), ("bo", 5), ("no name at all", 1)] {
        for attempt in 1..=attempts {
            let answer = try_in(&world, name, "wrong", Some("123456".to_owned()));
            assert!(matches!(answer, SignedIn::Refused), "{name} {attempt}");
        }
    }
    for name in ["anna", "bo"] {
        let answer = try_in(&world, name, &password, None);
        assert!(matches!(answer, SignedIn::TooMany), "{name}");
    }
    // What was typed as a name may be a password.
    let typed = "SELECT count(*) AS value FROM console_access WHERE about LIKE '%no name%'";
    assert_eq!(world.ledger.database.number(typed), 0);
}

#[test]
fn a_session_ends_when_nobody_uses_it_and_after_its_time() {
    let world = World::new();
    for over in [
        "seen_at = now() - interval '31 minutes'",
        "ends_at = now()",
        "ended_at = now()",
    ] {
        let session = world.sign_in("anna", "operator");
        let look = || world.console.session_of(session.key).unwrap().is_some();
        assert!(look(), "{over}");
        world.execute(&format!("UPDATE console_sessions SET {over}"));
        assert!(!look(), "{over}");
        let refused = record(&world.console, &session, Access::LookUp, "20");
        assert_eq!(refusal(refused), Refusal::SessionOver, "{over}");
    }
    let [here, there, other] = ["anna", "anna", "bo"].map(|name| world.sign_in(name, "viewer"));
    world.console.sign_out(here.key).unwrap();
    assert!(world.console.session_of(here.key).unwrap().is_none());
    assert!(world.console.session_of(there.key).unwrap().is_some());
    world.console.sign_out_everywhere(there.key).unwrap();
    assert!(world.console.session_of(there.key).unwrap().is_none());
    assert!(world.console.session_of(other.key).unwrap().is_some());
    let never = SessionId::new().unwrap();
    assert!(world.console.session(&never).unwrap().is_none());
}

#[test]
fn a_person_sees_and_ends_the_own_sessions_only() {
    let world = World::new();
    let [here, there, idle, other] =
        ["anna", "anna", "anna", "bo"].map(|name| world.sign_in(name, "viewer"));
    let key = hex(idle.key.as_bytes());
    world.execute(&format!(
        "UPDATE console_sessions SET seen_at = now() - interval '31 minutes' WHERE id_sha256 = '\\x{key}'"
    ));
    let own = world.console.own_sessions(here.key).unwrap();
    let these: Vec<bool> = own.iter().map(|session| session.is_this).collect();
    assert_eq!(these, [false, true], "{own:?}");
    assert!(own.iter().all(|session| session.source == "proxy"));
    let told = serde_json::to_string(&own).unwrap();
    for session in [&here, &there, &other] {
        let key = hex(session.key.as_bytes());
        assert!(!told.contains(&key[..8]), "{told}");
    }

    let of_bo = world.console.own_sessions(other.key).unwrap();
    let end = |number| world.console.end_own_session(here.key, number);
    for number in [of_bo[0].session_id, 0, i64::MAX] {
        let error = end(number).expect_err("it is no session of hers");
        assert!(error.to_string().contains("no open session"), "{error}");
    }
    assert!(world.console.session_of(other.key).unwrap().is_some());
    end(own[0].session_id).unwrap();
    assert!(world.console.session_of(there.key).unwrap().is_none());
    assert!(end(own[0].session_id).is_err(), "it is over");
    let recorded =
        "SELECT person || ' ' || about AS value FROM console_access WHERE what = 'sign_out'";
    let expected = format!("anna session {}", own[0].session_id);
    assert_eq!(world.ledger.database.texts(recorded), [expected]);

    // A session that is over sees and ends nothing.
    assert!(world.console.own_sessions(there.key).unwrap().is_empty());
    let late = world.console.end_own_session(there.key, own[1].session_id);
    assert!(late.is_err());
    assert!(world.console.session_of(here.key).unwrap().is_some());
}

#[test]
fn who_is_disabled_or_gets_other_roles_is_signed_out() {
    let world = World::new();
    let by = ["--by", "root", "--why", "left the team"];
    for command in [
        &["people", "add", "ANNA", "--role", "viewer"][..],
        &["people", "disable", "Anna"],
    ] {
        let session = world.sign_in("anna", "operator");
        ctl(&world, &[command, &by].concat()).succeeded();
        assert!(world.console.session_of(session.key).unwrap().is_none());
    }
    let people = ctl(&world, &["people", "list", "--json"])
        .succeeded()
        .json();
    assert_eq!(people.as_array().map(Vec::len), Some(1), "{people}");
    assert_eq!(people[0]["roles"], serde_json::json!(["operator"]));
    assert!(people[0]["disabled_at"].is_string(), "{people}");
    let unknown = ctl(&world, &[&["people", "disable", "bo"][..], &by].concat());
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
}

#[test]
fn a_proxy_is_believed_only_where_nobody_has_an_account() {
    let world = World::new();
    let anna: PersonName = "Anna".parse().unwrap();
    let roles: Roles = [Role::Support].into_iter().collect();
    let with = |secret: &str| {
        let secret = secret.to_owned().into();
        let told = world
            .console
            .sign_in_by_proxy(&anna, "Anna", &roles, &secret);
        told.map(|signed_in| match signed_in {
            SignedIn::Whole(id) => Some(id.to_cookie()),
            SignedIn::First(_) | SignedIn::Refused | SignedIn::TooMany => None,
        })
    };
    let by_proxy = || with("the secret of the proxy");
    let Some(id) = by_proxy().unwrap() else {
        panic!("the proxy has said who it is");
    };
    let id = id.parse::<SessionId>().expect("it is a cookie");
    let session = world.console.session(&id).unwrap().unwrap();
    assert_eq!((session.person.as_str(), &session.roles), ("anna", &roles));

    // Whoever has the console's login and no more is nobody.
    assert_eq!(refusal(with("another secret")), Refusal::ProxySecret);
    let forget = "SELECT forget_proxy_secret('root', 'a new secret')";
    world.ledger.as_owner().works(forget);
    assert!(with("another secret").unwrap().is_some());
    assert_eq!(refusal(by_proxy()), Refusal::ProxySecret);

    add(&world, "bo", "admin");
    assert_eq!(refusal(with("another secret")), Refusal::OneSource);
}

#[test]
fn the_database_checks_the_code_of_the_authenticator_itself() {
    let world = World::new();
    // RFC 6238, appendix B, the last six of eight digits.
    let codes = "SELECT code_at('12345678901234567890', at / 30) AS value \
                 FROM unnest('{59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000}'::bigint[]) AS at";
    assert_eq!(
        world.ledger.database.texts(codes),
        ["287082", "081804", "050471", "005924", "279037", "353130"]
    );
    world.execute(
        "INSERT INTO console_people (name, shown_name, source, roles, password_salt, password_rounds, \
             password_sha256, totp_secret) \
         VALUES ('anna', 'anna', 'account', '{operator}', sha256('salt'), 600000, sha256('key'), \
             '12345678901234567890')",
    );
    let shown = "SELECT code_at('12345678901234567890', floor(extract(epoch FROM now()) / 30)::bigint) AS value";
    let shown = world.ledger.database.texts(shown).remove(0);
    let mut login = world.ledger.log_in_again(0);
    let mut sign_in = |key: &str, code: &str| {
        let call =
            format!("SELECT console_sign_in('anna', '{key}', {code}, sha256('session')) AS value");
        login.texts(&call).expect("it is decided")
    };
    let right = format!("'{shown}'");
    for code in ["NULL", "''", "'00000x'"] {
        assert_eq!(sign_in("key", code), ["refused"], "{code}");
    }
    assert_eq!(sign_in("another key", &right), ["refused"]);
    assert_eq!(sign_in("key", &right), ["signed_in"]);
    assert_eq!(sign_in("key", &right), ["refused"]);
}

#[test]
fn a_page_that_only_follows_what_happens_is_no_use_of_a_session() {
    let world = World::new();
    let session = world.sign_in("anna", "viewer");
    world.execute("UPDATE console_sessions SET seen_at = now() - interval '20 minutes'");
    let unused = "SELECT count(*) AS value FROM console_sessions WHERE seen_at < now() - interval '19 minutes'";
    assert!(world.console.session_of(session.key).unwrap().is_some());
    assert_eq!(world.ledger.database.number(unused), 1);
}

#[test]
fn nobody_makes_the_sign_in_slow_for_everybody() {
    let world = World::new();
    let password = add(&world, "anna", "viewer");
    let SignedIn::First(id) = try_in(&world, "anna", &password, None) else {
        panic!("the first password lets in");
    };
    let key = hex(id.key().as_bytes());
    let enrol = |salt: &str, rounds: i32, secret: &str| {
        format!("SELECT console_enrol('\\x{key}', {salt}, {rounds}, sha256('key'), {secret}, 0)")
    };
    let mut login = world.ledger.log_in_again(0);
    let long = "convert_to(repeat('x', 65), 'UTF8')";
    for (salt, rounds, secret) in [
        ("sha256('salt')", i32::MAX, "sha256('secret')"),
        (long, 600_000, "sha256('secret')"),
        ("sha256('salt')", 600_000, long),
    ] {
        let call = enrol(salt, rounds, secret);
        assert_eq!(login.refused_by(&call), "console_people_bounded", "{call}");
    }
}

#[test]
fn what_people_look_at_is_kept_and_never_changed() {
    let world = World::new();
    let session = world.sign_in("anna", "viewer");
    record(&world.console, &session, Access::LookUp, "wallet 20").unwrap();
    record(&world.console, &session, Access::Export, "audit").unwrap();
    let look = permit::<right::Look>(&session);
    let filter = AccessFilter {
        person: Some("anna".to_owned()),
        ..AccessFilter::default()
    };
    let first = list(&world.console, &look, &filter, 1).unwrap();
    assert!(first.has_more);
    assert_eq!(first.rows[0].about, "audit");
    let filter = AccessFilter {
        after: Some(first.rows[0].access_id),
        ..filter
    };
    let second = list(&world.console, &look, &filter, 1).unwrap();
    assert_eq!(
        (second.has_more, &*second.rows[0].about),
        (false, "wallet 20")
    );
    let mut owner = world.ledger.as_owner();
    for change in [
        "UPDATE console_access SET person = 'bo'",
        "DELETE FROM console_access",
        "TRUNCATE console_access",
    ] {
        assert_eq!(owner.refused_by(change), "console_access_append_only");
    }
}
