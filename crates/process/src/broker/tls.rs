//! TLS with the broker: whom we trust, who we are, and in one sentence why it did not work.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use secrecy::SecretSlice;

use crate::environment::{Environment, SettingError};

const CA: &str = "AMQP_CA_FILE";
const CERTIFICATE: &str = "AMQP_CERTIFICATE_FILE";
const KEY: &str = "AMQP_KEY_FILE";

/// The files with which we prove ourselves to the broker, and it to us. They are read anew for every
/// connection, so that what was renewed counts from the next one on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerTls {
    /// Whom we trust; without it, whom the machine trusts.
    ca: Option<PathBuf>,
    /// Our certificate, with what is between it and its authority, and its key.
    identity: Option<(PathBuf, PathBuf)>,
}

/// Why there is no TLS, as a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsProblem(String);

/// What the files say.
#[derive(Debug)]
pub struct Material {
    pub roots: Vec<CertificateDer<'static>>,
    pub identity: Option<Identity>,
}

/// Who we are.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// The key's file, for a library that reads it by itself.
    pub key_pem: SecretSlice<u8>,
}

impl BrokerTls {
    /// Reads the names of the files, and the files once: a wrong one is told at the start.
    pub(super) fn from_environment(
        environment: &Environment,
        is_tls: bool,
    ) -> Result<Self, SettingError> {
        let path = |name| environment.text(name).map(PathBuf::from);
        for name in [CA, CERTIFICATE, KEY] {
            if path(name).is_some() && !is_tls {
                return Err(SettingError::new(
                    name,
                    "is set, and AMQP_URL does not begin with amqps://",
                ));
            }
        }
        let identity = match (path(CERTIFICATE), path(KEY)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(SettingError::new(
                    KEY,
                    "must be set with AMQP_CERTIFICATE_FILE",
                ));
            }
            (None, Some(_)) => {
                return Err(SettingError::new(
                    CERTIFICATE,
                    "must be set with AMQP_KEY_FILE",
                ));
            }
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
        let told = |wrong: SettingError| TlsProblem(wrong.to_string());
        let roots = match &self.ca {
            Some(ca) => certificates(CA, ca).map_err(told)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let identity = match &self.identity {
            Some((certificate, key)) => Some(pair(certificate, key).map_err(told)?),
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

    /// The sentence for an error of a connection to `host`, where TLS is to blame.
    pub fn problem(&self, host: &str, error: &(dyn Error + 'static)) -> Option<TlsProblem> {
        let told = match cause_of(error)? {
            Cause::Tls(error) => self.sentence(host, &error),
            // Before TLS 1.3, and when its alert is overtaken by the end of the connection.
            Cause::BrokenOff if self.identity.is_none() => format!(
                "the server ended the connection at once: if it asks for a certificate of ours, set \
                 {CERTIFICATE} and {KEY}"
            ),
            Cause::BrokenOff => format!(
                "the server ended the connection at once: look in its log whether it takes the \
                 certificate in {CERTIFICATE}"
            ),
        };
        Some(TlsProblem(told))
    }

    fn sentence(&self, host: &str, error: &rustls::Error) -> String {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library has an error for everything; those with a remedy are told in our words"
        )]
        match error {
            rustls::Error::InvalidCertificate(wrong) => self.about_certificate(host, wrong),
            rustls::Error::InvalidMessage(_) => {
                "what answers there does not speak TLS: is the port \
                 the one for TLS (5671), or should the address begin without the s?"
                    .to_owned()
            }
            rustls::Error::AlertReceived(alert) => self.about_alert(*alert),
            other => format!("TLS does not work: {other}"),
        }
    }

    fn about_certificate(&self, host: &str, wrong: &CertificateError) -> String {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library has an error for everything; those with a remedy are told in our words"
        )]
        match wrong {
            CertificateError::UnknownIssuer => match &self.ca {
                Some(ca) => format!(
                    "the server's certificate is not of the authority in {CA} ({}): put in the one \
                     that issued it",
                    ca.display()
                ),
                None => format!(
                    "the server's certificate is of an authority that this machine does not trust: \
                     give that authority's certificate in {CA}"
                ),
            },
            CertificateError::NotValidForName => format!(
                "the server's certificate is not for {host}: use a name that it has, or have it \
                 issued for this one"
            ),
            CertificateError::NotValidForNameContext { presented, .. } => format!(
                "the server's certificate is not for {host} but for {}: use a name that it has, or \
                 have it issued for this one",
                presented.join(", ")
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has ended: renew it at the server".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: look at the clocks of both machines"
                    .to_owned()
            }
            other => format!("the server's certificate cannot be used: {other}"),
        }
    }

    fn about_alert(&self, alert: AlertDescription) -> String {
        let wants = alert == AlertDescription::CertificateRequired
            || (alert == AlertDescription::HandshakeFailure && self.identity.is_none());
        if wants {
            format!("the server asks for a certificate of ours: set {CERTIFICATE} and {KEY}")
        } else {
            format!(
                "the server does not take the certificate in {CERTIFICATE} ({alert:?}): renew it, or \
                 have the server trust its authority"
            )
        }
    }
}

enum Cause {
    Tls(rustls::Error),
    BrokenOff,
}

/// What of TLS is in an error; libraries wrap it in errors of their own.
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
            let is_broken_off = matches!(
                io.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            );
            return is_broken_off.then_some(Cause::BrokenOff);
        }
        next = error.source();
    }
    None
}

fn read_file(name: &str, path: &Path) -> Result<Vec<u8>, SettingError> {
    std::fs::read(path).map_err(|error| {
        let path = path.display();
        SettingError::new(
            name,
            format!("names a file we cannot read ({path}): {error}"),
        )
    })
}

fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let content = read_file(name, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => {
            let path = path.display();
            Err(SettingError::new(
                name,
                format!("names a file without a PEM certificate ({path})"),
            ))
        }
    }
}

/// A certificate and its key. While one of them was renewed and the other was not yet, they do not
/// belong together.
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
