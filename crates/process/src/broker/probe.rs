//! Signs of life. A broker that answers heartbeats and nothing else looks like one without messages, and
//! it never answers an acknowledgement. So we ask it for something small again and again.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use lapin::Channel;
use lapin::options::BasicQosOptions;
use tokio::time::Instant;

use super::connect::{BrokerError, step};

const INTERVAL: Duration = Duration::from_secs(10);

type Answer = Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send>>;

/// Asks on one channel. An answer proves that the broker has read everything that was sent on the channel
/// before, because it handles the frames of a channel in order. The question is to set the prefetch that
/// the channel has anyway: this needs no right, changes nothing, and no queue or alarm delays its answer.
/// A connection that published during an alarm is not asked: the broker reads nothing from it.
pub struct Probe {
    channel: Channel,
    prefetch: u16,
    next: Next,
}

enum Next {
    Ask(Instant),
    Wait(Answer),
}

impl Probe {
    pub fn new(channel: &Channel, prefetch: u16) -> Self {
        Self {
            channel: channel.clone(),
            prefetch,
            next: Next::Ask(Instant::now() + INTERVAL),
        }
    }

    /// Asks until an answer is missing or an error. Safe to drop and call again: an open question stays,
    /// and an answer that has arrived meanwhile counts even if its time limit has passed.
    pub async fn failure(&mut self) -> BrokerError {
        loop {
            self.next = match &mut self.next {
                Next::Ask(due) => {
                    tokio::time::sleep_until(*due).await;
                    Next::Wait(Box::pin(ask(self.channel.clone(), self.prefetch)))
                }
                Next::Wait(answer) => {
                    let answer = answer.await;
                    self.next = Next::Ask(Instant::now() + INTERVAL);
                    match answer {
                        Ok(()) => continue,
                        Err(error) => return error,
                    }
                }
            }
        }
    }
}

async fn ask(channel: Channel, prefetch: u16) -> Result<(), BrokerError> {
    let question = channel.basic_qos(prefetch, BasicQosOptions::default());
    step("asked for a sign of life", question).await
}
