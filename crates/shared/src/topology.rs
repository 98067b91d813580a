//! The broker's exchanges, queues and policies: names, and the definitions document made of them.
//!
//! Queues carry `x-queue-type` as their only argument. Everything else is a policy, so that it can
//! be changed on a running broker without declaring a queue again.

use serde_json::{Value, json};

use crate::event::EventType;
use crate::ladder::RetryLadder;

/// Where the receiver publishes; others may bind queues of their own to it.
pub const EVENTS_EXCHANGE: &str = "paynow.events";
/// The alternate exchange of [`EVENTS_EXCHANGE`], and its queue, for messages that match no binding.
pub const UNROUTED: &str = "paynow.unrouted";
/// The worker's queue.
pub const CREDITS_QUEUE: &str = "paynow.credits";
/// The queue of dead letters, from which the worker writes them to the database.
pub const DEAD_QUEUE: &str = "paynow.credits.dead";
/// The default exchange, which routes by queue name.
pub const DEFAULT_EXCHANGE: &str = "";

/// The most that `paynow.credits` holds, so that a stopped worker does not fill the disk: about
/// 2.7 million events with bodies of 1.5 KB.
const CREDITS_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Too high to be reached: RabbitMQ 3.x has no limit and 4.x has 20. Whenever a worker gives up its
/// messages because the database fails, each of them counts as delivered once more, and an outage must
/// not make dead letters. The message that crashes a worker is found by marks in the database
/// instead. A queue without a dead-letter exchange even drops a message past its limit.
const DELIVERY_LIMIT: u32 = 1_000_000;

/// The queue in which an event waits `delay_seconds` before it is tried again.
pub fn retry_queue(delay_seconds: u32) -> String {
    format!("paynow.credits.retry.{delay_seconds}s")
}

/// The routing key of an event: `paynow.<event_type in lower case>`.
pub fn routing_key(event_type: Option<&EventType>) -> String {
    // The key of a body without a readable type. No event type of PayNow's has this name.
    event_type.map_or_else(
        || "paynow.unreadable".to_owned(),
        |event_type| format!("paynow.{}", event_type.as_str().to_ascii_lowercase()),
    )
}

/// Every queue of the pipeline, for the given ladder.
pub fn queues(ladder: &RetryLadder) -> Vec<String> {
    let fixed = [CREDITS_QUEUE, DEAD_QUEUE, UNROUTED].map(str::to_owned);
    fixed
        .into_iter()
        .chain(ladder.delays_seconds().map(retry_queue))
        .collect()
}

/// The definitions document for one virtual host, in the form that RabbitMQ loads at boot. The
/// management API takes the same lists for a single virtual host.
pub fn definitions(vhost: &str, ladder: &RetryLadder) -> Value {
    let queues: Vec<Value> = queues(ladder)
        .iter()
        .map(|name| {
            json!({
                "vhost": vhost, "name": name, "durable": true, "auto_delete": false,
                "arguments": {"x-queue-type": "quorum"},
            })
        })
        .collect();
    json!({
        "vhosts": [{"name": vhost}],
        "exchanges": [
            exchange(vhost, EVENTS_EXCHANGE, "topic"),
            exchange(vhost, UNROUTED, "fanout"),
        ],
        "queues": queues,
        "bindings": [
            binding(vhost, EVENTS_EXCHANGE, CREDITS_QUEUE, "paynow.#"),
            binding(vhost, UNROUTED, UNROUTED, ""),
        ],
        "policies": policies(vhost, ladder),
    })
}

fn exchange(vhost: &str, name: &str, kind: &str) -> Value {
    json!({
        "vhost": vhost, "name": name, "type": kind, "durable": true, "auto_delete": false,
        "internal": false, "arguments": {},
    })
}

fn binding(vhost: &str, source: &str, queue: &str, routing_key: &str) -> Value {
    json!({
        "vhost": vhost, "source": source, "destination": queue, "destination_type": "queue",
        "routing_key": routing_key, "arguments": {},
    })
}

fn policies(vhost: &str, ladder: &RetryLadder) -> Vec<Value> {
    let policy = |name: &str, apply_to: &str, definition: Value| {
        json!({
            "vhost": vhost, "name": name, "pattern": format!("^{}$", name.replace('.', "\\.")),
            "apply-to": apply_to, "priority": 0, "definition": definition,
        })
    };
    let mut policies = vec![
        policy(
            EVENTS_EXCHANGE,
            "exchanges",
            json!({"alternate-exchange": UNROUTED}),
        ),
        policy(
            CREDITS_QUEUE,
            "queues",
            json!({
                "dead-letter-exchange": DEFAULT_EXCHANGE,
                "dead-letter-routing-key": DEAD_QUEUE,
                "dead-letter-strategy": "at-least-once",
                "overflow": "reject-publish",
                "max-length-bytes": CREDITS_BYTES_MAX,
                "delivery-limit": DELIVERY_LIMIT,
            }),
        ),
    ];
    for kept in [DEAD_QUEUE, UNROUTED] {
        policies.push(policy(
            kept,
            "queues",
            json!({"delivery-limit": DELIVERY_LIMIT}),
        ));
    }
    policies.extend(ladder.delays_seconds().map(|delay_seconds| {
        policy(
            &retry_queue(delay_seconds),
            "queues",
            json!({
                "message-ttl": u64::from(delay_seconds).saturating_mul(1000),
                "dead-letter-exchange": DEFAULT_EXCHANGE,
                "dead-letter-routing-key": CREDITS_QUEUE,
                "dead-letter-strategy": "at-least-once",
                "overflow": "reject-publish",
            }),
        )
    }));
    policies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_definitions_are_these() {
        let committed = include_str!("../../../deploy/rabbitmq/definitions.json");
        let committed: Value = serde_json::from_str(committed).unwrap();
        assert_eq!(
            committed,
            definitions("/", &RetryLadder::default()),
            "write it again: paynowctl topology export > deploy/rabbitmq/definitions.json"
        );
    }

    #[test]
    fn a_queue_has_its_type_and_no_other_argument() {
        let document = definitions("/", &RetryLadder::default());
        let queues = document.get("queues").and_then(Value::as_array).unwrap();
        assert_eq!(queues.len(), 10);
        for queue in queues {
            assert_eq!(
                queue.get("arguments"),
                Some(&json!({"x-queue-type": "quorum"}))
            );
        }
    }

    #[test]
    fn an_outage_of_weeks_makes_no_dead_letter() {
        // A worker whose database fails waits for seconds before it takes messages again.
        let deliveries_a_second_max = 0.5;
        let days = f64::from(DELIVERY_LIMIT) / deliveries_a_second_max / 86_400.0;
        assert!(days > 14.0, "{days} days");
        for policy in policies("/", &RetryLadder::default()) {
            let is_rung = policy["name"].as_str().unwrap().contains(".retry.");
            if policy["apply-to"] == "queues" && !is_rung {
                assert_eq!(policy["definition"]["delivery-limit"], DELIVERY_LIMIT);
            }
        }
    }

    #[test]
    fn a_routing_key_is_the_type_in_lower_case() {
        let order = "ON_ORDER_COMPLETED".parse().unwrap();
        assert_eq!(routing_key(Some(&order)), "paynow.on_order_completed");
        assert_eq!(routing_key(None), "paynow.unreadable");
    }
}
