//! The operations that the broker refuses to each user, over AMQP and over the management API.

use futures_util::future::LocalBoxFuture;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ErrorKind, ExchangeKind};
use paynow_process::broker::{BrokerAddress, Link};
use paynow_process::environment::Environment;
use serde_json::{Value, json};
use url::Url;

use super::made::{Users, call};
use crate::harness::TestApp;

const DEFAULT: &str = "";
const ACCESS_REFUSED: u16 = 403;

/// An operation on a channel.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Get(&'static str),
    Consume(&'static str),
    /// Publishes to an exchange, with a routing key.
    Publish(&'static str, &'static str),
    Declare(&'static str),
    DeclareExchange(&'static str),
    Delete(&'static str),
    DeleteExchange(&'static str),
    Purge(&'static str),
    /// Binds a queue to an exchange.
    Bind(&'static str, &'static str),
}
use Operation::{
    Bind, Consume, Declare, DeclareExchange, Delete, DeleteExchange, Get, Publish, Purge,
};

/// Only `setup` may change the topology.
const CHANGES: [Operation; 8] = [
    Declare("mine"),
    Declare("paynow.credits.retry.9s"),
    DeclareExchange("mine"),
    Delete("paynow.credits"),
    Delete("paynow.unrouted"),
    DeleteExchange("paynow.events"),
    Bind("paynow.credits", "amq.topic"),
    Bind("paynow.unrouted", "paynow.events"),
];
const RECEIVER_MAY_NOT: [Operation; 12] = [
    Get("paynow.credits"),
    Get("paynow.credits.dead"),
    Get("paynow.unrouted"),
    Consume("paynow.credits"),
    Consume("paynow.credits.retry.1s"),
    Purge("paynow.credits"),
    Publish(DEFAULT, "paynow.credits"),
    Publish(DEFAULT, "paynow.credits.dead"),
    Publish("paynow.unrouted", "x"),
    Publish("amq.topic", "paynow.on_refund"),
    Publish("amq.fanout", "x"),
    Publish("amq.headers", "x"),
];
const WORKER_MAY_NOT: [Operation; 8] = [
    Publish("paynow.events", "paynow.on_order_completed"),
    Publish("paynow.unrouted", "x"),
    Publish("amq.topic", "paynow.on_refund"),
    Get("paynow.unrouted"),
    Consume("paynow.unrouted"),
    Get("paynow.credits.retry.1s"),
    Consume("paynow.credits.retry.2s"),
    Purge("paynow.credits.retry.1s"),
];
/// It may take from `paynow.unrouted` what it moves.
const OPERATOR_MAY_NOT: [Operation; 9] = [
    Publish("paynow.events", "paynow.on_order_completed"),
    Publish("paynow.unrouted", "x"),
    Get("paynow.credits"),
    Consume("paynow.credits"),
    Get("paynow.credits.dead"),
    Get("paynow.credits.retry.1s"),
    Consume("paynow.credits.dead"),
    Purge("paynow.credits"),
    Purge("paynow.credits.dead"),
];
const MONITORING_MAY_NOT: [Operation; 7] = [
    Publish("paynow.events", "paynow.on_order_completed"),
    Publish(DEFAULT, "paynow.credits"),
    Get("paynow.credits"),
    Consume("paynow.credits"),
    Consume("paynow.credits.dead"),
    Get("paynow.unrouted"),
    Purge("paynow.credits"),
];

fn attempt(channel: &Channel, operation: Operation) -> LocalBoxFuture<'_, lapin::Result<()>> {
    let none = FieldTable::default;
    Box::pin(async move {
        match operation {
            Get(queue) => {
                let get = channel.basic_get(queue.into(), BasicGetOptions::default());
                get.await.map(drop)
            }
            Consume(queue) => {
                let options = BasicConsumeOptions::default();
                let consume = channel.basic_consume(queue.into(), "".into(), options, none());
                consume.await.map(drop)
            }
            Publish(exchange, key) => {
                let confirms = ConfirmSelectOptions::default();
                channel.confirm_select(confirms).await?;
                let publish = channel.basic_publish(
                    exchange.into(),
                    key.into(),
                    BasicPublishOptions::default(),
                    b"{}",
                    BasicProperties::default(),
                );
                publish.await?.await.map(drop)
            }
            Declare(queue) => {
                let options = QueueDeclareOptions::default();
                let declare = channel.queue_declare(queue.into(), options, none());
                declare.await.map(drop)
            }
            DeclareExchange(name) => {
                let options = ExchangeDeclareOptions::default();
                let kind = ExchangeKind::Fanout;
                channel
                    .exchange_declare(name.into(), kind, options, none())
                    .await
            }
            Delete(queue) => {
                let delete = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
                delete.await.map(drop)
            }
            DeleteExchange(name) => {
                let options = ExchangeDeleteOptions::default();
                channel.exchange_delete(name.into(), options).await
            }
            Purge(queue) => {
                let purge = channel.queue_purge(queue.into(), QueuePurgeOptions::default());
                purge.await.map(drop)
            }
            Bind(queue, exchange) => {
                let options = QueueBindOptions::default();
                let key = "paynow.#".into();
                let bind = channel.queue_bind(queue.into(), exchange.into(), key, options, none());
                bind.await
            }
        }
    })
}

/// Logs in and tries each operation on a channel of its own, because a refusal closes the channel.
/// Returns the operations that were not refused for missing rights.
fn not_refused(app: &TestApp, user: &Url, operations: &[Operation]) -> Vec<String> {
    let environment = Environment::of([("AMQP_URL", user.as_str())]);
    let address = BrokerAddress::from_environment(&environment).expect("the address is valid");
    app.broker.runtime().block_on(async {
        let mut link = Link::open(&address, "privileges")
            .await
            .expect("the created password is accepted");
        let mut wrong = Vec::new();
        for operation in operations {
            let channel = link.channel().await.expect("a channel opens");
            match attempt(&channel, *operation).await {
                Ok(()) => wrong.push(format!("{operation:?} worked")),
                Err(error) if is_refusal(&error) => {}
                Err(error) => wrong.push(format!("{operation:?}: {error}")),
            }
        }
        link.close().await;
        wrong
    })
}

fn is_refusal(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == ACCESS_REFUSED)
}

#[test]
fn every_user_is_refused_what_it_does_not_need() {
    let app = TestApp::builder().workers(0).start();
    let users = Users::for_app(&app);
    let mut wrong = Vec::new();
    for (user, operations) in [
        ("receiver", &RECEIVER_MAY_NOT[..]),
        ("worker", &WORKER_MAY_NOT),
        ("operator", &OPERATOR_MAY_NOT),
        ("monitoring", &MONITORING_MAY_NOT),
    ] {
        for operations in [operations, &CHANGES] {
            let found = not_refused(&app, &users.amqp(user), operations);
            wrong.extend(found.into_iter().map(|what| format!("{user}: {what}")));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Calls that change something or read a message.
fn forbidden_calls(vhost: &str) -> [(&'static str, String, Value); 12] {
    let publish = json!({
        "properties": {}, "routing_key": "paynow.credits", "payload": "x", "payload_encoding": "string",
    });
    let get = json!({"count": 1, "ackmode": "reject_requeue_false", "encoding": "auto"});
    let policy = json!({"pattern": ".*", "definition": {"max-length": 1}});
    let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
    let user = json!({"password": "x", "tags": "administrator"});
    let nothing = json!({});
    let empty = || nothing.clone();
    [
        (
            "POST",
            format!("exchanges/{vhost}/paynow.events/publish"),
            publish,
        ),
        ("POST", format!("queues/{vhost}/paynow.credits/get"), get),
        (
            "DELETE",
            format!("queues/{vhost}/paynow.credits/contents"),
            empty(),
        ),
        ("DELETE", format!("queues/{vhost}/paynow.credits"), empty()),
        ("PUT", format!("queues/{vhost}/mine"), empty()),
        (
            "PUT",
            format!("exchanges/{vhost}/mine"),
            json!({"type": "fanout"}),
        ),
        ("PUT", format!("policies/{vhost}/mine"), policy),
        ("PUT", format!("permissions/{vhost}/{vhost}_receiver"), all),
        ("PUT", format!("users/{vhost}_mine"), user),
        ("POST", "definitions".to_owned(), empty()),
        ("GET", "definitions".to_owned(), empty()),
        ("DELETE", format!("vhosts/{vhost}"), empty()),
    ]
}

#[test]
fn the_management_api_lets_monitoring_read_and_nobody_change_anything() {
    let app = TestApp::builder().workers(0).start();
    let users = Users::for_app(&app);
    let vhost = app.broker.vhost();
    for user in ["monitoring", "operator"] {
        let base = users.management(user);
        let queues = format!("queues/{vhost}");
        for path in ["overview", "nodes", "connections", queues.as_str()] {
            let (status, answer) = call(&base, "GET", path, None);
            assert_eq!(status, 200, "{user}: {path}: {answer}");
        }
    }
    for user in ["monitoring", "operator", "receiver", "worker"] {
        let base = users.management(user);
        for (method, path, body) in forbidden_calls(vhost) {
            let (status, answer) = call(&base, method, &path, Some(&body));
            // The words differ between versions of RabbitMQ.
            let words = answer.to_lowercase();
            assert!(
                status >= 400
                    && (words.contains("not_authori") || words.contains("access_refused")),
                "{user}: {method} {path}: {status} {answer}"
            );
        }
    }
    for user in ["receiver", "worker"] {
        let (status, answer) = call(&users.management(user), "GET", "overview", None);
        assert_eq!(status, 401, "{user}: {answer}");
    }
}
