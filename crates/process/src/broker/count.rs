//! Asks queues themselves what they have, which needs no right and disturbs nothing: what the management API
//! shows is some seconds old.

use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::connect::{BrokerAddress, BrokerError, Link, step};
use super::trial::on_own_runtime;

/// What a queue has at the moment of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Messages that no consumer has yet.
    pub ready: u64,
    pub consumers: u64,
}

/// Connects, and asks one queue after the other. All must exist. Do not call it within a runtime.
pub fn count(
    address: &BrokerAddress,
    name: &str,
    queues: &[&str],
) -> Result<Vec<Counted>, BrokerError> {
    on_own_runtime(async {
        let mut link = Link::open(address, name).await?;
        let counted = ask_all(&mut link, queues).await;
        link.close().await;
        counted
    })
}

async fn ask_all(link: &mut Link, queues: &[&str]) -> Result<Vec<Counted>, BrokerError> {
    let channel = link.channel().await?;
    let mut counted = Vec::with_capacity(queues.len());
    for queue in queues {
        counted.push(ask(&channel, queue).await?);
    }
    Ok(counted)
}

/// A passive declaration makes no queue.
async fn ask(channel: &Channel, queue: &str) -> Result<Counted, BrokerError> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
    let queue = step("asked a queue what it has", declared).await?;
    Ok(Counted {
        ready: queue.message_count().into(),
        consumers: queue.consumer_count().into(),
    })
}
