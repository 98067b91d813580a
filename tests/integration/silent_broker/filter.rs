//! A proxy that reads AMQP, so that it can make one connection of a program silent and know it by name:
//! it passes heartbeats on and nothing else, or takes all bytes.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use url::Url;

use crate::harness::free_port;

const HEARTBEAT: u8 = 8;
const METHOD: u8 = 1;
const FRAME_HEADER: usize = 7;
/// The end byte of a frame.
const FRAME_END: usize = 1;
/// Class and method of `basic.publish`.
const PUBLISH: [u8; 4] = [0, 60, 0, 40];
const PROTOCOL_HEADER: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    None,
    /// The broker gets everything, and only its heartbeats come back.
    HeartbeatsOnly,
    /// Neither side gets a byte.
    Total,
    /// Like `HeartbeatsOnly`, from the first message that the connection publishes.
    AfterPublish,
}

#[derive(Default)]
struct Rules(Mutex<BTreeMap<&'static str, Silence>>);

impl Rules {
    /// The rule for a connection; a name that no rule knows passes.
    fn of(&self, name: &str) -> Silence {
        let rules = self.0.lock().unwrap();
        rules.get(name).copied().unwrap_or(Silence::None)
    }
}

/// One connection through the filter.
struct Wire {
    rules: Arc<Rules>,
    /// Of the connection, as the client tells it in its first frame.
    name: Mutex<String>,
    has_published: Mutex<bool>,
}

impl Wire {
    fn silence(&self) -> Silence {
        match self.rules.of(&self.name.lock().unwrap()) {
            Silence::AfterPublish if *self.has_published.lock().unwrap() => Silence::HeartbeatsOnly,
            Silence::AfterPublish => Silence::None,
            rule @ (Silence::None | Silence::HeartbeatsOnly | Silence::Total) => rule,
        }
    }

    fn passes(&self, is_up: bool, kind: u8) -> bool {
        match self.silence() {
            Silence::None | Silence::AfterPublish => true,
            Silence::HeartbeatsOnly => is_up || kind == HEARTBEAT,
            Silence::Total => false,
        }
    }

    /// Learns from a frame of the client.
    fn learn(&self, frame: &[u8]) {
        let payload = frame.get(FRAME_HEADER..).unwrap_or_default();
        if frame.first() == Some(&METHOD) && payload.starts_with(&PUBLISH) {
            *self.has_published.lock().unwrap() = true;
        }
        let mut name = self.name.lock().unwrap();
        if name.is_empty() {
            *name = connection_name(payload).unwrap_or_default();
        }
    }
}

/// The value of the client property `connection_name`: a long string after its key and type.
fn connection_name(payload: &[u8]) -> Option<String> {
    let key = b"connection_nameS";
    let at = payload.windows(key.len()).position(|part| part == key)? + key.len();
    let length = u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?);
    let value = payload.get(at + 4..at + 4 + usize::try_from(length).ok()?)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

pub(super) struct Filter {
    port: u16,
    rules: Arc<Rules>,
    open: Arc<AtomicUsize>,
}

impl Filter {
    pub(super) fn before(broker: &Url) -> Self {
        let host = broker.host_str().expect("the broker has a host").to_owned();
        let server = (host, broker.port().unwrap_or(5672));
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        let rules = Arc::new(Rules::default());
        let open = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (Arc::clone(&rules), Arc::clone(&open));
        // It ends with the process of the tests.
        let _detached = thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(upstream) = TcpStream::connect((server.0.as_str(), server.1)) {
                    connect(client, upstream, Arc::clone(&shared), Arc::clone(&count));
                }
            }
        });
        Self { port, rules, open }
    }

    /// The address of the broker behind the filter.
    pub(super) fn address(&self, broker: &Url) -> String {
        let mut url = broker.clone();
        url.set_host(Some("127.0.0.1")).expect("it takes a host");
        url.set_port(Some(self.port)).expect("it takes a port");
        url.into()
    }

    /// Applies to the connections of this name that are open and to those to come.
    pub(super) fn silence(&self, name: &'static str, silence: Silence) {
        self.rules.0.lock().unwrap().insert(name, silence);
    }

    /// Connections whose client has not ended them.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

fn connect(client: TcpStream, upstream: TcpStream, rules: Arc<Rules>, open: Arc<AtomicUsize>) {
    let wire = Arc::new(Wire {
        rules,
        name: Mutex::default(),
        has_published: Mutex::new(false),
    });
    let (from_client, to_client) = (client.try_clone().unwrap(), client);
    let (to_broker, from_broker) = (upstream.try_clone().unwrap(), upstream);
    let shared = Arc::clone(&wire);
    open.fetch_add(1, Ordering::SeqCst);
    thread::spawn(move || {
        let _ended = pump_up(&from_client, &to_broker, &shared);
        open.fetch_sub(1, Ordering::SeqCst);
        let _gone = to_broker.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let _ended = pump(&from_broker, &to_client, &wire, false);
        let _gone = to_client.shutdown(Shutdown::Both);
    });
}

fn pump_up(from: &TcpStream, to: &TcpStream, wire: &Wire) -> io::Result<()> {
    let mut header = [0; PROTOCOL_HEADER];
    (&*from).read_exact(&mut header)?;
    (&*to).write_all(&header)?;
    pump(from, to, wire, true)
}

/// Passes frames on until a side ends.
fn pump(mut from: &TcpStream, mut to: &TcpStream, wire: &Wire, is_up: bool) -> io::Result<()> {
    loop {
        let mut frame = vec![0; FRAME_HEADER];
        from.read_exact(&mut frame)?;
        let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]);
        let size = usize::try_from(size).map_err(|_| ErrorKind::InvalidData)?;
        frame.resize(FRAME_HEADER + size + FRAME_END, 0);
        from.read_exact(&mut frame[FRAME_HEADER..])?;
        if is_up {
            wire.learn(&frame);
        }
        if wire.passes(is_up, frame[0]) {
            to.write_all(&frame)?;
        }
    }
}
