//! The programs show when the certificates of broker and database expire.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use paynow_process::clock;

use crate::harness::{Program, SECRET, TlsServer, eventually, free_port, metric_at, pass_on};

const DAYS: i64 = 5;

/// Answers PostgreSQL's request for TLS with yes, and forwards the rest to the TLS server.
fn postgres_in_front_of(tls_port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", free_port())).expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || answer_yes(client, tls_port));
        }
    });
    port
}

fn answer_yes(mut client: TcpStream, tls_port: u16) -> std::io::Result<u64> {
    client.read_exact(&mut [0; 8])?;
    client.write_all(b"S")?;
    pass_on(client, TcpStream::connect(("127.0.0.1", tls_port))?)
}

fn start(program: &'static str, name: &str, more: &[(&str, String)]) -> (Program, u16) {
    let admin = free_port();
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{program}.log"));
    let mut variables = vec![
        ("METRICS_ADDR".to_owned(), format!("127.0.0.1:{admin}")),
        (
            "RECEIVER_ADDR".to_owned(),
            format!("127.0.0.1:{}", free_port()),
        ),
        ("PAYNOW_SIGNING_SECRETS".to_owned(), SECRET.to_owned()),
    ];
    variables.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    (Program::start(program, log, &variables), admin)
}

fn seconds_left(admin: u16, peer: &str) -> f64 {
    let series = format!("paynow_certificate_not_after_timestamp_seconds{{peer=\"{peer}\"}}");
    let not_after = eventually("the certificate is seen", || metric_at(admin, &series));
    let now = f64::from(u32::try_from(clock::now_ms() / 1000).expect("it is before 2106"));
    not_after - now
}

#[test]
fn the_end_of_a_servers_certificate_is_shown_and_none_without_tls() {
    let name = format!("certificates-{}", std::process::id());
    let tls = TlsServer::start(&name, DAYS);
    let database = postgres_in_front_of(tls.port);
    let five_days = 86_400.0 * f64::from(i32::try_from(DAYS).unwrap());
    let is_five_days = |left: f64| (five_days - 3600.0..=five_days + 60.0).contains(&left);

    let broker = format!("amqps://u:p@127.0.0.1:{}/%2f", tls.port);
    let (_receiver, admin) = start("paynow-receiver", &name, &[("AMQP_URL", broker)]);
    assert!(is_five_days(seconds_left(admin, "broker")));

    let in_the_clear = format!("amqp://u:p@127.0.0.1:{}/%2f", free_port());
    let database = format!("postgres://u:p@127.0.0.1:{database}/points");
    let settings = [("AMQP_URL", in_the_clear), ("DATABASE_URL", database)];
    let (_worker, admin) = start("paynow-worker", &name, &settings);
    assert!(is_five_days(seconds_left(admin, "database")));
    assert!(seconds_left(admin, "broker").is_infinite());
}
