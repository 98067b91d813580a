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
        let publishing = Publishing::new(channel, batch)?;
        let began = Instant::now();
        let publishes = (0..batch.len()).map(|index| publishing.one(index));
        let confirmed = stream::iter(publishes).buffer_unordered(in_flight);
        let latencies = confirmed.try_collect().await?;
        let took = began.elapsed();
        Ok(Published { took, latencies })
    })
}

struct Publishing<'a> {
    channel: &'a Channel,
    batch: &'a Batch,
    event_type: EventType,
    routing_key: String,
}

impl<'a> Publishing<'a> {
    fn new(channel: &'a Channel, batch: &'a Batch) -> Result<Self> {
        let event_type: EventType = "ON_ORDER_COMPLETED"
            .parse()
            .doing("reading the event type")?;
        Ok(Self {
            channel,
            batch,
            routing_key: routing_key(Some(&event_type)),
            event_type,
        })
    }

    async fn one(&self, index: usize) -> Result<Duration> {
        let began = Instant::now();
        let signed_at_ms = Some(self.batch.signed_at_ms(index));
        let headers = Headers {
            received_at_ms: signed_at_ms,
            signed_at_ms,
            secret_id: Some("bench".to_owned()),
            attempt: 1,
            ..Headers::default()
        };
        let id = self.batch.event_id(index).to_string();
        let options = BasicPublishOptions {
            mandatory: true,
            immediate: false,
        };
        let sent = self.channel.basic_publish(
            EVENTS_EXCHANGE.into(),
            self.routing_key.as_str().into(),
            options,
            self.batch.body(index),
            properties(&id, Some(&self.event_type), &headers),
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
}
