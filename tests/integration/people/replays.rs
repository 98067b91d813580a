//! Replays that people pause and stop from elsewhere.

use std::sync::Mutex;

use paynow_desk::console::control::{ask, asked};
use paynow_desk::console::database::ConsoleDatabase;
use paynow_desk::console::permit::right;
use paynow_desk::console::previews::{Because, Went, go, make};
use paynow_desk::console::replays::{letters, list, show};
use paynow_desk::console::session::Session;
use paynow_desk::management::{ManagementApi, ManagementSettings};
use paynow_desk::replay::{Asked, Broker, Pace, Replay, ReplayEnd, Report, Step};
use paynow_desk::selection::{Filter, Selection};
use paynow_process::broker::BrokerAddress;
use paynow_process::environment::Environment;
use paynow_process::interrupt::Interrupt;
use paynow_worker::config::read_policy;

use super::{console_at, permit, sign_in};
use crate::harness::{Order, Program, TestApp, eventually, flake};
use crate::privileges::login::Login;

const PRODUCT: i64 = 600_000_000_000_000_040;
const LETTERS: i64 = 6;

/// One letter a second.
const SLOW: Pace = Pace {
    canary: 1,
    rate: 1,
    max_failures: 100,
    wait: 20,
    max_depth: 1000,
    max_depth_wait: 20,
};

fn app() -> TestApp {
    let app = TestApp::start();
    for _letter in 0..LETTERS {
        app.deliver(&Order::of(PRODUCT, flake()));
    }
    app.drain();
    app.set_product(PRODUCT, 500);
    app
}

fn environment(app: &TestApp) -> Environment {
    let variables = app.variables();
    let of = |wanted: &str| {
        let found = variables.iter().find(|(name, _value)| name == wanted);
        found.map_or("", |(_name, value)| value.as_str())
    };
    Environment::of(["AMQP_URL", "AMQP_MANAGEMENT_URL"].map(|name| (name, of(name))))
}

fn run(environment: &Environment, replay: Replay, paused: &Mutex<Vec<String>>) -> Report {
    let settings = ManagementSettings::from_environment(environment).expect("it is valid");
    let broker = Broker {
        address: BrokerAddress::from_environment(environment).expect("it is valid"),
        api: ManagementApi::new(settings),
    };
    let (_interrupter, interrupt) = Interrupt::new().expect("a thread can be started");
    let report = replay.run(broker, SLOW, &interrupt, &mut |step| {
        if let Step::Paused { by } = step {
            paused.lock().expect("no holder panics").push(by);
        }
        Ok(())
    });
    report.expect("it ends in an orderly way")
}

/// Begins the replay of a preview of all letters.
fn begin(console: &ConsoleDatabase, who: &Session, environment: &Environment) -> Replay {
    let policy = read_policy(environment).expect("the default");
    let chosen = Selection::Matching(Filter::default());
    let (preview, _plan) = make(console, &permit(who), &chosen, &policy, false).unwrap();
    let because = Because {
        why: "a price",
        ticket: None,
    };
    match go(console, &permit(who), preview, &policy, because).unwrap() {
        Went::Begun(replay) => replay,
        Went::Already { .. } | Went::Changed(_) | Went::TooOld => panic!("nothing has changed"),
    }
}

/// Runs what is left of a replay.
fn go_on(app: &TestApp, console: &ConsoleDatabase, bo: &Session, action: i64) {
    let seat = console.seat(&permit::<right::Replay>(bo));
    // What stopped that run does not stop the next one, and a signed-out session can still record its end.
    let mut fast = Replay::resume(&seat, action, permit::<right::Replay>(bo).note("go on"));
    eventually("the next run continues", || {
        if fast.is_err() {
            fast = Replay::resume(&seat, action, permit::<right::Replay>(bo).note("go on"));
        }
        fast.is_ok().then_some(())
    });
    console.sign_out(bo.key).unwrap();
    let fast = fast.expect("it is free");
    let row = show(&seat, action).unwrap();
    assert_eq!((row.is_running, row.paused_by), (true, None));
    let report = run(&environment(app), fast, &Mutex::default());
    assert_eq!(
        (report.ended, report.progress.applied),
        (ReplayEnd::Finished, LETTERS)
    );
    let page = list(&seat, None, 10).unwrap();
    assert_eq!(page.rows.len(), 1, "{page:?}");
    assert_eq!(page.rows[0].ended.as_deref(), Some("finished"));
    assert_eq!(
        letters(&seat, action, Some("applied"), None, 4)
            .unwrap()
            .rows
            .len(),
        4
    );
}

