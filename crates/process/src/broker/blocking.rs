//! Publishing for a program without a runtime of its own: each call waits for its confirms.

use std::time::Duration;

use futures_util::future::join_all;
use paynow_shared::topology::DEFAULT_EXCHANGE;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connect::BrokerAddress;
use super::job::{Confirmed, Outgoing, PublishError};
use super::lane::PublisherSettings;
use super::publisher::Publisher;
use crate::interrupt::Interrupt;

/// Of one call: enough that the broker writes them together, few enough to end soon.
pub const AT_ONCE_MAX: usize = 100;
/// A first connection takes milliseconds; the lane itself would try for ever.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);
/// A message on its way gets this long for its confirm when the process is asked to end.
const LAST_CONFIRM_LIMIT: Duration = Duration::from_secs(1);
/// The goodbye has limits of its own; this one is for what they do not see.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Why there is no publisher.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("no thread could be started for the broker's connection")]
    NoRuntime(#[source] std::io::Error),
    #[error("the broker cannot be published to")]
    NotReady(#[source] PublishError),
}

/// A [`Publisher`] with one lane and the runtime it lives on. Never opened within a runtime.
pub struct BlockingPublisher {
    runtime: Runtime,
    publisher: Publisher,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl BlockingPublisher {
    /// Connects, and waits until a publish has a chance, or until the interrupt.
    pub fn open(
        address: &BrokerAddress,
        name: &'static str,
        interrupt: &Interrupt,
    ) -> Result<Self, OpenError> {
        // A thread that goes on between the calls: the connection has heartbeats to answer.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(OpenError::NoRuntime)?;
        let settings = PublisherSettings {
            address: address.clone(),
            name,
            exchange: DEFAULT_EXCHANGE,
            lanes: 1,
            timeout: PUBLISH_LIMIT,
            in_flight_max: AT_ONCE_MAX,
            wait_max: None,
        };
        let stop = CancellationToken::new();
        let (publisher, tasks) = runtime.block_on(async { Publisher::start(&settings, &stop) });
        runtime
            .block_on(ready(&publisher, interrupt))
            .map_err(OpenError::NotReady)?;
        Ok(Self {
            runtime,
            publisher,
            tasks,
            stop,
        })
    }

    /// Publishes at most [`AT_ONCE_MAX`] messages together and waits for their confirms, not for long
    /// once there is an interrupt. One answer per message, in order; anything but `Ok` means: not
    /// known to be stored.
    pub fn publish(
        &self,
        messages: Vec<Outgoing>,
        interrupt: &Interrupt,
    ) -> Vec<Result<Confirmed, PublishError>> {
        let publish = async |message| {
            let out_of_patience = async {
                interrupt.comes().await;
                tokio::time::sleep(LAST_CONFIRM_LIMIT).await;
            };
            tokio::select! {
                outcome = self.publisher.publish(message) => outcome,
                () = out_of_patience => Err(PublishError::TimedOut),
            }
        };
        self.runtime
            .block_on(join_all(messages.into_iter().map(publish)))
    }

    /// Says goodbye if that is possible in time; the connection is gone either way.
    pub fn close(mut self) {
        self.stop.cancel();
        let goodbye = async {
            let all = async { while self.tasks.join_next().await.is_some() {} };
            let _too_late = tokio::time::timeout(CLOSE_LIMIT, all).await;
        };
        self.runtime.block_on(goodbye);
        self.runtime.shutdown_background();
    }
}

async fn ready(publisher: &Publisher, interrupt: &Interrupt) -> Result<(), PublishError> {
    let deadline = tokio::time::Instant::now() + OPEN_LIMIT;
    loop {
        match publisher.ready() {
            Ok(()) => return Ok(()),
            Err(error)
                if tokio::time::Instant::now() >= deadline || interrupt.asked().is_some() =>
            {
                return Err(error);
            }
            Err(_not_yet) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
