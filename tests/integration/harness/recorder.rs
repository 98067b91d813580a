//! A proxy in front of the database server that records the statements it forwards.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

use super::port::free_port;

const POSTGRES_PORT: u16 = 5432;
/// How a statement begins that reads or changes data. The others manage the connection.
const VERBS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// A statement as a client sent it, with the declared types of its parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) types: Vec<u32>,
}

pub(crate) struct Recorder {
    url: Url,
    recorded: Arc<Mutex<BTreeSet<Statement>>>,
}

impl Recorder {
    /// Listens, and forwards to the server of `database`.
    pub(crate) fn before(database: &Url) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let mut url = database.clone();
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(port)).expect("a port");
        // Encrypted statements could not be recorded.
        url.set_query(Some("sslmode=disable"));
        let host = database.host_str().unwrap_or("127.0.0.1").to_owned();
        let server = (host, database.port().unwrap_or(POSTGRES_PORT));
        let recorded = Arc::default();
        let listening = Arc::clone(&recorded);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let upstream = TcpStream::connect(&server).expect("the server answers");
                let (mut answers, mut back) = (
                    upstream.try_clone().expect("a socket can be cloned"),
                    client.try_clone().expect("a socket can be cloned"),
                );
                thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let recorded = Arc::clone(&listening);
                thread::spawn(move || listen(client, upstream, &recorded));
            }
        });
        Self { url, recorded }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The recorded statements, each once.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        let recorded = self.recorded.lock().expect("no holder panics");
        recorded.iter().cloned().collect()
    }
}

/// Forwards the client's messages one by one, until one of the two disconnects.
fn listen(
    mut client: TcpStream,
    mut server: TcpStream,
    recorded: &Mutex<BTreeSet<Statement>>,
) -> std::io::Result<()> {
    // The first message has no type.
    let startup = message(&mut client, Vec::new())?;
    server.write_all(&startup)?;
    loop {
        let mut kind = vec![0];
        client.read_exact(&mut kind)?;
        let whole = message(&mut client, kind)?;
        server.write_all(&whole)?;
        if let Some(statement) = statement(&whole) {
            let mut recorded = recorded.lock().expect("no holder panics");
            recorded.insert(statement);
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

/// The statement of a message, if it has one that reads or changes data.
fn statement(message: &[u8]) -> Option<Statement> {
    let (head, content) = message.split_at_checked(5)?;
    let mut parts = content.splitn(3, |byte| *byte == 0);
    let (sql, types) = match head.first()? {
        // A simple query is only its text.
        b'Q' => (parts.next()?, &[][..]),
        // A prepared statement has a name, a text, and the number of its types.
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
