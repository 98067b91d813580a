//! TLS of the real servers: RabbitMQ with client certificates, and PostgreSQL with
//! `sslmode=verify-full`.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::authority::{Authority, LONG, OVER, Pair};
use super::broker::{Receiver, amqps, proof};
use crate::harness::{Program, Stack, TestApp, eventually, free_port};

/// Any password, because the test drops the login.
const PASSWORD: &str = "0123456789abcdef";

/// Makes RabbitMQ listen with TLS too, for clients with a certificate of the authority. Returns the
/// port.
fn rabbitmq_listens(authority: &Authority, pair: &Pair) -> u16 {
    let port = free_port();
    let script = format!(
        "ok = rabbit_networking:start_ssl_listener({{\"127.0.0.1\", {port}, inet}}, \
         [{{cacertfile, \"{}\"}}, {{certfile, \"{}\"}}, {{keyfile, \"{}\"}}, \
          {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}], 4).",
        authority.certificate().display(),
        pair.certificate.display(),
        pair.key.display(),
    );
    Stack::rabbitmqctl(&["eval", &script]);
    port
}

#[test]
#[ignore = "changes the servers: ops/test runs it alone"]
fn rabbitmq_and_our_programs_ask_each_other_for_certificates() {
    let app = TestApp::builder().workers(0).start();
    let ours = Authority::new();
    let port = rabbitmq_listens(&ours, &ours.server("localhost", LONG));
    let ca = ours.certificate();
    let own = proof(&ca, Some(&ours.client("receiver")));

    let mut without = Receiver::start(&app, port, &proof(&ca, None));
    without.reports("a client certificate");
    without.program.stop();
    let mut receiver = Receiver::start(&app, port, &own);
    receiver.accepts(&app);
    let mut variables = app.variables();
    variables.push(("AMQP_URL".to_owned(), amqps(&app, port)));
    variables.extend(own);
    let admin = format!("127.0.0.1:{}", free_port());
    variables.push(("METRICS_ADDR".to_owned(), admin));
    let mut worker = Program::start("paynow-worker", log_of(&app), &variables);
    app.drain();
    receiver.program.stop();
    worker.stop();
}

fn log_of(app: &TestApp) -> PathBuf {
    let log = format!("{}-tls-worker.log", app.broker.vhost());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(log)
}

/// Writes a file into PostgreSQL's data directory, as the server's user.
fn write_server_file(app: &TestApp, name: &str, file: &std::path::Path) {
    let content = STANDARD.encode(std::fs::read(file).expect("it is there"));
    let program = format!("umask 077; base64 --decode > {name}");
    app.database
        .execute(&format!("COPY (SELECT '{content}') TO PROGRAM '{program}'"))
        .expect("a superuser may");
}

fn postgres_shows(app: &TestApp, pair: &Pair, clients: &Authority) {
    write_server_file(app, "test.pem", &pair.certificate);
    write_server_file(app, "test.key", &pair.key);
    write_server_file(app, "test-ca.pem", &clients.certificate());
    for setting in [
        "ssl_cert_file = 'test.pem'",
        "ssl_key_file = 'test.key'",
        "ssl_ca_file = 'test-ca.pem'",
        "ssl = on",
    ] {
        app.database
            .execute(&format!("ALTER SYSTEM SET {setting}"))
            .expect("a superuser may");
    }
    app.database
        .execute("SELECT pg_reload_conf()")
        .expect("a superuser may");
}

/// Turns TLS of PostgreSQL off again at the end of the test, even if it fails.
struct WithoutTls<'a>(&'a TestApp);

impl Drop for WithoutTls<'_> {
    fn drop(&mut self) {
        for sql in [
            "ALTER SYSTEM RESET ALL",
            "COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f test.pem test.key test-ca.pem; \
             [ ! -e pg_hba.kept ] || mv pg_hba.kept pg_hba.conf'",
            "SELECT pg_reload_conf()",
            &format!("DROP ROLE IF EXISTS {}", login_of(self.0)),
        ] {
            let _done = self.0.database.execute(sql);
        }
    }
}

