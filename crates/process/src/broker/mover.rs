//! Moves messages from one queue to another, each with its bytes, properties and headers. A message is
//! acknowledged only after the broker has confirmed its copy, so whatever ends a move loses none; one may
//! then be there twice.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Acker, BasicProperties, Channel, Confirmation, ErrorKind};
use paynow_shared::topology::DEFAULT_EXCHANGE;
use paynow_shared::wire::Headers;
use tokio::runtime::{Builder, Runtime};

use super::connect::{BrokerAddress, BrokerError, Link, step};
use super::job::PublishError;
use super::message::headers;

const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
const ACCESS_REFUSED: u16 = 403;
/// What a quorum queue counts itself: the copy is a message of its own.
const COUNTED_BY_THE_BROKER: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// Why messages could not be taken or given.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("no thread could be started for the broker's connection")]
    NoRuntime(#[source] std::io::Error),
    #[error("the broker's user {user} may not read the queue {queue}")]
    Denied { user: String, queue: &'static str },
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("a copy could not be stored, so its message stays where it was")]
    NotStored(#[source] PublishError),
}

/// A message that was taken: it returns to its queue unless it is given.
#[derive(Debug)]
pub struct Taken {
    pub message_id: Option<String>,
    pub event_type: Option<String>,
    pub headers: Headers,
    pub routing_key: String,
    pub body: Vec<u8>,
    properties: BasicProperties,
    acker: Acker,
}

impl Taken {
    fn of(delivery: Delivery) -> Self {
        let properties = delivery.properties;
        let text =
            |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().to_owned());
        Self {
            message_id: text(properties.message_id()),
            event_type: text(properties.kind()),
            headers: headers(&properties),
            routing_key: delivery.routing_key.as_str().to_owned(),
            body: delivery.data,
            properties,
            acker: delivery.acker,
        }
    }

    fn properties(&self) -> BasicProperties {
        let properties = self.properties.clone();
        let Some(table) = properties.headers() else {
            return properties;
        };
        let kept = table.inner().iter();
        let kept = kept.filter(|(name, _value)| !COUNTED_BY_THE_BROKER.contains(&name.as_str()));
        let kept: FieldTable = kept
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>()
            .into();
        properties.with_headers(kept)
    }
}

/// Two connections, because a broker that blocks publishers also stops reading their connection.
/// Do not open it within a runtime.
pub struct Mover {
    runtime: Runtime,
    takes: (Link, Channel),
    gives: (Link, Channel),
    user: String,
    from: &'static str,
}

impl Mover {
    pub fn open(
        address: &BrokerAddress,
        name: &str,
        from: &'static str,
    ) -> Result<Self, MoveError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(MoveError::NoRuntime)?;
        let (takes, gives) = runtime.block_on(async {
            let takes = side(address, name).await?;
            let gives = side(address, name).await?;
            let confirms = gives.1.confirm_select(ConfirmSelectOptions::default());
            step("asked for confirms", confirms).await?;
            Ok::<_, BrokerError>((takes, gives))
        })?;
        let user = address.user().to_owned();
        Ok(Self {
            runtime,
            takes,
            gives,
            user,
            from,
        })
    }

    /// Takes the first message, with the number of those that are behind it; `None` from an empty queue.
    pub fn take(&self) -> Result<Option<(Taken, u32)>, MoveError> {
        let (_link, channel) = &self.takes;
        let get = channel.basic_get(self.from.into(), BasicGetOptions::default());
        let taken = self.runtime.block_on(step("took a message", get));
        match taken {
            Ok(taken) => Ok(taken.map(|message| {
                let behind = message.message_count;
                (Taken::of(message.delivery), behind)
            })),
            Err(BrokerError::Refused { source, .. }) if is_denial(&source) => {
                Err(MoveError::Denied {
                    user: self.user.clone(),
                    queue: self.from,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Publishes copies to a queue, and acknowledges the messages once all copies are confirmed. After an
    /// error none is acknowledged, though some copies may be stored.
    pub fn give(&self, messages: &[Taken], to: &str) -> Result<(), MoveError> {
        self.runtime.block_on(async {
            let copies = join_all(messages.iter().map(|message| self.publish(message, to)));
            let confirms = tokio::time::timeout(CONFIRM_LIMIT, copies).await;
            let confirms =
                confirms.map_err(|_elapsed| MoveError::NotStored(PublishError::TimedOut))?;
            // A message that comes back may be attached to the confirm of another one.
            for confirm in confirms {
                stored(confirm).map_err(MoveError::NotStored)?;
            }
            crate::fault_point!("after_move_confirm");
            for message in messages {
                let acknowledge = message.acker.ack(BasicAckOptions::default());
                step("acknowledged a message", acknowledge).await?;
            }
            Ok(())
        })
    }

    async fn publish(&self, message: &Taken, to: &str) -> lapin::Result<Confirmation> {
        let (_link, channel) = &self.gives;
        let options = BasicPublishOptions {
            mandatory: true,
            immediate: false,
        };
        let sent = channel.basic_publish(
            DEFAULT_EXCHANGE.into(),
            to.into(),
            options,
            &message.body,
            message.properties(),
        );
        sent.await?.await
    }

    /// Closes the connections. What was taken and not given returns to its queue.
    pub fn close(self) {
        let (takes, gives) = (self.takes, self.gives);
        self.runtime.block_on(async {
            takes.0.close().await;
            gives.0.close().await;
        });
        self.runtime.shutdown_background();
    }
}

async fn side(address: &BrokerAddress, name: &str) -> Result<(Link, Channel), BrokerError> {
    let mut link = Link::open(address, name).await?;
    let channel = link.channel().await?;
    Ok((link, channel))
}

fn stored(confirm: lapin::Result<Confirmation>) -> Result<(), PublishError> {
    match confirm {
        Ok(Confirmation::Ack(None)) => Ok(()),
        Ok(Confirmation::Ack(Some(_returned))) => Err(PublishError::Returned),
        // Without `confirm_select` nothing is confirmed; never a success.
        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => Err(PublishError::Nacked),
        Err(_lost) => Err(PublishError::Disconnected),
    }
}

fn is_denial(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == ACCESS_REFUSED)
}
