//! A connection to the broker and its events.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use lapin::runtime::default_runtime;
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, Event};
use secrecy::{ExposeSecret, SecretString};

use super::socket::{SocketGuard, SocketHandle};
use super::tls::{BrokerTls, TlsProblem};
use crate::certificate::{Opening, TlsPeer};
use crate::declare_settings;
use crate::environment::{Environment, SettingError};

declare_settings! {
    pub const SETTINGS;
    /// the broker, `amqp://<user>:<password>@host:5672/%2f`, or `amqps://` with [TLS](tls.md)
    pub const URL: Secret = "AMQP_URL" { absent: None };
}

/// For each exchange with the broker; it should take milliseconds.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// An orderly close is optional: a blocked connection cannot send one.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// RabbitMQ advises 5 to 20 s. After two missed heartbeats the peer counts as gone.
const HEARTBEAT_SECONDS: u16 = 10;
/// AMQP's code for an orderly close.
const REPLY_SUCCESS: u16 = 200;

/// The address of the broker. It contains the password, so `Debug` prints host and port only.
#[derive(Clone)]
pub struct BrokerAddress {
    uri: AMQPUri,
    tls: BrokerTls,
}

impl BrokerAddress {
    /// Reads `AMQP_URL`: `amqp://` or `amqps://`; with the latter also `AMQP_CA_FILE`,
    /// `AMQP_CERTIFICATE_FILE` and `AMQP_KEY_FILE`.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let url: SecretString = environment.required_secret(&URL)?;
        let mut uri: AMQPUri = url.expose_secret().parse().map_err(|reason: String| {
            SettingError::new(URL.name, format!("is no AMQP address: {reason}"))
        })?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let tls = BrokerTls::from_environment(environment, uri.scheme == AMQPScheme::AMQPS)?;
        Ok(Self { uri, tls })
    }

    pub fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    pub fn host(&self) -> &str {
        &self.uri.authority.host
    }

    pub fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }

    /// The TLS settings, for AMQP and for the management API.
    pub fn tls(&self) -> &BrokerTls {
        &self.tls
    }

    /// For checking when the certificate of the broker expires.
    pub fn tls_peer(&self) -> TlsPeer {
        TlsPeer {
            name: "broker",
            host: self.host().to_owned(),
            port: self.uri.authority.port,
            opening: match self.uri.scheme {
                AMQPScheme::AMQP => Opening::Plain,
                AMQPScheme::AMQPS => Opening::Tls,
            },
        }
    }

    /// The password, for the management API, which has the same users.
    pub fn password(&self) -> &str {
        &self.uri.authority.userinfo.password
    }
}

impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.uri.authority;
        write!(f, "BrokerAddress({}:{})", authority.host, authority.port)
    }
}

/// Why an exchange with the broker failed.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("the broker did not answer in time while we {doing}")]
    TimedOut { doing: &'static str },
    #[error("the broker refused while we {doing}")]
    Refused {
        doing: &'static str,
        source: lapin::Error,
    },
    #[error("no TLS with the broker")]
    Tls(#[source] TlsProblem),
    #[error("the connection to the broker ended")]
    Ended,
}

/// Runs one step under the time limit.
pub async fn step<T>(
    doing: &'static str,
    future: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(STEP_LIMIT, future).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(BrokerError::Refused { doing, source }),
        Err(_elapsed) => Err(BrokerError::TimedOut { doing }),
    }
}

/// An event of a connection that we did not cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    /// The broker blocks this connection for now (memory or disk alarm).
    Blocked,
    Unblocked,
    /// The connection is gone.
    Ended,
}

/// An open connection and its only event listener: two listeners would each miss events.
pub struct Link {
    connection: Connection,
    events: BoxStream<'static, Event>,
    /// Kept until the connection is closed: a channel whose last handle is dropped closes itself, and
    /// when that meets the connection's close, lapin logs an error.
    channels: Vec<Channel>,
    _ends_socket: SocketGuard,
}

impl Link {
    /// Connects once. `name` is the connection's name at the broker.
    pub async fn open(address: &BrokerAddress, name: &str) -> Result<Self, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let tls = match address.uri.scheme {
            AMQPScheme::AMQP => None,
            AMQPScheme::AMQPS => Some(address.tls.client_config().map_err(BrokerError::Tls)?),
        };
        let socket = SocketHandle::default();
        // Dropped with this function, so a broker that leaves its greeting out holds no thread either.
        let ends_socket = SocketGuard(socket.clone());
        let connect = connect(address, tls.map(RustlsConnector::from), socket, properties);
        let connected = step("connected", connect).await;
        let connection = connected.map_err(|error| {
            let problem = match address.uri.scheme {
                AMQPScheme::AMQP => None,
                AMQPScheme::AMQPS => address.tls.problem(address.host(), &error),
            };
            problem.map_or(error, BrokerError::Tls)
        })?;
        let events = connection.events_listener().boxed();
        Ok(Self {
            connection,
            events,
            channels: Vec::new(),
            _ends_socket: ends_socket,
        })
    }

    pub async fn channel(&mut self) -> Result<Channel, BrokerError> {
        let channel = step("opened a channel", self.connection.create_channel()).await?;
        self.channels.push(channel.clone());
        Ok(channel)
    }

    /// Waits for the next event.
    pub async fn next_event(&mut self) -> LinkEvent {
        loop {
            match self.events.next().await {
                Some(Event::ConnectionBlocked(_reason)) => return LinkEvent::Blocked,
                Some(Event::ConnectionUnblocked) => return LinkEvent::Unblocked,
                // RabbitMQ does not use channel flow, and the channel's user notices its error.
                Some(_other) if self.connection.status().connected() => {}
                Some(_) | None => return LinkEvent::Ended,
            }
        }
    }

    /// Closes the connection, in an orderly way if that succeeds in time.
    pub async fn close(self) {
        let close = self.connection.close(REPLY_SUCCESS, "done".into());
        let _too_late = tokio::time::timeout(CLOSE_LIMIT, close).await;
    }
}

/// Connects over our own socket. lapin's own TLS trusts the machine's authorities in addition to the
/// configured one; ours does not.
async fn connect(
    address: &BrokerAddress,
    tls: Option<RustlsConnector>,
    socket: SocketHandle,
    properties: ConnectionProperties,
) -> lapin::Result<Connection> {
    let host = address.host().to_owned();
    Connection::connector(
        address.uri.clone(),
        default_runtime()?,
        async move |mut uri: AMQPUri, runtime| {
            uri.scheme = AMQPScheme::AMQP;
            // lapin waits for it in a thread that outlives our own time limit.
            let connected = tokio::time::timeout(STEP_LIMIT, uri.connect_async(&runtime));
            let late = |_elapsed| io::Error::from(io::ErrorKind::TimedOut);
            let stream = connected.await.map_err(late)??;
            if let AsyncTcpStream::Plain(plain) = &stream {
                socket.keep(plain.get_ref())?;
            }
            match &tls {
                Some(connector) => Ok(stream.into_rustls(connector, &host).await?),
                None => Ok(stream),
            }
        },
        properties,
    )
    .await
}
