//! One batch on one channel: publish all, await every confirm, then give each its own answer.

use std::collections::HashSet;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};

use super::message::properties;
use super::publisher::{Confirmed, Job, Outgoing, PublishError};

/// More in one batch gains nothing measurable and makes the first wait for the last.
pub(super) const BATCH_MAX: usize = 128;

/// Publishes the batch; one answer per job, in order. An error ends the channel, and what was
/// already sent is then unknown.
///
/// lapin glues a returned message to whichever confirm resolves next, so a return says nothing
/// about that confirm. Every return comes before its own confirm, though: after the last confirm
/// of the batch none is missing, and `message_id` tells whose it is.
pub(super) async fn publish_batch(
    channel: &Channel,
    batch: &[Job],
) -> lapin::Result<Vec<Result<Confirmed, PublishError>>> {
    let mut confirms = Vec::with_capacity(batch.len());
    for job in batch {
        confirms.push(send(channel, &job.message).await?);
    }
    let mut clean_acks = Vec::with_capacity(batch.len());
    let mut returned = HashSet::new();
    for confirm in confirms {
        let (acked, message) = match confirm.await? {
            Confirmation::Ack(message) => (true, message),
            Confirmation::Nack(message) => (false, message),
            // Without `confirm_select` nothing is known; never the case, and never a success.
            Confirmation::NotRequested => (false, None),
        };
        clean_acks.push(acked);
        returned.extend(message.and_then(|message| message_id(&message.delivery.properties)));
    }
    let answer =
        |(acked, job): (bool, &Job)| match (acked, returned.contains(&job.message.message_id)) {
            (true, false) => Ok(Confirmed(())),
            (false, false) => Err(PublishError::Nacked),
            (true | false, true) => Err(PublishError::Returned),
        };
    Ok(clean_acks.into_iter().zip(batch).map(answer).collect())
}

async fn send(channel: &Channel, message: &Outgoing) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    channel
        .basic_publish(
            message.exchange.into(),
            message.routing_key.as_str().into(),
            options,
            &message.body,
            properties(
                &message.message_id,
                message.event_type.as_ref(),
                &message.headers,
            ),
        )
        .await
}

fn message_id(properties: &BasicProperties) -> Option<String> {
    properties
        .message_id()
        .as_ref()
        .map(|id| id.as_str().to_owned())
}
