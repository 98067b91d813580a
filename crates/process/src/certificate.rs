//! How long the certificates of our servers are good: asked for now and then, because a certificate
//! that has ended says so by cutting off everything at once.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use crate::observe::{CertificateSeen, CertificateUnseen, Observable};

/// Certificates are renewed in days.
const ROUND: Duration = Duration::from_secs(3600);
/// A server that was away is asked again sooner.
const AGAIN: Duration = Duration::from_secs(60);
const STEP_LIMIT: Duration = Duration::from_secs(5);
/// `SSLRequest` of PostgreSQL's protocol: its length and its number; answered S or N.
const POSTGRES_TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A server that we may speak TLS with.
#[derive(Debug, Clone)]
pub struct TlsPeer {
    /// What metrics and logs call it.
    pub name: &'static str,
    pub host: String,
    pub port: u16,
    pub opening: Opening,
}

/// How a conversation with a server begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Tls,
    /// In the clear, with the question whether to go on in TLS.
    Postgres,
    /// TLS is off: there is no certificate.
    Plain,
}

/// Looks at once and then every hour, or sooner after a look that failed, until it is dropped.
pub async fn watch(peers: Vec<TlsPeer>) {
    loop {
        let mut wait = ROUND;
        for peer in peers.clone() {
            let name = peer.name;
            let looked = tokio::task::spawn_blocking(move || not_after(&peer)).await;
            match looked.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
                Ok(not_after_seconds) => CertificateSeen {
                    peer: name,
                    not_after_seconds,
                }
                .emit(),
                Err(error) => {
                    wait = AGAIN;
                    CertificateUnseen {
                        peer: name,
                        error: &error,
                    }
                    .emit();
                }
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// When the server's certificate ends, in Unix time; `None` where there is no TLS.
pub fn not_after(peer: &TlsPeer) -> io::Result<Option<i64>> {
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
    let certificate = first_certificate(&peer.host, &mut stream)?;
    let (_rest, certificate) =
        x509_parser::parse_x509_certificate(&certificate).map_err(io::Error::other)?;
    Ok(Some(certificate.validity().not_after.timestamp()))
}

fn agrees_to_tls(stream: &mut TcpStream) -> io::Result<bool> {
    stream.write_all(&POSTGRES_TLS_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"S")
}

/// The server's own certificate, whatever comes of the handshake: one that asks for ours refuses us
/// only after it has shown its own.
fn first_certificate(host: &str, stream: &mut TcpStream) -> io::Result<CertificateDer<'static>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OnlyLooking(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let outcome = connection.complete_io(stream);
    let shown = connection
        .peer_certificates()
        .and_then(|chain| chain.first());
    match (shown, outcome) {
        (Some(certificate), Ok(_) | Err(_)) => Ok(certificate.clone().into_owned()),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::other("the server showed no certificate")),
    }
}

/// Nothing is sent over this connection, and a certificate that is not good any more is just what
/// is looked for.
#[derive(Debug)]
struct OnlyLooking(Arc<CryptoProvider>);

impl ServerCertVerifier for OnlyLooking {
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
