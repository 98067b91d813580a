//! `correct`: points that an operator gives or takes, and the record of the operators' actions.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{NOTE, actions};
use crate::contract::database::Ledger;
use crate::harness::{Program, TestApp, flake};

#[test]
fn a_correction_is_an_entry_that_is_made_once_per_key_and_recorded() {
    let app = TestApp::builder().workers(0).start();
    let player = flake();
    let wallet = player.to_string();
    let correct = |arguments: &[&str]| {
        let arguments = [&["correct", "--wallet", &wallet], arguments, &NOTE].concat();
        app.ctl(&arguments)
    };

    let dry = correct(&["--points", "250", "--key", "t-1"]).succeeded();
    assert!(
        dry.stdout.contains("0 -> 250") && dry.stdout.contains("dry run"),
        "{dry:?}"
    );
    assert_eq!((app.balance_of(player), actions(&app).len()), (0, 0));
    for _time in 0..2 {
        correct(&["--points", "250", "--key", "t-1", "--yes"]).succeeded();
    }

    assert_eq!(app.balance_of(player), 250);
    let recorded = format!(
        "correct | anna | ticket 4711 | \
         {{\"key\": \"t-1\", \"points\": 250, \"wallet_id\": \"{wallet}\"}} | \
         {{\"entry_key\": \"correction:t-1\", \"balance_after\": 250, \"balance_before\": 0}}"
    );
    assert_eq!(actions(&app), [recorded]);
    let other = correct(&["--points", "251", "--key", "t-1", "--yes"]);
    assert_eq!(other.code, Some(1), "{other:?}");
    let debt = correct(&["--points", "-300", "--yes"]).succeeded();
    assert!(debt.stdout.contains("250 -> -50 (debt)"), "{debt:?}");
    correct(&["--points", "50", "--yes"]).succeeded();
    assert_eq!((app.balance_of(player), actions(&app).len()), (0, 3));
    let too_many = correct(&["--points", "-9223372036854775808", "--yes"]).succeeded();
    assert!(too_many.stdout.contains("(debt)"), "{too_many:?}");
    assert_eq!(correct(&["--points", "-1", "--yes"]).code, Some(1));
}

#[test]
fn a_correction_that_names_its_preview_is_made_from_that_balance_or_not_at_all() {
    let app = TestApp::builder().workers(0).start();
    let player = flake();
    let wallet = player.to_string();
    let correct = |points: &str, more: &[&str]| {
        let given = ["correct", "--wallet", &wallet, "--points", points];
        app.ctl(&[&given[..], more, &NOTE].concat())
    };
    let dry = correct("250", &["--key", "t-1"]).succeeded().stdout;
    let (_before, hash) = dry
        .trim_end()
        .rsplit_once("--yes --expect ")
        .expect("a hash");
    let exactly = ["--key", "t-1", "--yes", "--expect", hash];
    correct("7", &["--yes"]).succeeded();
    for (points, because) in [
        ("250", "the balance is another, now 7"),
        (
            "251",
            "the correction is another, now +251 points for wallet ",
        ),
    ] {
        let refused = correct(points, &exactly);
        assert_eq!((refused.code, app.balance_of(player)), (Some(1), 7));
        let why = format!("not what the preview showed, nothing was done: {because}");
        assert!(refused.stderr.contains(&why), "{refused:?}");
    }
    let shown = correct("250", &["--key", "t-1", "--json"])
        .succeeded()
        .json();
    let now = shown["expect"].as_str().expect("a text");
    // A repeat of what was done is no second correction, whatever the balance is since.
    for _time in 0..2 {
        correct("250", &["--key", "t-1", "--yes", "--expect", now]).succeeded();
    }
    assert_eq!((app.balance_of(player), actions(&app).len()), (257, 2));
}

