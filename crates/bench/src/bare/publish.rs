//! The bare client's publisher: one connection, one channel, one task.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use paynow_process::broker::BrokerAddress;
use paynow_process::broker::message::properties;
use paynow_shared::event::EventType;
use paynow_shared::topology::{EVENTS_EXCHANGE, routing_key};
use paynow_shared::wire::Headers;

use crate::failure::{Doing, Result, ensure};
use crate::orders::Batch;
use crate::runtime::on_channel;

pub(crate) struct Published {
    took: Duration,
    /// From each publish to its confirm.
    pub(crate) latencies: Vec<Duration>,
}

impl Published {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Publishes the bodies of the batch as the receiver does: to the same exchange with the same properties,
/// mandatory and persistent, and each confirmed. Keeps `in_flight` of them unconfirmed.
pub(crate) fn publish(
    address: &BrokerAddress,
    batch: &Batch,
    in_flight: usize,
) -> Result<Published> {
    on_channel(address, async |channel| {
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .doing("turning publisher confirms on")?;
        let event_type: EventType = "ON_ORDER_COMPLETED"
            .parse()
            .doing("reading the event type")?;
        let routing_key = routing_key(Some(&event_type));
        let route = (routing_key.as_str(), &event_type);
        let began = Instant::now();
        let publishes = (0..batch.len()).map(|index| publish_one(channel, batch, index, route));
        let confirmed = stream::iter(publishes).buffer_unordered(in_flight);
        let latencies = confirmed.try_collect().await?;
        let took = began.elapsed();
        Ok(Published { took, latencies })
    })
}

/// Gives the time to the confirm.
async fn publish_one(
    channel: &Channel,
    batch: &Batch,
    index: usize,
    (routing_key, event_type): (&str, &EventType),
) -> Result<Duration> {
    let began = Instant::now();
    let signed_at_ms = Some(batch.signed_at_ms(index));
    let headers = Headers {
        received_at_ms: signed_at_ms,
        signed_at_ms,
        secret_id: Some("bench".to_owned()),
        signature: Some(batch.signature(index).to_owned()),
        attempt: 1,
        ..Headers::default()
    };
    let id = batch.event_id(index).to_string();
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    let sent = channel.basic_publish(
        EVENTS_EXCHANGE.into(),
        routing_key.into(),
        options,
        batch.body(index),
        properties(&id, Some(event_type), &headers),
    );
    let confirmation = sent
        .await
        .doing("publishing")?
        .await
        .doing("waiting for a confirm")?;
    let is_confirmed = confirmation == Confirmation::Ack(None);
    ensure(is_confirmed, "publishing", || {
        format!("the broker answered {confirmation:?}")
    })?;
    Ok(began.elapsed())
}
