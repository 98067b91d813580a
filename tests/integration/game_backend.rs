//! The examples of `deploy/game-backend` against a real database: Python with psycopg2, JavaScript with pg, and
//! SQL with psql. `ops/test` installs what they need.

mod answers;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::contract::database::{Ledger, Session};
use crate::harness::eventually;

const PLAYER: &str = "069A79F444E94726A5BEFCA90E38AAF5";
const UUID: &str = "069a79f4-44e9-4726-a5be-fca90e38aaf5";

#[derive(Debug, Clone, Copy)]
enum Example {
    Python,
    JavaScript,
}

use Example::{JavaScript, Python};

fn source(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/game-backend"
    ))
    .join(name)
}

/// A copy of the example beside the packages that it imports: Node looks for them next to the file.
static SCRIPT: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it is below target");
    let folder = target.join("game-backend");
    assert!(
        folder.join("node_modules/pg").is_dir(),
        "the package pg is not in {}: ops/test installs it",
        folder.display()
    );
    let copy = folder.join(format!("points-{}.mjs", std::process::id()));
    std::fs::copy(source("points.mjs"), &copy).expect("it can be copied");
    copy
});

/// A ledger whose wallet 20 has 500 points, the login of a game at place 0, and the test's own session.
struct World {
    ledger: Ledger,
    other: Session,
}

impl World {
    fn new() -> Self {
        let ledger = Ledger::with_rows();
        ledger.log_in_as("paynow_spender");
        let other = ledger.log_in_as("paynow_spender");
        let world = Self { ledger, other };
        world.execute(&format!(
            "INSERT INTO customer_identities (wallet_id, platform, external_id, first_seen_at, last_seen_at) \
             VALUES (20, 'minecraft', '{UUID}', now(), now())"
        ));
        world
    }

    fn execute(&self, sql: &str) {
        self.ledger.database.execute(sql).expect("it is valid");
    }

    /// Changes a setting of the game's login, for sessions that begin later.
    fn game_setting(&self, setting: &str) {
        let name = self.ledger.name();
        self.execute(&format!("ALTER ROLE {name}_login_0 SET {setting}"));
    }

    fn command(&self, example: Example, arguments: &[&str]) -> Command {
        let mut command = match example {
            // Debian's, which has Debian's psycopg2.
            Python => Command::new("/usr/bin/python3"),
            JavaScript => Command::new("node"),
        };
        match example {
            Python => command.arg(source("points.py")),
            JavaScript => command.arg(SCRIPT.as_path()),
        };
        command
            .args(arguments)
            .env("DATABASE_URL", self.ledger.url_of(0).as_str())
            .stdin(Stdio::null());
        command
    }

    /// The exit code and the one document that an example prints.
    fn run(&self, example: Example, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self.command(example, arguments).output().expect("it runs");
        let stdout = String::from_utf8(output.stdout.clone()).expect("it is UTF-8");
        let document =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code(), document)
    }

    fn entries(&self) -> Vec<String> {
        self.ledger.database.texts(
            "SELECT concat_ws(' ', entry_key, points) AS value FROM ledger_entries \
             WHERE kind = 'spend' ORDER BY entry_id",
        )
    }
}

fn refused(name: &str) -> (Option<i32>, Value) {
    (Some(1), json!({"refused": name}))
}

/// An example that runs in the background, with its output in files.
struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    fn start(mut command: Command) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("game-{}-{serial}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let [stdout, stderr] = ["out", "err"].map(|end| folder.join(format!("{name}.{end}")));
        let file = |path: &Path| File::create(path).expect("the file can be made");
        let child = command
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .spawn()
            .expect("it starts");
        Self {
            child,
            stdout,
            stderr,
        }
    }

    fn printed(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.stdout).expect("it is there");
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    fn complained(&self) -> String {
        std::fs::read_to_string(&self.stderr).expect("it is there")
    }

    /// The only document that it printed when it ended well.
    fn answer(&mut self) -> Value {
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "{status}: {}", self.complained());
        self.printed().pop().expect("it printed one")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn the_examples_spend_once_give_back_once_and_name_what_refuses() {
    for example in [Python, JavaScript] {
        let world = World::new();
        let run = |arguments: &[&str]| world.run(example, arguments);
        let spend = ["spend", "minecraft", PLAYER, "120", "sword"];
        let done = |document| (Some(0), document);

        assert_eq!(
            run(&["balance", "minecraft", PLAYER]),
            done(json!({"wallet_id": "20", "balance": 500}))
        );
        for applied in [true, false] {
            let answer = json!({"wallet_id": "20", "balance": 380, "applied": applied});
            assert_eq!(run(&spend), done(answer), "{example:?}");
        }
        for applied in [true, false] {
            let answer = json!({"balance": 500, "applied": applied});
            assert_eq!(run(&["unspend", "sword"]), done(answer), "{example:?}");
        }
        assert_eq!(run(&spend), refused("spend_key_given_back"));
        let too_much = ["spend", "minecraft", PLAYER, "501", "house"];
        assert_eq!(run(&too_much), refused("spend_needs_balance"));
        let nobody = ["spend", "steam", PLAYER, "1", "bow"];
        assert_eq!(run(&nobody), refused("spend_identity_unknown"));
        assert_eq!(run(&["balance", "steam", PLAYER]), done(Value::Null));
        assert_eq!(run(&["unspend", "bow"]), refused("spend_key_unknown"));
        assert_eq!(world.entries(), ["spend:sword -120", "unspend:sword 120"]);
    }
}

