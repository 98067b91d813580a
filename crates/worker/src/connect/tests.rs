//! Against servers that are silent at one moment or another.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use diesel::connection::SimpleConnection;

use super::*;

const SHORT: Duration = Duration::from_millis(300);
/// What PostgreSQL sends after a login without a password: `AuthenticationOk` and `ReadyForQuery`.
const LOGGED_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
/// The answer to a statement without rows: `CommandComplete` and `ReadyForQuery`.
const DONE: &[u8] = b"C\0\0\0\x08SET\0Z\0\0\0\x05I";

/// A server that answers so many statements, counted from the login, and then nothing more.
fn silent_after(statements: u32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || serve(&mut stream, statements));
        }
    });
    format!(
        "postgres://me@127.0.0.1:{port}/points?sslmode=disable&gssencmode=disable&connect_timeout=2"
    )
}

fn serve(stream: &mut TcpStream, statements: u32) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - 4;
    stream.read_exact(&mut vec![0; rest]).unwrap();
    stream.write_all(LOGGED_IN).unwrap();
    let mut answered = 0;
    let mut message = [0; 1 << 16];
    while let Ok(1..) = stream.read(&mut message) {
        if answered < statements {
            answered += 1;
            stream.write_all(&answer(message[0])).unwrap();
        }
    }
}

/// Diesel asks its first questions with the extended protocol, and a batch with the simple one.
fn answer(kind: u8) -> Vec<u8> {
    match kind {
        b'Q' => DONE.to_vec(),
        _extended => [b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04".as_slice(), DONE].concat(),
    }
}

#[test]
fn a_statement_without_an_answer_ends_after_its_limit() {
    let mut connection = establish(&silent_after(3), SHORT).unwrap();
    connection.batch_execute("SET a TO b").unwrap();
    assert_eq!(silence(), None);
    let started = Instant::now();
    connection.batch_execute("SET a TO b").unwrap_err();
    assert!((SHORT..SHORT * 10).contains(&started.elapsed()));
    assert_eq!(silence(), Some(SHORT));
    // It stays what it is: ended, for this reason.
    connection.batch_execute("SET a TO b").unwrap_err();
    assert_eq!(silence(), Some(SHORT));
    let mut other = establish(&silent_after(4), SHORT).unwrap();
    other.batch_execute("SET a TO b").unwrap();
    assert_eq!(silence(), None);
}

#[test]
fn a_connection_that_is_idle_is_not_ended_and_its_limit_can_be_changed() {
    let mut connection = establish(&silent_after(3), SHORT).unwrap();
    std::thread::park_timeout(SHORT * 2);
    connection.batch_execute("SET a TO b").unwrap();
    limit_silence(&mut connection, SHORT * 3);
    let started = Instant::now();
    connection.batch_execute("SET a TO b").unwrap_err();
    assert!(started.elapsed() >= SHORT * 3);
    assert_eq!(silence(), Some(SHORT * 3));
}

#[test]
fn a_server_that_is_silent_after_the_login_is_given_up_too() {
    let url = silent_after(1).replace("connect_timeout=2", "connect_timeout=0");
    let started = Instant::now();
    let problem = establish(&url, SHORT).err().unwrap().to_string();
    assert_eq!(
        problem,
        "it has said nothing for 5 s to an attempt to connect"
    );
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn connections_that_are_opened_at_once_are_told_apart() {
    let url = silent_after(2);
    let threads = (1..=8u32).map(|number| {
        let url = url.clone();
        std::thread::spawn(move || {
            let limit = SHORT * number;
            let mut connection = establish(&url, limit).unwrap();
            let started = Instant::now();
            connection.batch_execute("SET a TO b").unwrap_err();
            assert!(started.elapsed() >= limit && started.elapsed() < limit + SHORT * 3);
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}

#[test]
fn an_attempt_to_connect_has_a_limit_for_each_host() {
    for (url, seconds) in [
        ("postgres://h/d?connect_timeout=5", 15),
        ("postgres://a,b/d?connect_timeout=5&x=1", 25),
        ("host=h dbname=d connect_timeout=10", 25),
        ("postgres://h/d", 25),
    ] {
        assert_eq!(connect_limit(url).as_secs(), seconds, "{url}");
    }
    assert_eq!(port("postgres://me@h:6432/d"), 6432);
    for without in ["postgres://h/d", "postgres:///d?host=/run", "host=h"] {
        assert_eq!(port(without), POSTGRES_PORT);
    }
}
