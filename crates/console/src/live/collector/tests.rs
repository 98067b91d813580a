//! Who looks starts it, all who look share it, and it ends when nobody looks.

use std::sync::atomic::{AtomicU32, Ordering};

use super::super::fixtures::snapshot;
use super::*;

const LONG: Duration = Duration::from_secs(20);
const QUICK: Pace = Pace {
    interval: Duration::from_millis(5),
    idle: Duration::from_millis(20),
};

/// Counts how often somebody began to look, and how often it was looked.
#[derive(Default)]
struct Looks {
    begun: AtomicU32,
    looked: Arc<AtomicU32>,
}

impl Looks {
    fn eyes(&self) -> Eyes {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let looked = Arc::clone(&self.looked);
        Eyes {
            snapshot: Box::new(move || {
                let times = looked.fetch_add(1, Ordering::SeqCst);
                snapshot(f64::from(times) * 2.0, times * 100, times * 80, 0)
            }),
            stakes: Stakes::new(Arc::new(|| Ok(Vec::new()))),
            checked: Box::new(|| None),
        }
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }
}

fn any(_moment: &Moment) -> bool {
    true
}

/// Waits without a clock of its own until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        thread::yield_now();
    }
}

#[test]
fn nobody_who_looks_is_no_work() {
    let looks = Looks::default();
    let _collector = Collector::new(QUICK);
    assert_eq!(looks.begun(), 0);
}

#[test]
fn all_who_look_share_one_thread() {
    let (looks, collector) = (Looks::default(), Collector::new(QUICK));
    let streams: Vec<Moments> = (0..50).map(|_| collector.look(|| looks.eyes())).collect();
    let first = collector.moment(|| looks.eyes(), any, LONG).unwrap();
    let rated = collector
        .moment(|| looks.eyes(), Moment::has_rates, LONG)
        .unwrap();
    assert!(rated.has_rates());
    assert!(rated.view.taken_at_ms >= first.view.taken_at_ms);
    until("every stream has a moment", || {
        streams.iter().all(|moments| moments.borrow().is_some())
    });
    assert_eq!(looks.begun(), 1);
}

#[test]
fn it_ends_when_nobody_looks_and_begins_again() {
    let (looks, collector) = (Looks::default(), Collector::new(QUICK));
    let stream = collector.look(|| looks.eyes());
    let since = Instant::now();
    // A stream that is open keeps it going for longer than it goes on without one.
    until("it looks on", || since.elapsed() > QUICK.idle * 3);
    assert!(collector.shared.lock().is_running);
    drop(stream);
    until("it ends", || !collector.shared.lock().is_running);
    assert!(collector.moment(|| looks.eyes(), any, LONG).is_some());
    assert_eq!(looks.begun(), 2);
}

#[test]
fn an_end_is_not_mistaken_for_the_end_of_the_next_thread() {
    let pace = Pace {
        interval: Duration::from_millis(1),
        idle: Duration::ZERO,
    };
    let (looks, collector) = (Looks::default(), Collector::new(pace));
    for _turn in 0..30 {
        until("it ends", || !collector.shared.lock().is_running);
        let stream = collector.look(|| looks.eyes());
        for _moment in 0..100 {
            assert!(collector.shared.lock().is_running);
            thread::yield_now();
        }
        drop(stream);
    }
}

#[test]
fn a_look_that_panics_does_not_stop_the_next_one() {
    let (looks, collector) = (Looks::default(), Collector::new(QUICK));
    let broken = || Eyes {
        snapshot: Box::new(|| panic!("a bug")),
        ..looks.eyes()
    };
    assert!(
        collector
            .moment(broken, any, Duration::from_millis(50))
            .is_none()
    );
    until("it ends", || !collector.shared.lock().is_running);
    assert!(collector.moment(|| looks.eyes(), any, LONG).is_some());
}

#[test]
fn it_ends_with_the_console() {
    let (looks, collector) = (Looks::default(), Collector::new(PACE));
    let stream = collector.look(|| looks.eyes());
    let shared = Arc::clone(&collector.shared);
    drop(collector);
    until("it ends", || !shared.lock().is_running);
    drop(stream);
}
