//! A stand-in for the database server that passes everything on and writes down what it was asked.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

use super::port::free_port;

const POSTGRES_PORT: u16 = 5432;
/// What asks for something, or changes something; the rest is housekeeping of the connection.
const VERBS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// A statement as a client sent it, and the types that it said its parameters have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) types: Vec<u32>,
}

pub(crate) struct Recorder {
    url: Url,
    heard: Arc<Mutex<BTreeSet<Statement>>>,
}

impl Recorder {
    /// Listens, and passes on to the server of `database`.
    pub(crate) fn before(database: &Url) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let mut url = database.clone();
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(port)).expect("a port");
        // What is encrypted cannot be written down.
        url.set_query(Some("sslmode=disable"));
        let host = database.host_str().unwrap_or("127.0.0.1").to_owned();
        let server = (host, database.port().unwrap_or(POSTGRES_PORT));
        let heard = Arc::default();
        let listening = Arc::clone(&heard);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let upstream = TcpStream::connect(&server).expect("the server answers");
                let (mut answers, mut back) = (
                    upstream.try_clone().expect("a socket can be cloned"),
                    client.try_clone().expect("a socket can be cloned"),
                );
                thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let heard = Arc::clone(&listening);
                thread::spawn(move || listen(client, upstream, &heard));
            }
        });
        Self { url, heard }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What was asked so far, each once.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        let heard = self.heard.lock().expect("nobody panics while writing");
        heard.iter().cloned().collect()
    }
}

/// Passes on what the client says, message by message, until one of them has gone.
fn listen(
    mut client: TcpStream,
    mut server: TcpStream,
    heard: &Mutex<BTreeSet<Statement>>,
) -> std::io::Result<()> {
    // The first message has no type.
    let greeting = message(&mut client, Vec::new())?;
    server.write_all(&greeting)?;
    loop {
        let mut kind = vec![0];
        client.read_exact(&mut kind)?;
        let whole = message(&mut client, kind)?;
        server.write_all(&whole)?;
        if let Some(statement) = statement(&whole) {
            let mut heard = heard.lock().expect("nobody panics while writing");
            heard.insert(statement);
        }
    }
}

/// Reads a message after its type: its length, which counts itself, and its content.
fn message(client: &mut TcpStream, mut whole: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let content = u32::from_be_bytes(length).saturating_sub(4);
    whole.extend(length);
    client.take(content.into()).read_to_end(&mut whole)?;
    Ok(whole)
}

/// What a message asks for, if it asks for something.
fn statement(message: &[u8]) -> Option<Statement> {
    let (head, content) = message.split_at_checked(5)?;
    let mut parts = content.splitn(3, |byte| *byte == 0);
    let (sql, types) = match head.first()? {
        // A simple query has nothing but its text.
        b'Q' => (parts.next()?, &[][..]),
        // The name of a prepared statement, its text, and how many types there are.
        b'P' => {
            let _name = parts.next()?;
            (parts.next()?, parts.next()?.get(2..)?)
        }
        _other => return None,
    };
    let sql = String::from_utf8(sql.to_vec()).ok()?;
    VERBS
        .contains(&sql.split_whitespace().next()?)
        .then(|| Statement {
            sql,
            types: types
                .chunks_exact(4)
                .filter_map(|oid| Some(u32::from_be_bytes(oid.try_into().ok()?)))
                .collect(),
        })
}
