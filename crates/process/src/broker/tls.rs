//! TLS with the broker: the trusted authorities, our certificate, and errors as one sentence.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use secrecy::SecretSlice;

use crate::declare_settings;
use crate::environment::{Environment, SettingError};

declare_settings! {
    pub const SETTINGS;
    /// with `amqps://`: a file of the certificate authorities that are trusted, PEM; see [TLS](tls.md)
    const CA_FILE: Optional = "AMQP_CA_FILE" { absent: "the machine's authorities" };
    /// with `amqps://`: a file of our certificate, PEM
    const CERTIFICATE_FILE: Optional = "AMQP_CERTIFICATE_FILE" { absent: "no certificate" };
    /// with `amqps://`: the file of the certificate's key, PEM
    const KEY_FILE: Optional = "AMQP_KEY_FILE" { absent: "no certificate" };
}

const CA: &str = CA_FILE.name;
const CERTIFICATE: &str = CERTIFICATE_FILE.name;
const KEY: &str = KEY_FILE.name;

/// The files for TLS with the broker. They are read again for every connection, so that a renewed
/// certificate is used from the next connection on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerTls {
    /// The trusted authorities; `None` for those of the machine.
    ca: Option<PathBuf>,
    /// Our certificate with its intermediates, and its key.
    identity: Option<(PathBuf, PathBuf)>,
}

/// Why TLS failed, as one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsProblem(String);

/// The content of the files.
#[derive(Debug)]
pub struct Material {
    pub roots: Vec<CertificateDer<'static>>,
    pub identity: Option<Identity>,
}

/// Our certificate and its key.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// The content of the key's file, for libraries that parse PEM themselves.
    pub key_pem: SecretSlice<u8>,
}

impl BrokerTls {
    /// Reads the settings, and the files once, so that a wrong file is reported at the start.
    pub(super) fn from_environment(
        environment: &Environment,
        is_tls: bool,
    ) -> Result<Self, SettingError> {
        let path = |name| environment.text(name).map(PathBuf::from);
        for name in [CA, CERTIFICATE, KEY] {
            if path(name).is_some() && !is_tls {
                let problem = "is set, and AMQP_URL does not begin with amqps://";
                return Err(SettingError::new(name, problem));
            }
        }
        let missing = |name, other| {
            let problem = format!("must be set with {other}");
            Err(SettingError::new(name, problem))
        };
        let identity = match (path(CERTIFICATE), path(KEY)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return missing(KEY, CERTIFICATE),
            (None, Some(_)) => return missing(CERTIFICATE, KEY),
        };
        let tls = Self {
            ca: path(CA),
            identity,
        };
        if let Some(ca) = &tls.ca {
            certificates(CA, ca)?;
        }
        if let Some((certificate, key)) = &tls.identity {
            pair(certificate, key)?;
        }
        Ok(tls)
    }

