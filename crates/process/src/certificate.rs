//! The certificates that servers show: when they expire, and whether they fit. Those of our servers are checked
//! regularly, because an expired one cuts off all connections at once.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::observe::{CertificateSeen, CertificateUnseen, Observable};

const CHECK_INTERVAL: Duration = Duration::from_secs(3600);
/// Shorter than the interval: a server that could not be reached may soon be back.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
const STEP_LIMIT: Duration = Duration::from_secs(5);
/// `SSLRequest` of PostgreSQL's protocol: length and code. The answer is S or N.
const POSTGRES_TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A server whose certificate is checked.
#[derive(Debug, Clone)]
pub struct TlsPeer {
    /// Its name in metrics and logs.
    pub name: &'static str,
    pub host: String,
    pub port: u16,
    pub opening: Opening,
}

/// How a connection to a server begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Tls,
    /// Without TLS, until the server agrees to an `SSLRequest`.
    Postgres,
    /// TLS is off, so there is no certificate.
    Plain,
}

/// Checks at once and then every hour, or sooner after a failed check, until it is dropped.
pub async fn watch(peers: Vec<TlsPeer>) {
    loop {
        let mut wait = CHECK_INTERVAL;
        for server in peers.clone() {
            let peer = server.name;
            let checked = tokio::task::spawn_blocking(move || not_after(&server)).await;
            match checked.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
                Ok(not_after) => CertificateSeen { peer, not_after }.emit(),
                Err(ref error) => {
                    wait = RETRY_INTERVAL;
                    CertificateUnseen { peer, error }.emit();
                }
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// When the server's certificate expires, in Unix seconds; `None` without TLS.
pub fn not_after(peer: &TlsPeer) -> io::Result<Option<i64>> {
    let shown = Shown::by(peer)?;
    shown.map(|shown| shown.not_after()).transpose()
}

/// The certificates that a server showed, its own first.
pub struct Shown {
    host: ServerName<'static>,
    own: CertificateDer<'static>,
    others: Vec<CertificateDer<'static>>,
}

impl Shown {
    /// Asks the server; `None` without TLS.
    pub fn by(peer: &TlsPeer) -> io::Result<Option<Self>> {
        if peer.opening == Opening::Plain {
            return Ok(None);
        }
        let mut addresses = (peer.host.as_str(), peer.port).to_socket_addrs()?;
        let address = addresses
            .next()
            .ok_or_else(|| io::Error::other("the host has no address"))?;
        let mut stream = TcpStream::connect_timeout(&address, STEP_LIMIT)?;
        stream.set_read_timeout(Some(STEP_LIMIT))?;
        stream.set_write_timeout(Some(STEP_LIMIT))?;
        if peer.opening == Opening::Postgres && !agrees_to_tls(&mut stream)? {
            return Ok(None);
        }
        let host = ServerName::try_from(peer.host.clone()).map_err(io::Error::other)?;
        certificates(host, &mut stream).map(Some)
    }

    /// In Unix seconds.
    pub fn not_after(&self) -> io::Result<i64> {
        let (_rest, certificate) =
            x509_parser::parse_x509_certificate(&self.own).map_err(io::Error::other)?;
        Ok(certificate.validity().not_after.timestamp())
    }

    /// Whether it is for the name by which the server was asked.
    pub fn is_for_its_host(&self) -> bool {
        let parsed = ParsedCertificate::try_from(&self.own);
        parsed.is_ok_and(|parsed| verify_server_name(&parsed, &self.host).is_ok())
    }

    /// Why a client that trusts the machine's authorities refuses the server, if it does.
    pub fn refused(&self) -> Option<rustls::Error> {
        let mut trusted = RootCertStore::empty();
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider);
        let verifier = match verifier.build() {
            Ok(verifier) => verifier,
            Err(error) => return Some(rustls::Error::General(error.to_string())),
        };
        let (own, others) = (&self.own, &self.others);
        verifier
            .verify_server_cert(own, others, &self.host, &[], UnixTime::now())
            .err()
    }
}

fn agrees_to_tls(stream: &mut TcpStream) -> io::Result<bool> {
    stream.write_all(&POSTGRES_TLS_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"S")
}

/// What the server shows, even if the handshake fails: a server that requires a client certificate
/// refuses us only after it has sent its own.
fn certificates(host: ServerName<'static>, stream: &mut TcpStream) -> io::Result<Shown> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAnyCertificate(provider)))
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), host.clone()).map_err(io::Error::other)?;
    let outcome = connection.complete_io(stream);
    let owned = |certificate: &CertificateDer<'_>| certificate.clone().into_owned();
    match (connection.peer_certificates(), outcome) {
        (Some([own, others @ ..]), Ok(_) | Err(_)) => Ok(Shown {
            host,
            own: owned(own),
            others: others.iter().map(owned).collect(),
        }),
        (Some([]) | None, Err(error)) => Err(error),
        (Some([]) | None, Ok(_)) => Err(io::Error::other("the server sent no certificate")),
    }
}

/// No data is sent over this connection, and the dates of an invalid certificate are wanted too.
#[derive(Debug)]
struct AcceptAnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
