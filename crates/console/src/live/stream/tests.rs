//! What a stream sends, and when it ends.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::stream::{iter, pending};

use super::super::collector::{Collector, Eyes, PACE};
use super::super::fixtures::snapshot;
use super::super::stakes::Stakes;
use super::*;

const NEVER: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(1);
const QUIET: Pulse = Pulse {
    comment: NEVER,
    check: NEVER,
};

fn always(standing: Standing) -> Check {
    Box::new(move || Box::pin(std::future::ready(standing)))
}

fn lasting(pulse: Pulse, check: Check) -> Lasting<&'static str> {
    Lasting {
        _place: Streams::new().enter("anna").unwrap(),
        check,
        stop: CancellationToken::new(),
        pulse,
    }
}

async fn all(stream: impl Stream<Item = Result<Bytes, Infallible>>) -> String {
    let pieces = stream.map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap());
    pieces.collect::<Vec<_>>().await.concat()
}

#[test]
fn a_session_has_four_streams_and_a_place_is_free_again() {
    let streams = Streams::new();
    let mut places: Vec<_> = (0..4).map(|_| streams.enter("anna").unwrap()).collect();
    assert!(streams.enter("anna").is_none());
    assert!(streams.enter("bob").is_some());
    places.pop();
    assert!(streams.enter("anna").is_some());
    places.clear();
    assert!(streams.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stream_says_when_to_come_back_and_then_what_there_is() {
    let events = iter(
        ["id: 1\ndata: a\n\n", "id: 2\ndata: b\n\n"]
            .map(|event| Bytes::from_static(event.as_bytes())),
    );
    let sent = all(body(events, lasting(QUIET, always(Standing::GoesOn)))).await;
    assert_eq!(sent, "retry: 3000\n\nid: 1\ndata: a\n\nid: 2\ndata: b\n\n");
}

#[tokio::test]
async fn a_quiet_stream_says_that_it_is_there_and_ends_with_its_session() {
    let pulse = Pulse {
        comment: SOON,
        check: Duration::from_millis(50),
    };
    let sent = all(body(pending(), lasting(pulse, always(Standing::Over)))).await;
    assert!(
        sent.starts_with("retry: 3000\n\n: still here\n\n"),
        "{sent}"
    );
    assert!(sent.ends_with(ENDED), "{sent}");
}

#[tokio::test]
async fn a_busy_stream_ends_with_its_session_too() {
    let pulse = Pulse {
        comment: NEVER,
        check: SOON,
    };
    let busy = iter(std::iter::repeat(Bytes::from_static(b"data: x\n\n")));
    // The executor must turn the clock meanwhile.
    let busy = busy.then(async |event| {
        tokio::task::yield_now().await;
        event
    });
    let sent = all(body(busy, lasting(pulse, always(Standing::Over)))).await;
    assert!(sent.ends_with(ENDED));
}

#[tokio::test]
async fn a_silent_database_ends_a_stream_only_after_a_while() {
    let pulse = Pulse {
        comment: NEVER,
        check: SOON,
    };
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    // The second answer makes the first silence forgotten.
    let check: Check = Box::new(move || {
        let times = counted.fetch_add(1, Ordering::SeqCst);
        let standing = if times == 1 {
            Standing::GoesOn
        } else {
            Standing::Unknown
        };
        Box::pin(std::future::ready(standing))
    });
    let sent = all(body(pending(), lasting(pulse, check))).await;
    assert_eq!(sent, format!("{RETRY}{ENDED}"));
    assert_eq!(asked.load(Ordering::SeqCst), 2 + UNANSWERED_MAX);
}

#[tokio::test]
async fn the_end_of_the_console_ends_every_stream() {
    let lasting = lasting(QUIET, always(Standing::GoesOn));
    lasting.stop.cancel();
    assert_eq!(all(body(pending(), lasting)).await, RETRY);
}

#[tokio::test]
async fn a_stream_of_moments_begins_with_the_newest() {
    let collector = Collector::new(PACE);
    let eyes = || Eyes {
        snapshot: Box::new(|| snapshot(0.0, 0, 0, 0)),
        stakes: Stakes::new(Arc::new(|| Ok(Vec::new()))),
        checked: Box::new(|| None),
    };
    assert!(
        collector
            .moment(eyes, |_| true, Duration::from_secs(20))
            .is_some()
    );
    let mut events = Box::pin(moments(collector.look(eyes)));
    let first = String::from_utf8(events.next().await.unwrap().to_vec()).unwrap();
    assert!(first.starts_with("id: 1\nevent: live\ndata: {"), "{first}");
    assert!(first.ends_with("}\n\n"), "{first}");
    assert_eq!(first.lines().count(), 4, "{first}");
    drop(collector);
    assert_eq!(events.next().await, None);
}