#[test]
#[ignore = "changes the servers: ops/test runs it alone"]
fn postgresql_is_verified_and_each_mistake_is_reported() {
    let app = TestApp::builder().workers(0).start();
    let _afterwards = WithoutTls(&app);
    let (ours, other) = (Authority::new(), Authority::new());
    let mut url = app.database.url().clone();
    url.set_host(Some("localhost")).expect("a host");
    let read = |ca: &Authority| {
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("sslmode", "verify-full")
            .append_pair("sslrootcert", &ca.certificate().display().to_string());
        let mut variables = app.variables();
        variables.push(("DATABASE_URL".to_owned(), url.to_string()));
        Program::run("paynowctl", &variables, &["products", "list"])
    };
    let reports = |ca: &Authority, sentence: &str| {
        let words = eventually(sentence, || {
            let outcome = read(ca);
            outcome.stderr.contains(sentence).then_some(outcome.stderr)
        });
        assert_eq!(words.lines().count(), 1, "{words}");
        let password = url.password().expect("a password");
        assert!(!words.contains(password), "{words}");
    };

    reports(&ours, "the server does not speak TLS: turn it on there");
    postgres_shows(&app, &ours.server("elsewhere.example", LONG), &ours);
    reports(&ours, "the server's certificate has another name");
    postgres_shows(&app, &ours.server("localhost", OVER), &ours);
    reports(&ours, "the server's certificate has expired: renew it");
    postgres_shows(&app, &ours.server("localhost", LONG), &ours);
    reports(&other, "not issued by the authority in sslrootcert");
    eventually("it is verified", || {
        (read(&ours).code == Some(0)).then_some(())
    });
}

/// A login that must present a certificate in addition to its password.
fn login_of(app: &TestApp) -> String {
    format!("{}_tls", app.broker.vhost())
}

fn postgres_asks(app: &TestApp, method: &str) {
    let login = login_of(app);
    for sql in [
        format!(
            "COPY (SELECT 'hostssl all {login} all {method}') TO PROGRAM \
             '[ -e pg_hba.kept ] || cp pg_hba.conf pg_hba.kept; cat - pg_hba.kept > pg_hba.conf'"
        ),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        app.database.execute(&sql).expect("a superuser may");
    }
}

#[test]
#[ignore = "changes the servers: ops/test runs it alone"]
fn postgresql_asks_for_a_certificate_that_names_the_login() {
    let app = TestApp::builder().workers(0).start();
    let _afterwards = WithoutTls(&app);
    let (ours, other) = (Authority::new(), Authority::new());
    let login = login_of(&app);
    postgres_shows(&app, &ours.server("localhost", LONG), &ours);
    app.database
        .execute(&format!(
            "CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}' IN ROLE paynow_reader"
        ))
        .expect("a superuser may");
    postgres_asks(&app, "scram-sha-256 clientcert=verify-full");
    let read = |own: Option<&Pair>| {
        let mut url = app.database.url().clone();
        url.set_host(Some("localhost")).expect("a host");
        url.set_username(&login).expect("a user");
        url.set_password(Some(PASSWORD)).expect("a password");
        let mut query = vec![
            ("sslmode", "verify-full".to_owned()),
            ("sslrootcert", ours.certificate().display().to_string()),
        ];
        for (name, path) in own
            .into_iter()
            .flat_map(|own| [("sslcert", &own.certificate), ("sslkey", &own.key)])
        {
            query.push((name, path.display().to_string()));
        }
        url.query_pairs_mut().extend_pairs(query);
        let mut variables = app.variables();
        variables.push(("DATABASE_URL".to_owned(), url.to_string()));
        Program::run("paynowctl", &variables, &["products", "list"])
    };

    eventually("the login is accepted", || {
        (read(Some(&ours.client(&login))).code == Some(0)).then_some(())
    });
    let reports = |own: Option<&Pair>, sentence: &str| {
        eventually(sentence, || {
            let refused = read(own);
            (refused.code == Some(1) && refused.stderr.contains(sentence)).then_some(())
        });
    };
    reports(None, "the server requires a client certificate");
    let of_other = other.client(&login);
    reports(
        Some(&of_other),
        "does not trust the authority of our certificate",
    );
    // Only the server's log shows which of the two was wrong.
    let of_somebody = ours.client("somebody");
    reports(Some(&of_somebody), "password authentication failed");
    postgres_asks(&app, "cert");
    reports(Some(&of_somebody), "our certificate is another login's");
}