/// Runs `paynowctl` on a terminal of its own, where somebody types this. Returns what is on the screen.
fn on_a_terminal(app: &TestApp, arguments: &[&str], typed: &str) -> String {
    let here = std::env::current_exe().expect("a process knows its file");
    let binaries = here.parent().and_then(|deps| deps.parent());
    let program = binaries.expect("deps is in the profile").join("paynowctl");
    let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let mut child = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command"])
        .arg(format!("{} {}", program.display(), words.join(" ")))
        .arg("/dev/null")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(app.variables())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script of util-linux is installed");
    let mut keys = child.stdin.take().expect("it is a pipe");
    keys.write_all(typed.as_bytes()).expect("it is open");
    let output = child.wait_with_output().expect("a child can be waited for");
    drop(keys);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_same_correction_again_within_minutes_must_be_meant() {
    let app = TestApp::builder().workers(0).start();
    let player = flake();
    let wallet = player.to_string();
    let same = [
        &["correct", "--wallet", &wallet, "--points", "5", "--yes"],
        &NOTE[..],
    ]
    .concat();
    let first = app.ctl(&same).succeeded().stdout;
    assert!(
        first.contains("(new: nobody has had points under this id)"),
        "{first}"
    );

    let again = app.ctl(&same);
    assert_eq!(
        (again.code, app.balance_of(player)),
        (Some(1), 5),
        "{again:?}"
    );
    for part in ["anna made the same correction", "--again", "--key"] {
        assert!(again.stderr.contains(part), "{part}: {again:?}");
    }
    let document = app.ctl(&[&same[..], &["--json"]].concat()).json();
    let fields = [
        "outcome",
        "dry_run",
        "is_new_wallet",
        "entry_key",
        "balance_after",
    ];
    let values = fields.map(|field| document[field].clone());
    let expected: [Value; 5] = [
        "repeated".into(),
        false.into(),
        false.into(),
        Value::Null,
        10.into(),
    ];
    assert_eq!(values, expected, "{document}");
    assert_eq!(document["earlier"]["by"], "anna");

    let asked = on_a_terminal(&app, &same, "no\n");
    assert!(asked.contains("Correct once more? Type yes"), "{asked}");
    assert_eq!(app.balance_of(player), 5);
    let confirmed = on_a_terminal(&app, &same, "yes\n");
    assert!(confirmed.contains("5 -> 10"), "{confirmed}");
    app.ctl(&[&same[..], &["--again"]].concat()).succeeded();
    assert_eq!(app.balance_of(player), 15);

    // Another reason, other points, a key, or later: another correction.
    let other = ["correct", "--wallet", &wallet, "--points", "5", "--yes"];
    app.ctl(&[&other[..], &["--by", "anna", "--why", "another"]].concat())
        .succeeded();
    app.ctl(&[&other[..], &NOTE, &["--key", "k"]].concat())
        .succeeded();
    let dry = ["correct", "--wallet", &wallet, "--points", "5"];
    let dry = app.ctl(&[&dry[..], &NOTE].concat()).succeeded().stdout;
    assert!(
        dry.contains("made the same correction") && dry.contains("dry run"),
        "{dry}"
    );
    app.database
        .execute(
            "SET session_replication_role = replica; \
             UPDATE ledger_entries SET created_at = created_at - interval '20 minutes'; \
             SET session_replication_role = origin",
        )
        .unwrap();
    app.ctl(&same).succeeded();
    assert_eq!(app.balance_of(player), 30);
}

#[test]
fn one_correction_by_many_operators_at_once_is_made_once() {
    let app = TestApp::builder().workers(0).start();
    let player = flake();
    let wallet = player.to_string();
    let same = ["correct", "--wallet", &wallet, "--points", "5", "--yes"];
    let without_key = [&same[..], &NOTE].concat();
    let with_key = [&same[..], &NOTE, &["--key", "k"]].concat();
    let variables = app.variables();
    for (correct, balance) in [(&without_key, 5), (&with_key, 10)] {
        std::thread::scope(|scope| {
            for _operator in 0..8 {
                scope.spawn(|| Program::run("paynowctl", &variables, correct));
            }
        });
        let made = actions(&app).len();
        assert_eq!(
            (app.balance_of(player), made),
            (balance, usize::try_from(balance / 5).unwrap())
        );
    }
}

#[test]
fn not_even_the_owner_changes_recorded_operator_actions() {
    let ledger = Ledger::with_rows();
    let mut owner = ledger.as_owner();
    let before = ledger.contents();
    for sql in [
        "UPDATE operator_actions SET why = 'other'",
        "DELETE FROM operator_actions",
        "TRUNCATE operator_actions",
    ] {
        assert_eq!(
            owner.refused_by(sql),
            "operator_actions_append_only",
            "{sql}"
        );
    }
    for (values, constraint) in [
        ("('vanish', 'anna', 'x')", "operator_actions_action_known"),
        ("('discard', ' ', 'x')", "operator_actions_operator_named"),
        ("('discard', 'anna', '')", "operator_actions_why_told"),
    ] {
        let sql = format!("INSERT INTO operator_actions (action, operator, why) VALUES {values}");
        assert_eq!(owner.refused_by(&sql), constraint);
    }
    let unnamed = "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) \
                   VALUES ('order-line:9', 20, 'correction', 7)";
    assert_eq!(owner.refused_by(unnamed), "ledger_entries_correction_form");
    assert_eq!(ledger.contents(), before);
}
