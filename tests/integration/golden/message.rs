//! A message in the form of a golden file: properties, headers with their types, and the exact
//! body.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Consumer};
use paynow_process::broker::Link;
use serde_json::{Map, Value, json};

use super::read;
use crate::harness::TestBroker;

/// A higher priority than that of a worker's consumers.
const FIRST: i32 = 10;

/// The golden messages of a version, in the order in which they are applied.
pub(super) fn of_version(version: &Path) -> Vec<(PathBuf, Value)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(version.join("messages"))
        .expect("a version has messages")
        .map(|entry| entry.expect("a directory can be listed").path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "{}", version.display());
    files
        .into_iter()
        .map(|file| {
            let golden = read(&file);
            (file, golden)
        })
        .collect()
}

/// The exact bytes of a body, which a golden file stores as lines.
pub(super) fn body(golden: &Value) -> Vec<u8> {
    let lines = golden["body"].as_array().expect("a body is lines");
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.as_str().expect("a line is a text"))
        .collect();
    lines.join("\n").into_bytes()
}

pub(super) fn text<'a>(golden: &'a Value, field: &str) -> &'a str {
    golden[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text in {field}: {golden}"))
}

/// Publishes a golden message exactly as it was, and checks that it is confirmed.
pub(super) fn publish(broker: &TestBroker, golden: &Value) {
    broker.runtime().block_on(async {
        let mut link = Link::open(&broker.address(), "test")
            .await
            .expect("the broker answers");
        let channel = link.channel().await.expect("a channel opens");
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.expect("confirms");
        let published = channel
            .basic_publish(
                text(golden, "exchange").into(),
                text(golden, "routing_key").into(),
                BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                },
                &body(golden),
                properties(golden),
            )
            .await
            .expect("it is sent");
        let confirmed = published.await.expect("the broker answers");
        assert_eq!(confirmed, Confirmation::Ack(None), "{golden}");
        link.close().await;
    });
}

fn properties(golden: &Value) -> BasicProperties {
    let given = &golden["properties"];
    let mut headers = FieldTable::default();
    for (name, value) in golden["headers"].as_object().expect("headers") {
        headers.insert(name.as_str().into(), typed(value));
    }
    let mode = given["delivery_mode"].as_u64().expect("a number");
    let properties = BasicProperties::default()
        .with_delivery_mode(mode.try_into().expect("a small number"))
        .with_content_type(text(given, "content_type").into())
        .with_message_id(text(given, "message_id").into())
        .with_headers(headers);
    match given["type"].as_str() {
        Some(kind) => properties.with_type(kind.into()),
        None => properties,
    }
}

fn typed(value: &Value) -> AMQPValue {
    let (kind, content) = value
        .as_object()
        .and_then(|object| object.iter().next())
        .expect("a header is {type: value}");
    match kind.as_str() {
        "u32" => AMQPValue::LongUInt(content.as_u64().and_then(|n| n.try_into().ok()).unwrap()),
        "i64" => AMQPValue::LongLongInt(content.as_i64().expect("a number")),
        "text" => AMQPValue::LongString(content.as_str().expect("a text").into()),
        other => panic!("unknown type of a header: {other}"),
    }
}

fn untyped(value: &AMQPValue) -> Value {
    if let Some(number) = value.as_long_uint() {
        return json!({"u32": number});
    }
    if let Some(number) = value.as_long_long_int() {
        return json!({"i64": number});
    }
    let text = value
        .as_long_string()
        .expect("a header of ours is one of three types");
    json!({"text": String::from_utf8_lossy(text.as_bytes())})
}

/// A consumer that takes every message of a queue before the worker can.
pub(super) struct Tap<'a> {
    broker: &'a TestBroker,
    link: Link,
    _channel: Channel,
    consumer: Consumer,
}

impl<'a> Tap<'a> {
    pub(super) fn on(broker: &'a TestBroker, queue: &str) -> Self {
        broker.runtime().block_on(async {
            let mut link = Link::open(&broker.address(), "test")
                .await
                .expect("the broker answers");
            let channel = link.channel().await.expect("a channel opens");
            let one = channel.basic_qos(100, BasicQosOptions::default()).await;
            one.expect("a prefetch");
            let mut arguments = FieldTable::default();
            arguments.insert("x-priority".into(), AMQPValue::LongInt(FIRST));
            let options = BasicConsumeOptions::default();
            let consumer = channel
                .basic_consume(queue.into(), "".into(), options, arguments)
                .await
                .expect("the queue exists");
            Self {
                broker,
                link,
                _channel: channel,
                consumer,
            }
        })
    }

    /// The next message in the form of a golden file, without the parts that a person writes.
    pub(super) fn next(&mut self) -> Map<String, Value> {
        self.broker.runtime().block_on(async {
            let delivery = self.consumer.next().await;
            let delivery = delivery.expect("the queue exists").expect("a message");
            let acked = delivery.ack(BasicAckOptions::default()).await;
            acked.expect("the broker takes an acknowledgement");
            let properties = &delivery.properties;
            let headers = properties.headers().as_ref().expect("headers");
            // The broker's own headers depend on its version.
            let ours = headers
                .inner()
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("paynow-"));
            let headers: Map<String, Value> = ours
                .map(|(name, value)| (name.to_string(), untyped(value)))
                .collect();
            let mut found = json!({
                "delivery_mode": properties.delivery_mode(),
                "content_type": properties.content_type().as_ref().map(|it| it.as_str()),
                "message_id": properties.message_id().as_ref().map(|it| it.as_str()),
            });
            if let Some(kind) = properties.kind() {
                found["type"] = json!(kind.as_str());
            }
            let body = String::from_utf8(delivery.data).expect("golden bodies are text");
            let message = json!({
                "exchange": delivery.exchange.as_str(),
                "routing_key": delivery.routing_key.as_str(),
                "properties": found,
                "headers": headers,
                "body": body.split('\n').collect::<Vec<_>>(),
            });
            message.as_object().expect("an object").clone()
        })
    }

    pub(super) fn close(self) {
        self.broker.runtime().block_on(self.link.close());
    }
}
