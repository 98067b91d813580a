//! Regression tests for the traps of lapin, on the publisher that all programs share.

use std::sync::Arc;
use std::time::Duration;

use paynow_process::broker::{Outgoing, PublishError, Publisher, PublisherSettings};
use paynow_shared::topology::{CREDITS_QUEUE, DEFAULT_EXCHANGE};
use paynow_shared::wire::Headers;
use tokio_util::sync::CancellationToken;

use crate::harness::TestApp;

fn settings(app: &TestApp, lanes: usize) -> PublisherSettings {
    PublisherSettings {
        address: app.broker.address(),
        name: "test-publisher",
        exchange: DEFAULT_EXCHANGE,
        lanes,
        timeout: Duration::from_secs(30),
        in_flight_max: 10_000,
        wait_max: None,
    }
}

fn message(serial: usize, queue: &str) -> Outgoing {
    Outgoing {
        exchange: DEFAULT_EXCHANGE,
        routing_key: queue.to_owned(),
        message_id: serial.to_string(),
        event_type: None,
        headers: Headers::default(),
        body: format!("message {serial}").into_bytes().into(),
    }
}

async fn ready(publisher: &Publisher) {
    while publisher.ready().is_err() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn while_too_many_messages_wait_the_next_is_refused_at_once_and_later_accepted() {
    const SENDERS: usize = 1_000;
    let app = TestApp::builder().workers(0).start();
    let settings = PublisherSettings {
        wait_max: Some(Duration::from_millis(20)),
        ..settings(&app, 1)
    };
    let (outcomes, last) = app.broker.runtime().block_on(async {
        let stop = CancellationToken::new();
        let (publisher, mut lanes) = Publisher::start(&settings, &stop);
        let publisher = Arc::new(publisher);
        ready(&publisher).await;
        let senders: Vec<_> = (0..SENDERS)
            .map(|serial| {
                let publisher = Arc::clone(&publisher);
                tokio::spawn(async move {
                    let first = publisher.publish(message(serial, CREDITS_QUEUE)).await;
                    let again = message(SENDERS + serial, CREDITS_QUEUE);
                    [first, publisher.publish(again).await]
                })
            })
            .collect();
        let mut outcomes = Vec::new();
        for sender in senders {
            outcomes.extend(sender.await.unwrap());
        }
        let last = publisher.publish(message(2 * SENDERS, CREDITS_QUEUE)).await;
        stop.cancel();
        while lanes.join_next().await.is_some() {}
        (outcomes, last)
    });

    let refused = outcomes
        .iter()
        .filter(|outcome| **outcome == Err(PublishError::Overloaded))
        .count();
    let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(refused + taken, 2 * SENDERS);
    assert!(refused > 0 && taken > 0, "{refused} refused, {taken} taken");
    assert!(last.is_ok(), "{last:?}");
    assert_eq!(app.broker.depth(CREDITS_QUEUE) as usize, taken + 1);
    app.leave_unaudited();
}

/// lapin gives a returned message to whichever confirm resolves next, and a channel shared by
/// threads swaps confirms. With either, some of these messages would get another one's answer.
#[test]
fn each_of_many_messages_at_once_gets_its_own_answer() {
    const MESSAGES: usize = 6_000;
    let app = TestApp::builder().workers(0).start();
    let outcomes = app.broker.runtime().block_on(async {
        let stop = CancellationToken::new();
        let (publisher, mut lanes) = Publisher::start(&settings(&app, 2), &stop);
        let publisher = Arc::new(publisher);
        ready(&publisher).await;
        let publishes: Vec<_> = (0..MESSAGES)
            .map(|serial| {
                let queue = if serial % 3 == 0 {
                    "no.such.queue"
                } else {
                    CREDITS_QUEUE
                };
                let publisher = Arc::clone(&publisher);
                tokio::spawn(async move { publisher.publish(message(serial, queue)).await })
            })
            .collect();
        let mut outcomes = Vec::new();
        for publish in publishes {
            outcomes.push(publish.await.unwrap().map(|_confirmed| ()));
        }
        stop.cancel();
        while lanes.join_next().await.is_some() {}
        outcomes
    });

    for (serial, outcome) in outcomes.iter().enumerate() {
        let expected = if serial % 3 == 0 {
            Err(PublishError::Returned)
        } else {
            Ok(())
        };
        assert_eq!(*outcome, expected, "message {serial}");
    }
    let confirmed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(app.broker.depth(CREDITS_QUEUE) as usize, confirmed);
    app.leave_unaudited();
}

/// `wait_for_confirms` would report all of these as published.
#[test]
fn a_message_that_a_full_queue_rejects_is_nacked_and_no_other() {
    const MESSAGES: usize = 500;
    let app = TestApp::builder().workers(0).start();
    let limit = serde_json::json!({"max-length": 100, "overflow": "reject-publish"});
    app.broker.limit_queue(CREDITS_QUEUE, limit);
    let confirmed = app.broker.runtime().block_on(async {
        let stop = CancellationToken::new();
        let (publisher, mut lanes) = Publisher::start(&settings(&app, 1), &stop);
        ready(&publisher).await;
        let mut confirmed = 0;
        for serial in 0..MESSAGES {
            match publisher.publish(message(serial, CREDITS_QUEUE)).await {
                Ok(_confirmed) => confirmed += 1,
                Err(error) => assert_eq!(error, PublishError::Nacked),
            }
        }
        drop(publisher);
        while lanes.join_next().await.is_some() {}
        confirmed
    });

    assert!(confirmed < MESSAGES, "the limit was never reached");
    assert_eq!(
        app.broker.depth(CREDITS_QUEUE),
        u32::try_from(confirmed).unwrap()
    );
    app.leave_unaudited();
}

#[test]
fn without_a_broker_a_publish_fails_at_once() {
    let app = TestApp::builder().workers(0).start();
    app.broker.runtime().block_on(async {
        let stop = CancellationToken::new();
        let (publisher, mut lanes) = Publisher::start(&settings(&app, 1), &stop);
        ready(&publisher).await;
        stop.cancel();
        while lanes.join_next().await.is_some() {}
        let outcome = publisher.publish(message(1, CREDITS_QUEUE)).await;
        assert_eq!(outcome.unwrap_err(), PublishError::Disconnected);
    });
}