    /// Reads the files.
    pub fn read(&self) -> Result<Material, TlsProblem> {
        let problem = |wrong: SettingError| TlsProblem(wrong.to_string());
        let roots = match &self.ca {
            Some(ca) => certificates(CA, ca).map_err(problem)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let identity = match &self.identity {
            Some((certificate, key)) => Some(pair(certificate, key).map_err(problem)?),
            None => None,
        };
        Ok(Material { roots, identity })
    }

    pub(super) fn client_config(&self) -> Result<ClientConfig, TlsProblem> {
        let Material { roots, identity } = self.read()?;
        let mut trusted = RootCertStore::empty();
        trusted.add_parsable_certificates(roots);
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsProblem(error.to_string()))?
            .with_root_certificates(trusted);
        match identity {
            None => Ok(builder.with_no_client_auth()),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain, identity.key)
                .map_err(|error| TlsProblem(format!("{CERTIFICATE} and {KEY}: {error}"))),
        }
    }

    /// The sentence for a connection error with `host`; `None` unless TLS caused it.
    pub fn problem(&self, host: &str, error: &(dyn Error + 'static)) -> Option<TlsProblem> {
        let sentence = match cause_of(error)? {
            Cause::Tls(error) => self.sentence(host, &error),
            // Before TLS 1.3, and when the connection ends before the alert has arrived.
            Cause::ConnectionClosed if self.identity.is_none() => format!(
                "the server closed the connection at once: if it requires a client certificate, set \
                 {CERTIFICATE} and {KEY}"
            ),
            Cause::ConnectionClosed => format!(
                "the server closed the connection at once: see its log for whether it rejects the \
                 certificate in {CERTIFICATE}"
            ),
        };
        Some(TlsProblem(sentence))
    }

    fn sentence(&self, host: &str, error: &rustls::Error) -> String {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library has many errors; those with a remedy get a sentence of ours"
        )]
        match error {
            rustls::Error::InvalidCertificate(wrong) => self.about_certificate(host, wrong),
            rustls::Error::InvalidMessage(_) => {
                "the server does not speak TLS on this port: use its TLS port (5671), or an address \
                 without TLS"
                    .to_owned()
            }
            rustls::Error::AlertReceived(alert) => self.about_alert(*alert),
            other => format!("TLS does not work: {other}"),
        }
    }

    fn about_certificate(&self, host: &str, wrong: &CertificateError) -> String {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library has many errors; those with a remedy get a sentence of ours"
        )]
        match wrong {
            CertificateError::UnknownIssuer => match &self.ca {
                Some(ca) => format!(
                    "the server's certificate was not issued by the authority in {CA} ({}): put the \
                     one that issued it there",
                    ca.display()
                ),
                None => format!(
                    "the server's certificate is of an authority that this machine does not trust: \
                     put that authority's certificate in {CA}"
                ),
            },
            CertificateError::NotValidForName => format!(
                "the server's certificate is not valid for {host}: use a name that it has, or have it \
                 issued for this one"
            ),
            CertificateError::NotValidForNameContext { presented, .. } => format!(
                "the server's certificate is not valid for {host} but for {}: use a name that it has, \
                 or have it issued for this one",
                presented.join(", ")
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it at the server".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: check the clocks of both machines"
                    .to_owned()
            }
            other => format!("the server's certificate cannot be used: {other}"),
        }
    }

    fn about_alert(&self, alert: AlertDescription) -> String {
        let is_missing = alert == AlertDescription::CertificateRequired
            || (alert == AlertDescription::HandshakeFailure && self.identity.is_none());
        if is_missing {
            format!("the server requires a client certificate: set {CERTIFICATE} and {KEY}")
        } else {
            format!(
                "the server rejects the certificate in {CERTIFICATE} ({alert:?}): renew it, or have \
                 the server trust its authority"
            )
        }
    }
}

enum Cause {
    Tls(rustls::Error),
    ConnectionClosed,
}

/// The TLS cause of an error, which libraries wrap in errors of their own.
fn cause_of(error: &(dyn Error + 'static)) -> Option<Cause> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(Cause::Tls(found.clone()));
        }
        let io = error.downcast_ref::<io::Error>();
        let io = io.or_else(|| error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref));
        if let Some(io) = io {
            if let Some(inner) = io.get_ref() {
                return cause_of(inner);
            }
            let is_closed = matches!(
                io.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            );
            return is_closed.then_some(Cause::ConnectionClosed);
        }
        next = error.source();
    }
    None
}

fn read_file(name: &str, path: &Path) -> Result<Vec<u8>, SettingError> {
    std::fs::read(path).map_err(|error| {
        let path = path.display();
        let problem = format!("names a file that cannot be read ({path}): {error}");
        SettingError::new(name, problem)
    })
}

fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let content = read_file(name, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => {
            let path = path.display();
            let problem = format!("names a file without a PEM certificate ({path})");
            Err(SettingError::new(name, problem))
        }
    }
}

/// A certificate and its key. They do not match while only one of them has been renewed.
fn pair(certificate: &Path, key: &Path) -> Result<Identity, SettingError> {
    let chain = certificates(CERTIFICATE, certificate)?;
    let content = read_file(KEY, key)?;
    let private = PrivateKeyDer::from_pem_slice(&content).map_err(|_unreadable| {
        let key = key.display();
        SettingError::new(KEY, format!("names a file without a PEM key ({key})"))
    })?;
    let provider = ring::default_provider();
    rustls::sign::CertifiedKey::from_der(chain.clone(), private.clone_key(), &provider).map_err(
        |error| SettingError::new(KEY, format!("is not the key of {CERTIFICATE}: {error}")),
    )?;
    Ok(Identity {
        chain,
        key: private,
        key_pem: content.into(),
    })
}
