//! A replayed message names the operator action that sent it again, in every queue.

use lapin::options::BasicGetOptions;
use paynow_process::broker::Link;
use paynow_process::broker::message::headers;
use paynow_shared::wire::Headers;

use super::{PRODUCT, action, refund, replay, replay_json, stop_workers};
use crate::harness::{Order, TestApp, eventually, flake};

/// The headers of a queue's first message, which stays in the queue.
fn first_headers(app: &TestApp, queue: &str) -> Option<Headers> {
    app.broker.runtime().block_on(async {
        let address = app.broker.address();
        let mut link = Link::open(&address, "test").await.expect("it answers");
        let channel = link.channel().await.expect("a channel opens");
        let got = channel
            .basic_get(queue.into(), BasicGetOptions::default())
            .await
            .expect("the queue answers");
        let headers = got.map(|message| headers(&message.delivery.properties));
        // The message was not acknowledged, so it returns to the queue.
        link.close().await;
        headers
    })
}

#[test]
fn a_letter_that_climbs_the_ladder_and_dies_again_still_names_its_replay() {
    let mut app = TestApp::start();
    let order = Order::of(PRODUCT, flake());
    app.deliver_bytes(refund(&order, 1000).to_string().as_bytes());
    app.drain();
    stop_workers(&mut app);

    let reason = ["--reason", "order_unknown", "--yes"];
    let silent = replay(&app, &[&reason[..], &["--wait", "1"]].concat());
    assert_eq!(silent.code, Some(1), "{silent:?}");
    let id = action(&app);
    let sent = first_headers(&app, "paynow.credits").expect("it was sent");
    assert_eq!(sent.replay.map(|id| id.to_string()), Some(id.clone()));
    assert_eq!((sent.attempt, sent.failure), (1, None));

    // The broker's figures are some seconds old, so the first death must have left them.
    eventually("the figures no longer show the first death", || {
        (app.broker.management_depth("paynow.credits.dead") == Some(0)).then_some(())
    });
    // The worker cannot archive the dead letter, so it is still in its queue when the worker has
    // stopped.
    app.database
        .execute("REVOKE EXECUTE ON FUNCTION archive_dead_letter FROM paynow_worker")
        .unwrap();
    app.start_worker();
    eventually("the letter is dead again", || {
        (app.broker.management_depth("paynow.credits.dead") == Some(1)).then_some(())
    });
    stop_workers(&mut app);
    let dead = eventually("the message is back in its queue", || {
        first_headers(&app, "paynow.credits.dead")
    });
    assert_eq!(dead.replay, sent.replay);
    assert_eq!(dead.attempt, 3, "it waited on every rung of the ladder");

    app.database
        .execute("GRANT EXECUTE ON FUNCTION archive_dead_letter TO paynow_worker")
        .unwrap();
    app.start_worker();
    eventually("the dead letter is archived", || {
        let deaths = "SELECT sum(deaths) AS value FROM dead_letters";
        (app.database.number(deaths) == 2).then_some(())
    });
    let shown = replay_json(&app, &["--resume", &id, "--max-failures", "100"]);
    assert_eq!(shown["dead_again"], 1, "{shown}");
}
