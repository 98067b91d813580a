//! A replayed message names the operator action that sent it again, wherever it goes.

use lapin::options::BasicGetOptions;
use paynow_process::broker::Link;
use paynow_process::broker::message::headers;
use paynow_shared::wire::Headers;

use super::{PRODUCT, action, refund, replay, replay_json, stop_workers};
use crate::harness::{Order, TestApp, eventually, flake};

/// The headers of a queue's first message, which stays there.
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
        // Whatever was not acknowledged goes back.
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

    // What the broker tells of a queue is some seconds old: the first death must be forgotten.
    eventually("the first death is over", || {
        (app.broker.management_depth("paynow.credits.dead") == Some(0)).then_some(())
    });
    // The worker cannot archive the dead letter, so it is still there when the worker is gone.
    app.database
        .execute("REVOKE INSERT ON dead_letters FROM paynow_worker")
        .unwrap();
    app.start_worker();
    eventually("it is dead again", || {
        (app.broker.management_depth("paynow.credits.dead") == Some(1)).then_some(())
    });
    stop_workers(&mut app);
    let dead = eventually("it is back in its queue", || {
        first_headers(&app, "paynow.credits.dead")
    });
    assert_eq!(dead.replay, sent.replay);
    assert_eq!(dead.attempt, 3, "it went up the whole ladder");

    app.database
        .execute("GRANT INSERT ON dead_letters TO paynow_worker")
        .unwrap();
    app.start_worker();
    eventually("the desk has it", || {
        let deaths = "SELECT sum(deaths) AS value FROM dead_letters";
        (app.database.number(deaths) == 2).then_some(())
    });
    let looked = replay_json(&app, &["--resume", &id, "--max-failures", "100"]);
    assert_eq!(looked["dead_again"], 1, "{looked}");
}
