//! The bare client's publishing: one connection, one channel, one task, so many in flight.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
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
    pub(crate) took: Duration,
    pub(crate) latencies_ms: Vec<f64>,
    count: usize,
}

impl Published {
    pub(crate) fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Publishes the bodies of the batch as the receiver does: same exchange, same properties, mandatory
/// and persistent, each confirmed.
pub(crate) fn publish(
    address: &BrokerAddress,
    batch: &Batch,
    in_flight: usize,
) -> Result<Published> {
    on_channel(address, async |channel| {
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .doing("asking for confirms")?;
        let publishing = Publishing::new(channel, batch)?;
        let began = Instant::now();
        let latencies_ms = publishing.all(in_flight).await?;
        let took = began.elapsed();
        Ok(Published {
            took,
            latencies_ms,
            count: batch.len(),
        })
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
            .doing("naming the event type")?;
        Ok(Self {
            channel,
            batch,
            routing_key: routing_key(Some(&event_type)),
            event_type,
        })
    }

    async fn all(&self, in_flight: usize) -> Result<Vec<f64>> {
        let mut latencies_ms = Vec::with_capacity(self.batch.len());
        let mut flying = FuturesUnordered::new();
        for index in 0..self.batch.len() {
            if flying.len() >= in_flight
                && let Some(latency) = flying.next().await
            {
                latencies_ms.push(latency?);
            }
            flying.push(self.one(index));
        }
        while let Some(latency) = flying.next().await {
            latencies_ms.push(latency?);
        }
        Ok(latencies_ms)
    }

    async fn one(&self, index: usize) -> Result<f64> {
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
        let is_clean = confirmation == Confirmation::Ack(None);
        ensure(is_clean, "publishing", || {
            format!("{confirmation:?} is no clean confirm")
        })?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}