/// A spend of the example while the test holds its wallet, until `disturb` has made its first attempt fail.
fn disturbed(example: Example, setting: &str, code: &str, disturb: impl Fn(&World, &Running)) {
    let mut world = World::new();
    world.game_setting(setting);
    world.other.works("BEGIN; SELECT spend(20, 1, 'other')");
    let arguments = ["spend", "minecraft", PLAYER, "100", "sword"];
    let mut running = Running::start(world.command(example, &arguments));

    disturb(&world, &running);
    world.other.works("COMMIT");

    let answer = json!({"wallet_id": "20", "balance": 399, "applied": true});
    assert_eq!(running.answer(), answer, "{example:?} {code}");
    let complained = running.complained();
    assert!(
        complained.contains(&format!("attempt 1: {code}")),
        "{example:?}: {complained}"
    );
    assert_eq!(world.entries(), ["spend:other -1", "spend:sword -100"]);
}

#[test]
fn the_examples_repeat_a_spend_that_could_not_be_serialized() {
    for example in [Python, JavaScript] {
        let setting = "default_transaction_isolation = 'repeatable read'";
        disturbed(example, setting, "40001", |world, _running| {
            world.ledger.database.await_blocked();
        });
    }
}

#[test]
fn the_examples_repeat_a_spend_whose_wallet_was_held() {
    for example in [Python, JavaScript] {
        disturbed(
            example,
            "lock_timeout = '100ms'",
            "55P03",
            |_world, running| {
                eventually("the first attempt failed", || {
                    running.complained().contains("55P03").then_some(())
                });
            },
        );
    }
}

#[test]
fn the_examples_repeat_a_spend_whose_session_was_ended() {
    for example in [Python, JavaScript] {
        let told = match example {
            // psycopg2 reads no code from a server that closes the connection.
            Python => "connection lost",
            JavaScript => "57P01",
        };
        disturbed(example, "lock_timeout = 0", told, |world, _running| {
            world.ledger.database.await_blocked();
            let name = world.ledger.name();
            let ended = world.ledger.database.number(&format!(
                "SELECT count(pg_terminate_backend(pid)) AS value FROM pg_stat_activity \
                 WHERE usename = '{name}_login_0' AND wait_event_type = 'Lock'"
            ));
            assert_eq!(ended, 1);
        });
    }
}

#[test]
fn the_examples_say_when_nobody_knows_whether_a_spend_happened() {
    let world = World::new();
    // Both at once, because they try for some seconds.
    let both = [Python, JavaScript].map(|example| {
        let mut command = world.command(example, &["unspend", "sword"]);
        // Nothing listens there.
        command.env("DATABASE_URL", "postgres://game:secret@127.0.0.1:1/paynow");
        Running::start(command)
    });
    for mut running in both {
        let status = running.child.wait().expect("a child can be waited for");
        assert_eq!(status.code(), Some(75), "{}", running.complained());
        assert_eq!(running.printed(), [] as [Value; 0]);
    }
}

#[test]
fn the_examples_see_points_arrive() {
    for example in [Python, JavaScript] {
        let world = World::new();
        let running = Running::start(world.command(example, &["watch", "0.1", "20", "30"]));
        eventually("it knows the balances", || {
            running.printed().first().cloned()
        });

        world.execute(
            "INSERT INTO ledger_entries (entry_key, wallet_id, kind, points) VALUES \
             ('correction:a', 30, 'correction', 7), ('correction:b', 20, 'correction', -1)",
        );

        let mut changes = eventually("both changes are seen", || {
            let printed = running.printed();
            (printed.len() == 3).then(|| printed[1..].to_vec())
        });
        changes.sort_by_key(Value::to_string);
        assert_eq!(
            changes,
            [
                json!({"wallet_id": "20", "balance": 499, "change": -1}),
                json!({"wallet_id": "30", "balance": 7, "change": 7}),
            ],
            "{example:?}"
        );
    }
}

#[test]
fn the_sql_example_does_what_it_says() {
    let world = World::new();
    let output = Command::new("psql")
        .args([
            "-X",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ])
        .args([
            "--set=platform=minecraft",
            "--set=points=120",
            "--set=key=sword",
        ])
        .arg(format!("--set=player={PLAYER}"))
        .arg("--file")
        .arg(source("points.sql"))
        .arg(world.ledger.url_of(0).as_str())
        .output()
        .expect("psql runs");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("it is UTF-8");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines, ["20|500", "20|380|t", "260|t", "380|t", "20|380"]);
}

/// The codes in quotes or backticks of a text.
fn sql_states(text: &str) -> BTreeSet<&str> {
    text.split(['"', '`'])
        .filter(|word| word.len() == 5 && word.starts_with(|first: char| first.is_ascii_digit()))
        .filter(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
        .collect()
}

/// What an example has in its list of errors to be repeated.
fn repeat_list(example: &str) -> &str {
    let (_before, list) = example.split_once("REPEAT = ").expect("it has one");
    list.split("\n}").next().unwrap_or_default()
}

#[test]
fn the_guide_and_the_examples_repeat_after_the_same_errors() {
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("it is there");
    let [python, javascript] = ["points.py", "points.mjs"].map(|name| read(source(name)));
    let guide = read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/game-backends.md"));
    let (_before, table) = guide
        .split_once("\n| SQLSTATE |")
        .expect("the guide has the table");
    let table = table.split("\n\n").next().unwrap_or_default();

    let repeated = sql_states(repeat_list(&python));
    assert!(repeated.len() >= 8, "{repeated:?}");
    assert_eq!(sql_states(repeat_list(&javascript)), repeated);
    assert_eq!(sql_states(table), repeated);
}
