//! A virtual host of its own for one test, and what a test does with the broker.

use lapin::Confirmation;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use paynow_process::broker::message::properties;
use paynow_process::broker::{BrokerAddress, Link};
use paynow_process::environment::Environment;
use paynow_shared::wire::{Headers, label};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

use super::wait::eventually;

pub(crate) struct TestBroker {
    url: Url,
    management: Url,
    vhost: String,
    runtime: Runtime,
}

impl TestBroker {
    /// Names the virtual host, which `paynowctl setup` creates.
    pub(crate) fn new(amqp: &Url, management: &Url, vhost: &str) -> Self {
        let mut url = amqp.clone();
        url.set_path(vhost);
        Self {
            url,
            management: management.clone(),
            vhost: vhost.to_owned(),
            runtime: Runtime::new().expect("a runtime starts"),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn address(&self) -> BrokerAddress {
        let environment = Environment::of([("AMQP_URL", self.url.as_str())]);
        BrokerAddress::from_environment(&environment).expect("the address is valid")
    }

    /// Messages ready in a queue, from the queue itself, because the management API lags behind.
    pub(crate) fn depth(&self, queue: &str) -> u32 {
        self.runtime.block_on(async {
            let mut link = Link::open(&self.address(), "test")
                .await
                .expect("the broker answers");
            let channel = link.channel().await.expect("a channel opens");
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let queue = channel
                .queue_declare(queue.into(), passive, FieldTable::default())
                .await
                .unwrap_or_else(|error| panic!("{queue}: {error}"));
            let depth = queue.message_count();
            link.close().await;
            depth
        })
    }

    /// Messages in a queue, ready and unacknowledged, as the management API shows them some seconds
    /// late.
    pub(crate) fn management_depth(&self, queue: &str) -> Option<u64> {
        let path = format!(
            "queues/{}?disable_stats=true&enable_queue_totals=true",
            self.vhost
        );
        let queues = self.get(&path);
        let found = queues.as_array()?.iter().find(|it| it["name"] == queue)?;
        found["messages"].as_u64()
    }

    /// Sets a policy with a higher priority than ours.
    pub(crate) fn limit_queue(&self, queue: &str, definition: Value) {
        let pattern = format!("^{}$", queue.replace('.', "\\."));
        let policy = json!({
            "pattern": pattern, "apply-to": "queues", "priority": 10, "definition": definition,
        });
        self.call(
            "PUT",
            &format!("policies/{}/test-limit", self.vhost),
            Some(&policy),
        );
    }

    /// Removes that policy.
    pub(crate) fn unlimit_queue(&self) {
        self.call(
            "DELETE",
            &format!("policies/{}/test-limit", self.vhost),
            None,
        );
    }

    /// Publishes a message without properties and headers, as no program of ours does.
    pub(crate) fn publish_bare(&self, queue: &str, body: &str) {
        let message = json!({
            "properties": {}, "routing_key": queue, "payload": body, "payload_encoding": "string",
        });
        let path = format!("exchanges/{}/amq.default/publish", self.vhost);
        let answer = self.call("POST", &path, Some(&message));
        assert_eq!(answer["routed"], true, "{answer}");
    }

    /// Publishes a message straight to a queue, as the broker's user of the address, and waits for the
    /// confirm.
    pub(crate) fn publish_as(
        &self,
        address: &BrokerAddress,
        queue: &str,
        body: &[u8],
        headers: &Headers,
    ) {
        let label = label(body);
        let properties = properties(&label.message_id, label.event_type.as_ref(), headers);
        self.runtime.block_on(async {
            let mut link = Link::open(address, "test").await.expect("it answers");
            let channel = link.channel().await.expect("a channel opens");
            let confirms = ConfirmSelectOptions::default();
            channel.confirm_select(confirms).await.expect("confirms");
            let options = BasicPublishOptions::default();
            let sent = channel
                .basic_publish("".into(), queue.into(), options, body, properties)
                .await
                .expect("it is sent");
            let confirmed = sent.await.expect("the broker answers");
            assert_eq!(confirmed, Confirmation::Ack(None), "{queue}");
            link.close().await;
        });
    }

    /// The same as the user that the tests have.
    pub(crate) fn publish(&self, queue: &str, body: &[u8], headers: &Headers) {
        self.publish_as(&self.address(), queue, body, headers);
    }

    /// Takes the first message of a queue and requeues it, which counts as a failed delivery.
    pub(crate) fn fail_a_delivery(&self, queue: &str) {
        let get = json!({"count": 1, "ackmode": "reject_requeue_true", "encoding": "base64"});
        self.call(
            "POST",
            &format!("queues/{}/{queue}/get", self.vhost),
            Some(&get),
        );
    }

    /// A document of the management API, below `/api/`.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.call("GET", path, None)
    }

    pub(crate) fn delete(&self, path: &str) {
        self.call("DELETE", path, None);
    }

    pub(crate) fn vhost(&self) -> &str {
        &self.vhost
    }

    pub(crate) fn drop_it(&self) {
        self.call("DELETE", &format!("vhosts/{}", self.vhost), None);
    }

    /// Asks once more while the broker fails by itself, which a busy one does for a new virtual host; but a message
    /// is never published or taken twice.
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let mut has_failed = false;
        eventually(&format!("the broker answers {method} {path}"), || {
            let (status, text) = self.try_call(method, path, body);
            match status {
                200..=299 => Some(serde_json::from_str(&text).unwrap_or(Value::Null)),
                // The try before has deleted it, and failed later.
                404 if method == "DELETE" && has_failed => Some(Value::Null),
                500..=599 if method != "POST" => {
                    has_failed = true;
                    None
                }
                _other => panic!("{method} {path}: {status} {text}"),
            }
        })
    }

    fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let url = self
            .management
            .join(&format!("/api/{path}"))
            .expect("the path is valid");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("Content-Type", "application/json")
            .body(body.map(Value::to_string).unwrap_or_default())
            .expect("the request is valid");
        let mut response = agent
            .run(request)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = response
            .body_mut()
            .read_to_string()
            .expect("the answer is text");
        (response.status().as_u16(), text)
    }
}
