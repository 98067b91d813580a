//! The servers that the tests use, from environment variables. `ops/test` starts private servers
//! and sets the variables. To use other servers, set them yourself.

use std::process::Command;

use paynow_process::environment::Environment;
use url::Url;

/// The servers of all tests of this run.
pub(crate) struct Servers {
    pub(crate) amqp: Url,
    pub(crate) database: Url,
    pub(crate) management: Url,
}

impl Servers {
    pub(crate) fn of_this_run() -> Self {
        let environment = Environment::of_this_process();
        let url = |name: &str| {
            let text = environment.text(name).unwrap_or_else(|| {
                panic!("{name} is not set: run ops/test, or eval \"$(ops/stack env)\" first")
            });
            Url::parse(text).unwrap_or_else(|error| panic!("{name} is no URL: {error}"))
        };
        let amqp = url("AMQP_URL");
        let management = match environment.text("AMQP_MANAGEMENT_URL") {
            Some(_given) => url("AMQP_MANAGEMENT_URL"),
            None => management_of(&amqp),
        };
        Self {
            amqp,
            database: url("DATABASE_URL"),
            management,
        }
    }
}

/// The usual address of a broker's management API: same host and user, plain HTTP, port 15672.
fn management_of(amqp: &Url) -> Url {
    let (user, password) = (amqp.username(), amqp.password().unwrap_or_default());
    let host = amqp.host_str().unwrap_or("127.0.0.1");
    let text = format!("http://{user}:{password}@{host}:15672");
    Url::parse(&text).expect("the parts of a URL make one")
}

/// The private stack behind the servers, for tests that break it. They run one at a time.
pub(crate) struct Stack;

impl Stack {
    pub(crate) fn kill(what: &str) {
        Self::run(&["kill", what]);
    }

    pub(crate) fn stop(what: &str) {
        Self::run(&["stop", what]);
    }

    pub(crate) fn start(what: &str) {
        Self::run(&["start", what]);
    }

    /// The broker's own tool.
    pub(crate) fn rabbitmqctl(arguments: &[&str]) {
        Self::run(&[&["rabbitmqctl"], arguments].concat());
    }

    /// `PAYNOW_STACK` names the stack, and `ops/test` sets it.
    fn run(arguments: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/stack");
        let status = Command::new(script)
            .args(arguments)
            .status()
            .expect("ops/stack runs");
        assert!(status.success(), "ops/stack {} failed", arguments.join(" "));
    }
}
