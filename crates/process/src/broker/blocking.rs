//! Publishing for a program without a runtime: each call waits for its confirms.

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

/// Messages per call: enough for the broker to write them together, few enough to finish soon.
pub const AT_ONCE_MAX: usize = 100;
/// A first connection takes milliseconds; without a limit the lane tries for ever.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
const READY_CHECK_INTERVAL: Duration = Duration::from_millis(20);
const PUBLISH_LIMIT: Duration = Duration::from_secs(10);
/// How long a sent message may wait for its confirm after an interrupt.
const LAST_CONFIRM_LIMIT: Duration = Duration::from_secs(1);
/// Closing a connection has a time limit of its own; this one is for everything else.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Why there is no publisher.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("no thread could be started for the broker's connection")]
    NoRuntime(#[source] std::io::Error),
    #[error("the broker cannot be published to")]
    NotReady(#[source] PublishError),
}

/// A [`Publisher`] with one lane, and its runtime. Do not open it within a runtime.
pub struct BlockingPublisher {
    runtime: Runtime,
    publisher: Publisher,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl BlockingPublisher {
    /// Connects and waits until the lane can publish. Fails after 15 seconds or at an interrupt.
    pub fn open(
        address: &BrokerAddress,
        name: &'static str,
        interrupt: &Interrupt,
    ) -> Result<Self, OpenError> {
        // A thread that runs between the calls too, because the connection must answer heartbeats.
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
        let ready = runtime.block_on(wait_until_ready(&publisher, interrupt));
        let opened = Self {
            runtime,
            publisher,
            tasks,
            stop,
        };
        match ready {
            Ok(()) => Ok(opened),
            Err(error) => {
                opened.close();
                Err(OpenError::NotReady(error))
            }
        }
    }

    /// Publishes at most [`AT_ONCE_MAX`] messages together and waits for their confirms, but only briefly
    /// after an interrupt. Returns one answer per message, in order; a message with an error is not
    /// known to be stored.
    pub fn publish(
        &self,
        messages: Vec<Outgoing>,
        interrupt: &Interrupt,
    ) -> Vec<Result<Confirmed, PublishError>> {
        let publish = async |message| {
            let interrupted = async {
                interrupt.signalled().await;
                tokio::time::sleep(LAST_CONFIRM_LIMIT).await;
            };
            tokio::select! {
                outcome = self.publisher.publish(message) => outcome,
                () = interrupted => Err(PublishError::TimedOut),
            }
        };
        self.runtime
            .block_on(join_all(messages.into_iter().map(publish)))
    }

    /// Closes the connection, in an orderly way if that succeeds in time.
    pub fn close(mut self) {
        self.stop.cancel();
        let close = async {
            let all = async { while self.tasks.join_next().await.is_some() {} };
            let _too_late = tokio::time::timeout(CLOSE_LIMIT, all).await;
        };
        self.runtime.block_on(close);
        self.runtime.shutdown_background();
    }
}

async fn wait_until_ready(
    publisher: &Publisher,
    interrupt: &Interrupt,
) -> Result<(), PublishError> {
    let deadline = tokio::time::Instant::now() + OPEN_LIMIT;
    loop {
        match publisher.ready() {
            Ok(()) => return Ok(()),
            Err(error)
                if tokio::time::Instant::now() >= deadline || interrupt.asked().is_some() =>
            {
                return Err(error);
            }
            Err(_not_yet) => tokio::time::sleep(READY_CHECK_INTERVAL).await,
        }
    }
}
