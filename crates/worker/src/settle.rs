//! Settles messages with the broker. Only this file acknowledges messages, and only after the commit.
//! The broker delivers an unsettled message again, and its event is then found in the ledger.

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::BasicAckOptions;
use paynow_process::broker::connect::step;
use paynow_process::broker::{BrokerError, PublishError};

use crate::consume::Batch;
use crate::disposition::Disposition;
use crate::handoff::Handoff;

#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("an event could not be handed off to the retry ladder or the dead letters")]
    NotHandedOff(#[source] PublishError),
}

/// Settles a batch. On an error the unsettled messages stay with the broker.
pub async fn settle(
    channel: &Channel,
    batch: &Batch,
    dispositions: &[Disposition],
    handoff: &Handoff,
) -> Result<(), SettleError> {
    let pairs = batch.messages.iter().zip(dispositions);
    let handed_off = pairs.map(|(message, disposition)| async move {
        match disposition {
            Disposition::Ack => Ok(()),
            Disposition::RetryLater(failure) => handoff.retry_later(message, failure).await,
            Disposition::AskPayNow(_, failure) => handoff.await_paynow(message, failure).await,
            Disposition::DeadLetter(failure) => handoff.dead_letter(message, failure).await,
        }
    });
    let results = join_all(handed_off).await;
    match results.iter().find_map(|result| result.err()) {
        None => {
            ack_all(channel, batch).await?;
            note_ends(batch, dispositions, handoff);
            Ok(())
        }
        Some(error) => {
            let tags = batch.delivery_tags.iter().zip(&results);
            for (tag, _ok) in tags.filter(|(_tag, result)| result.is_ok()) {
                ack(channel, *tag, false).await?;
            }
            Err(SettleError::NotHandedOff(error))
        }
    }
}

/// The events of these messages do not wait on the ladder any more.
fn note_ends(batch: &Batch, dispositions: &[Disposition], handoff: &Handoff) {
    let pairs = batch.messages.iter().zip(dispositions);
    for (message, _ack) in pairs.filter(|(_message, disposition)| disposition.is_ack()) {
        handoff.waiting.over(message);
    }
}

/// Acknowledges a whole batch with its last tag, which covers all earlier tags of the channel. This is
/// correct only because a lane settles its batches in order.
async fn ack_all(channel: &Channel, batch: &Batch) -> Result<(), BrokerError> {
    match batch.delivery_tags.last() {
        Some(tag) => ack(channel, *tag, true).await,
        None => Ok(()),
    }
}

/// Acknowledges one message, or all up to it on its channel.
pub(crate) async fn ack(channel: &Channel, tag: u64, multiple: bool) -> Result<(), BrokerError> {
    step(
        "acknowledged",
        channel.basic_ack(tag, BasicAckOptions { multiple }),
    )
    .await
}
