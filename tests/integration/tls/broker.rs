//! The broker behind TLS: connecting, reporting what is wrong, and reconnecting once it is
//! repaired.

use std::path::{Path, PathBuf};

use url::Url;

use super::authority::{Authority, LONG, OVER, Pair};
use super::front::Front;
use crate::harness::{
    Answer, Order, Outcome, Program, Servers, TestApp, eventually, flake, free_port, try_post,
};

pub(super) type Variables = Vec<(String, String)>;

fn place_of(url: &Url, default_port: u16) -> (String, u16) {
    let host = url.host_str().expect("an address has a host").to_owned();
    (host, url.port().unwrap_or(default_port))
}

/// The broker's address over TLS.
pub(super) fn amqps(app: &TestApp, port: u16) -> String {
    let url = app.broker.url().as_str().replacen("amqp://", "amqps://", 1);
    let mut url = Url::parse(&url).expect("it is an address");
    url.set_host(Some("localhost")).expect("a host");
    url.set_port(Some(port)).expect("a port");
    url.to_string()
}

/// The settings of TLS.
pub(super) fn proof(ca: &Path, own: Option<&Pair>) -> Variables {
    let mut variables = vec![("AMQP_CA_FILE".to_owned(), ca.display().to_string())];
    if let Some(pair) = own {
        for (name, path) in [
            ("AMQP_CERTIFICATE_FILE", &pair.certificate),
            ("AMQP_KEY_FILE", &pair.key),
        ] {
            variables.push((name.to_owned(), path.display().to_string()));
        }
    }
    variables
}

/// A receiver that reaches the broker over TLS.
pub(super) struct Receiver {
    pub(super) program: Program,
    url: String,
}