#[test]
fn a_replay_of_the_console_is_paused_and_stopped_by_somebody_else_and_continued() {
    let app = app();
    let login = Login::with_role(&app, "paynow_console");
    let console = console_at(&login.url);
    let anna = sign_in(&app.database, &console, "anna", "operator");
    let bo = sign_in(&app.database, &console, "bo", "operator");
    let environment = environment(&app);
    let replay = begin(&console, &anna, &environment);
    let action = replay.action_id();
    let control = permit::<right::ControlReplay>(&bo);
    let seat = console.seat(&control);
    let tell = |what| ask(&seat, action, what, &control.note("live traffic")).unwrap();
    let paused = Mutex::new(Vec::new());
    let told = || paused.lock().expect("no holder panics").clone();

    tell(Asked::Pause);
    let report = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&environment, replay, &paused));
        eventually("it is paused", || (told() == ["bo"]).then_some(()));
        let row = show(&seat, action).unwrap();
        assert_eq!((row.waiting, row.letters), (LETTERS, LETTERS));
        assert!(row.is_running, "{row:?}");
        assert_eq!(row.paused_by.as_deref(), Some("bo"), "{row:?}");
        assert_eq!(
            list(&seat, None, 1).unwrap().rows[0].paused_at,
            row.paused_at
        );
        // By the command line, too.
        let line = [
            "dead",
            "control",
            &action.to_string(),
            "go",
            "--by",
            "cy",
            "--why",
            "calm",
        ];
        app.ctl(&line).succeeded();
        eventually("a letter is applied", || {
            (show(&seat, action).unwrap().applied > 0).then_some(())
        });
        assert_eq!(show(&seat, action).unwrap().paused_by, None);
        tell(Asked::Stop);
        running.join().expect("it does not panic")
    });
    assert_eq!(
        report.ended,
        ReplayEnd::StoppedBy {
            operator: "bo".to_owned()
        }
    );
    assert_eq!(told(), ["bo"]);
    let row = show(&seat, action).unwrap();
    assert!(
        row.waiting > 0,
        "it was done before it was stopped: {row:?}"
    );
    assert_eq!(row.ended.as_deref(), Some("stopped by bo"));
    assert_eq!(
        asked(&seat, action).unwrap().map(|it| it.asked).as_deref(),
        Some("stop")
    );

    go_on(&app, &console, &bo, action);
    let who = "SELECT operator AS value FROM operator_actions WHERE selection ? 'replay' \
               AND action = 'replay' ORDER BY action_id";
    assert_eq!(app.database.texts(who), ["anna", "bo"]);
}

#[test]
fn a_replay_of_the_command_line_is_stopped_from_the_console() {
    let app = app();
    let login = Login::with_role(&app, "paynow_console");
    let console = console_at(&login.url);
    let bo = sign_in(&app.database, &console, "bo", "operator");
    let control = permit::<right::ControlReplay>(&bo);
    let seat = console.seat(&control);
    let note = ["--by", "anna", "--why", "a price"];
    let command = [
        "dead",
        "replay",
        "--reason",
        "unknown_product",
        "--yes",
        "--rate",
        "1",
    ];
    let variables = app.variables();
    let outcome = std::thread::scope(|scope| {
        let line = [&command[..], &note].concat();
        let running = scope.spawn(move || Program::run("paynowctl", &variables, &line));
        let action = eventually("it runs", || {
            let page = list(&seat, None, 1).unwrap();
            page.rows
                .first()
                .filter(|row| row.applied > 0)
                .map(|row| row.action_id)
        });
        ask(&seat, action, Asked::Stop, &control.note("wrong price")).unwrap();
        running.join().expect("it does not panic")
    });
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("stopped by bo"), "{outcome:?}");
    let unknown = ask(&seat, 999_999, Asked::Stop, &control.note("x"));
    assert!(unknown.is_err());
}

#[test]
fn what_was_asked_of_a_run_that_died_is_not_said_of_the_next_one() {
    let app = app();
    let login = Login::with_role(&app, "paynow_console");
    let console = console_at(&login.url);
    let bo = sign_in(&app.database, &console, "bo", "operator");
    let environment = environment(&app);
    let seat = console.seat(&permit::<right::Replay>(&bo));
    let control = permit::<right::ControlReplay>(&bo);
    let replay = begin(&console, &bo, &environment);
    let action = replay.action_id();
    ask(&seat, action, Asked::Pause, &control.note("live traffic")).unwrap();
    let stands = || {
        let row = show(&seat, action).unwrap();
        (row.is_running, row.paused_by)
    };
    assert_eq!(stands(), (true, Some("bo".to_owned())));
    // As of a process that is killed: nothing records its end.
    drop(replay);
    eventually("nobody runs it", || {
        (stands() == (false, None)).then_some(())
    });
    let note = permit::<right::Replay>(&bo).note("go on");
    let next = Replay::resume(&seat, action, note).unwrap();
    assert_eq!(stands(), (true, None));
    let report = run(&environment, next, &Mutex::default());
    assert_eq!(report.ended, ReplayEnd::Finished, "nor is it done");
}
