//! A TLS proxy in front of a server without TLS. Its certificate can be changed while it runs.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::authority::Pair;
use crate::harness::free_port;

/// How long one side is read before the other side is.
const TURN: Duration = Duration::from_millis(3);

pub(super) struct Front {
    pub(super) port: u16,
    shown: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Front {
    /// Starts a proxy in front of `server` with this certificate. With an authority, clients must
    /// present a certificate of it.
    pub(super) fn of(server: (String, u16), pair: &Pair, clients: Option<&Path>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let shown = Arc::new(Mutex::new(config(pair, clients)));
        let it = Self {
            port,
            shown: Arc::clone(&shown),
        };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = Arc::clone(&shown.lock().expect("no holder panics"));
                let server = server.clone();
                std::thread::spawn(move || serve(client, config, &server));
            }
        });
        it
    }

    /// Uses another certificate from the next connection on.
    pub(super) fn show(&self, pair: &Pair, clients: Option<&Path>) {
        *self.shown.lock().expect("no holder panics") = config(pair, clients);
    }
}

fn config(pair: &Pair, clients: Option<&Path>) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let read = |path: &Path| CertificateDer::from_pem_file(path).expect("it is a certificate");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the defaults are safe");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(read(authority)).expect("it is an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .expect("it has an authority");
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&pair.key).expect("it is a key");
    let config = builder.with_single_cert(vec![read(&pair.certificate)], key);
    Arc::new(config.expect("they belong together"))
}

/// Forwards in both directions by turns, until one side has ended.
fn serve(client: TcpStream, config: Arc<ServerConfig>, server: &(String, u16)) -> Option<()> {
    let mut server = TcpStream::connect(server).ok()?;
    let connection = ServerConnection::new(config).ok()?;
    let mut client = StreamOwned::new(connection, client);
    client.conn.complete_io(&mut client.sock).ok()?;
    for stream in [&client.sock, &server] {
        stream.set_read_timeout(Some(TURN)).ok()?;
    }
    loop {
        pass(&mut client, &mut server)?;
        pass(&mut server, &mut client)?;
    }
}

/// Forwards the bytes that can be read now. `None` at the end.
fn pass(from: &mut impl Read, to: &mut impl Write) -> Option<()> {
    let mut bytes = [0; 16 << 10];
    match from.read(&mut bytes) {
        Ok(0) => None,
        Ok(count) => {
            to.write_all(&bytes[..count]).ok()?;
            to.flush().ok()
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Some(())
        }
        Err(_broken) => None,
    }
}
