//! Thousands of slow clients at once, and PayNow's webhooks among them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::wire::{Wire, head, signed};
use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;
const CONNECTIONS: &str = "paynow_receiver_connections";
const CROWDED_OUT: &str = "paynow_receiver_connections_crowded_out_total";
const HEADS_TOO_SLOW: &str = "paynow_receiver_requests_total{outcome=\"head_too_slow\"}";
const SLOW_CLIENTS: usize = 2000;
/// Files that the test and the receiver each need for other things than slow clients.
const OTHER_FILES: usize = 400;
const DRIPPERS: usize = 2;
const BETWEEN_DROPS: Duration = Duration::from_millis(50);
/// The highest resident memory, in MiB. An idle receiver takes 20 in a debug build.
const MEMORY_MIB_MAX: u64 = 150;

fn order() -> Vec<u8> {
    Order::of(POINTS, flake()).body()
}

/// How many slow clients there are: fewer where a process may open few files.
fn slow_clients() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux has limits");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    SLOW_CLIENTS.min(files.unwrap_or(usize::MAX).saturating_sub(OTHER_FILES))
}

/// Opens a slow client. A third is silent, a third never ends its head, a third never ends its
/// body.
fn open_slow(port: u16, number: usize) -> Option<Wire> {
    let mut wire = Wire::open_at(port).ok()?;
    match number % 3 {
        0 => {}
        1 => wire
            .try_send("POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\nslow: ")
            .ok()?,
        _body => {
            let head = head("pn-another", b"never whole", "content-length: 1000000\r\n");
            wire.try_send(head).ok()?;
        }
    }
    Some(wire)
}

/// Sends single bytes on its share of the slow clients until `is_over`, and replaces those that
/// were disconnected. Returns how many it opened.
fn drip(port: u16, share: Range<usize>, is_over: &Receiver<()>) -> usize {
    let mut opened = 0;
    let mut wires: Vec<Option<Wire>> = Vec::new();
    wires.resize_with(share.len(), || None);
    while is_over.recv_timeout(BETWEEN_DROPS) == Err(RecvTimeoutError::Timeout) {
        for (number, slot) in share.clone().zip(&mut wires) {
            let is_alive = match slot {
                Some(wire) if number % 3 > 0 => wire.try_send("x").is_ok(),
                Some(wire) => !wire.was_closed(),
                None => false,
            };
            if !is_alive {
                *slot = open_slow(port, number);
                opened += 1;
            }
        }
    }
    opened
}

#[test]
fn two_thousand_slow_clients_delay_nobody_and_take_little_memory() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_PATIENCE_MS", "2000")
        .workers(0)
        .start();
    let receiver = app.receiver.as_ref().expect("it runs");
    let (clients, files) = (slow_clients(), receiver.open_files());
    let port = app.receiver_port();
    let opened: usize = thread::scope(|scope| {
        let share = clients.div_ceil(DRIPPERS);
        let drippers: Vec<_> = (0..DRIPPERS)
            .map(|it| {
                let share = it * share..clients.min((it + 1) * share);
                let (stop, is_over) = sync_channel(0);
                (stop, scope.spawn(move || drip(port, share, &is_over)))
            })
            .collect();
        let most = f64::from(u32::try_from(clients).expect("thousands")) * 0.8;
        eventually("most of them are connected", || {
            app.receiver_metric(CONNECTIONS).filter(|open| *open > most)
        });
        // Each webhook has a connection of its own, while the receiver disconnects all the others.
        eventually("they were disconnected, and connected again", || {
            let reply = Wire::open(&app).send(signed(&order(), "")).expect();
            // The receiver of a busy machine may answer that it is overloaded, and PayNow would
            // send again.
            assert!(
                reply.status == 202 || reply.body.contains("\"overloaded\""),
                "{reply:?}"
            );
            app.receiver_metric(HEADS_TOO_SLOW)
                .filter(|slow| *slow > most)
        });
        let (stops, drippers): (Vec<_>, Vec<_>) = drippers.into_iter().unzip();
        drop(stops);
        let opened = drippers.into_iter().map(|it| it.join().expect("no panic"));
        opened.sum()
    });
    assert!(
        opened > clients,
        "{opened} were opened: none was disconnected"
    );
    let peak = receiver.memory_peak_mib();
    assert!(peak < MEMORY_MIB_MAX, "{peak} MiB");
    eventually("all connections and files are closed", || {
        let is_empty = app.receiver_metric(CONNECTIONS)? < 1.0;
        (is_empty && receiver.open_files() <= files + 10).then_some(())
    });
    app.leave_unaudited();
}

#[test]
fn more_clients_than_connections_crowd_out_each_other_and_not_paynow() {
    let app = TestApp::builder()
        .receiver_setting("RECEIVER_MAX_CONNECTIONS", "64")
        .receiver_setting("RECEIVER_PATIENCE_MS", "60000")
        .workers(0)
        .start();
    let mut paynow = Wire::open(&app);
    assert_eq!(paynow.send(signed(&order(), "")).expect().status, 202);
    let mut crowd = Vec::new();
    for number in 0..300 {
        crowd.extend(open_slow(app.receiver_port(), number));
        if number % 10 == 0 {
            // PayNow uses one kept connection, and new ones.
            assert_eq!(paynow.send(signed(&order(), "")).expect().status, 202);
            assert_eq!(
                Wire::open(&app).send(signed(&order(), "")).expect().status,
                202
            );
        }
    }
    let open = app.receiver_metric(CONNECTIONS).expect("the metric exists");
    assert!(open <= 64.0, "{open} connections");
    let crowded_out = app.receiver_metric(CROWDED_OUT).expect("the metric exists");
    assert!(crowded_out > 200.0, "{crowded_out}");
    app.leave_unaudited();
}