impl Receiver {
    pub(super) fn start(app: &TestApp, port: u16, proof: &[(String, String)]) -> Self {
        let public = free_port();
        let mut variables = app.variables();
        variables.retain(|(name, _value)| name != "DATABASE_URL");
        variables.extend(
            [
                ("AMQP_URL", amqps(app, port)),
                ("RECEIVER_ADDR", format!("127.0.0.1:{public}")),
                ("METRICS_ADDR", format!("127.0.0.1:{}", free_port())),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        variables.extend(proof.iter().cloned());
        let log = format!("{}-tls-{public}.log", app.broker.vhost());
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(log);
        Self {
            program: Program::start("paynow-receiver", log, &variables),
            url: format!("http://127.0.0.1:{public}/webhooks/paynow"),
        }
    }

    /// Posts a webhook until it is accepted.
    #[track_caller]
    pub(super) fn accepts(&self, app: &TestApp) {
        let body = Order::of(flake(), flake()).body();
        let answer = eventually("a webhook is accepted", || {
            try_post(&self.url, &body).ok().filter(Answer::accepted)
        });
        app.note_accepted(answer.event_id());
    }

    /// Waits for a sentence in the log, and checks that webhooks are refused meanwhile.
    #[track_caller]
    pub(super) fn reports(&self, sentence: &str) {
        let log = self.program.await_log(sentence);
        assert!(!log.contains("panicked"), "{log}");
        // It may report the broker before it listens.
        let body = Order::of(flake(), flake()).body();
        let answer = eventually("the receiver answers", || try_post(&self.url, &body).ok());
        assert_eq!(answer.status, 503);
    }
}

#[test]
fn a_tls_mistake_is_one_sentence_and_its_repair_is_noticed() {
    let app = TestApp::builder().workers(0).start();
    let (ours, other) = (Authority::new(), Authority::new());
    let right = ours.server("localhost", LONG);
    let ca = ours.certificate();
    let front = Front::of(place_of(app.broker.url(), 5672), &right, None);
    for (wrong, clients, sentence) in [
        (
            other.server("localhost", LONG),
            None,
            "the server's certificate was not issued by the authority in AMQP_CA_FILE",
        ),
        (
            ours.server("elsewhere.example", LONG),
            None,
            "the server's certificate is not valid for localhost but for",
        ),
        (
            ours.server("localhost", OVER),
            None,
            "the server's certificate has expired: renew it at the server",
        ),
        (
            right.clone(),
            Some(&ca),
            "if it requires a client certificate, set AMQP_CERTIFICATE_FILE and AMQP_KEY_FILE",
        ),
    ] {
        front.show(&wrong, clients.map(PathBuf::as_path));
        let mut receiver = Receiver::start(&app, front.port, &proof(&ca, None));
        let alternative = "the server requires a client certificate: set AMQP_CERTIFICATE_FILE";
        let sentence = match clients {
            // Either the alert or the end of the connection comes first.
            Some(_) => eventually("the mistake is reported", || {
                let log = receiver.program.log();
                [sentence, alternative]
                    .into_iter()
                    .find(|it| log.contains(it))
            }),
            None => sentence,
        };
        receiver.reports(sentence);
        front.show(&right, None);
        receiver.accepts(&app);
        receiver.program.stop();
    }
    app.leave_unaudited();
}

#[test]
fn a_renewed_client_certificate_is_used_by_the_next_connection() {
    let app = TestApp::builder().workers(0).start();
    let (ours, clients) = (Authority::new(), Authority::new());
    let front = Front::of(
        place_of(app.broker.url(), 5672),
        &ours.server("localhost", LONG),
        Some(&clients.certificate()),
    );
    // Of the wrong authority, until it is renewed in place.
    let (wrong, renewed) = (ours.client("receiver"), clients.client("receiver"));
    let mut receiver = Receiver::start(&app, front.port, &proof(&ours.certificate(), Some(&wrong)));
    receiver.reports("certificate in AMQP_CERTIFICATE_FILE");

    for (from, to) in [
        (&renewed.certificate, &wrong.certificate),
        (&renewed.key, &wrong.key),
    ] {
        std::fs::copy(from, to).expect("it is renewed");
    }

    receiver.accepts(&app);
    receiver.program.stop();
    app.leave_unaudited();
}

#[test]
fn a_port_without_tls_is_reported() {
    let app = TestApp::builder().workers(0).start();
    let ours = Authority::new();
    let (host, port) = place_of(app.broker.url(), 5672);
    let mut plain = Url::parse(&amqps(&app, port)).expect("it is one");
    plain.set_host(Some(&host)).expect("it is the broker's");
    let mut settings = proof(&ours.certificate(), None);
    settings.push(("AMQP_URL".to_owned(), plain.to_string()));
    let mut receiver = Receiver::start(&app, port, &settings);
    receiver.reports("the server does not speak TLS on this port");
    receiver.program.stop();
}

#[test]
fn the_management_api_is_reached_over_tls_with_the_same_files() {
    let app = TestApp::builder().workers(0).start();
    let (ours, other) = (Authority::new(), Authority::new());
    let own = ours.client("operator");
    let management = Servers::of_this_run().management;
    let amqp = Front::of(
        place_of(app.broker.url(), 5672),
        &ours.server("localhost", LONG),
        None,
    );
    let front = Front::of(
        place_of(&management, 80),
        &ours.server("localhost", LONG),
        Some(&ours.certificate()),
    );
    let user = format!(
        "{}:{}",
        management.username(),
        management.password().unwrap_or("")
    );
    let address = format!("https://{user}@localhost:{}", front.port);
    let check = |proof: Variables| -> Outcome {
        let mut variables = app.variables();
        variables.push(("AMQP_URL".to_owned(), amqps(&app, amqp.port)));
        variables.push(("AMQP_MANAGEMENT_URL".to_owned(), address.clone()));
        variables.extend(proof);
        Program::run("paynowctl", &variables, &["setup", "--skip-database"])
    };

    check(proof(&ours.certificate(), Some(&own))).succeeded();
    let password = management.password().unwrap_or("no password");
    for (proof, sentence) in [
        (
            proof(&other.certificate(), Some(&own)),
            "the server's certificate was not issued by the authority in AMQP_CA_FILE",
        ),
        (proof(&ours.certificate(), None), "a client certificate"),
        (
            Vec::new(),
            "of an authority that this machine does not trust: put that authority's",
        ),
    ] {
        let refused = check(proof);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert!(refused.stderr.contains(sentence), "{sentence}: {refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        assert!(!refused.stderr.contains(password), "{refused:?}");
    }
}

#[test]
fn incomplete_tls_settings_stop_the_start() {
    let ours = Authority::new();
    let (own, other) = (ours.client("one"), ours.client("other"));
    let mixed = Pair {
        key: other.key.clone(),
        ..own.clone()
    };
    let ca = ours.certificate();
    let whole = proof(&ca, Some(&own));
    for (url, proof, sentence) in [
        (
            "amqps",
            proof(&own.key, None),
            "AMQP_CA_FILE names a file without a PEM certificate",
        ),
        (
            "amqps",
            proof(&ca, Some(&mixed)),
            "AMQP_KEY_FILE is not the key of",
        ),
        (
            "amqps",
            whole[..2].to_vec(),
            "AMQP_KEY_FILE must be set with AMQP_CERTIFICATE_FILE",
        ),
        (
            "amqp",
            whole.clone(),
            "AMQP_CA_FILE is set, and AMQP_URL does not begin with amqps://",
        ),
    ] {
        let mut variables = vec![
            ("AMQP_URL".to_owned(), format!("{url}://u:hidden@localhost")),
            (
                "PAYNOW_SIGNING_SECRETS".to_owned(),
                "test:pn-0123456789abcdef".to_owned(),
            ),
        ];
        variables.extend(proof);
        let outcome = Program::run("paynow-receiver", &variables, &[]);
        let output = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.code, Some(64), "{output}");
        assert!(
            output.contains(sentence) && !output.contains("hidden"),
            "{output}"
        );
    }
}
