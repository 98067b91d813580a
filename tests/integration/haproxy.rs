//! The proxy of the cluster overlay: the real HAProxy with the shipped configuration, under clients
//! that try to keep PayNow out.

mod crowd;
mod proxy;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use paynow_process::clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use self::crowd::{Crowd, allow_files, connect, exchange};
use self::proxy::{OWN_PROXY, PAYNOW, Proxy, check_shipped, shipped};
use crate::harness::{Order, SECRET, TestApp, eventually, flake, sign};

const POINTS: i64 = 600_000_000_000_000_040;
/// A sender whose address is in no list.
const SOMEBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// The connections that one address may keep open.
const PER_SOURCE: usize = 64;
/// The same, while half of what addresses in no list may have together is in use.
const WHEN_HALF_FULL: usize = 8;
/// The connections that addresses in no list may keep open together.
const SHARED: usize = 6144;
/// More than that, each with an address of its own.
const ATTACKERS: u64 = 6800;
/// What the proxy may use with as many connections as it allows.
const MEMORY_MIB_MAX: u64 = 150;
/// A connection that is still open then was let in.
const NO_END_WITHIN: Duration = Duration::from_millis(500);
/// A client with a slow body is cut off sooner.
const DRIP_LIMIT: Duration = Duration::from_secs(15);
/// Only one crowd at a time, because this machine has few cores.
static CROWDED: Mutex<()> = Mutex::new(());

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

fn receiver() -> TestApp {
    TestApp::builder()
        .receiver_setting(
            "RECEIVER_TRUSTED_PROXIES",
            &format!("127.0.0.1,{OWN_PROXY}"),
        )
        .receiver_setting("RECEIVER_PATIENCE_MS", "2000")
        .receiver_setting("RECEIVER_FAILURES_PER_SOURCE", "2")
        .workers(0)
        .start()
}

/// The head of a signed request on a connection of its own.
fn head(secret: &str, body: &[u8], more: &str) -> String {
    let timestamp = clock::now_ms().to_string();
    let signature = sign(secret, &timestamp, body);
    format!(
        "POST /webhooks/paynow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         PayNow-Signature: {signature}\r\nPayNow-Timestamp: {timestamp}\r\n\
         content-length: {}\r\n{more}\r\n",
        body.len()
    )
}

/// A complete request with the body of a new order.
fn webhook(secret: &str, more: &str) -> Vec<u8> {
    let body = Order::of(POINTS, flake()).body();
    [head(secret, &body, more).as_bytes(), &body].concat()
}

/// Posts a signed webhook and returns the status; `None` if the proxy does not answer in time.
fn post(runtime: &Runtime, source: Ipv4Addr, port: u16) -> Option<u16> {
    let answer = runtime.block_on(exchange(source, port, &webhook(SECRET, "")));
    let answer = answer.ok()?;
    // The receiver of a busy machine may answer that it is overloaded, and PayNow would send again.
    if answer.contains("\"overloaded\"") {
        return Some(202);
    }
    status(&answer)
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// How many connections the proxy lets this address open at once, if it tries a few more than it
/// may have.
fn admitted(runtime: &Runtime, source: Ipv4Addr, port: u16) -> usize {
    runtime.block_on(async {
        let tries = (0..WHEN_HALF_FULL + 4).map(|_number| connect(source, port));
        let streams = join_all(tries).await.into_iter().flatten();
        let stays_open = streams.map(|mut stream| async move {
            let read = timeout(NO_END_WITHIN, stream.read_u8()).await;
            (read.is_err(), stream)
        });
        let ends = join_all(stays_open).await;
        ends.iter().filter(|(stays_open, _)| *stays_open).count()
    })
}

#[test]
fn haproxy_accepts_the_shipped_file_which_makes_it_no_less_strict() {
    check_shipped();
    let text = shipped("haproxy.cfg");
    for lenient in [
        "accept-invalid-http",
        "accept-unsafe-violations",
        "h1-accept",
    ] {
        assert!(!text.contains(lenient), "{lenient}");
    }
}

#[test]
fn idle_clients_of_some_addresses_keep_nobody_else_out() {
    let _alone = CROWDED.lock().unwrap_or_else(PoisonError::into_inner);
    let (sources, clients) = (30, 4500);
    allow_files(clients + 1000);
    let (app, runtime) = (receiver(), runtime());
    let proxy = Proxy::in_front_of(&app);
    let attacker = |number: u64| Ipv4Addr::new(127, 0, 1, u8::try_from(number % sources).unwrap());
    let crowd = Crowd::start(&runtime, proxy.port, (0..clients).map(attacker));
    let most = usize::try_from(sources).unwrap() * PER_SOURCE * 9 / 10;
    eventually("the crowd has its connections", || {
        (crowd.open() > most).then_some(())
    });
    eventually(
        "all were cut off twice, and webhooks accepted meanwhile",
        || {
            assert_eq!(post(&runtime, SOMEBODY, proxy.port), Some(202));
            (crowd.cut() > 2 * most).then_some(())
        },
    );
    assert!(crowd.refused() > 0, "one address may open any number");
    crowd.open_no_more();
    eventually("a webhook from the crowd's own address is accepted", || {
        (post(&runtime, attacker(0), proxy.port)? == 202).then_some(())
    });
    crowd.end(&runtime);
    app.leave_unaudited();
}

#[test]
fn idle_clients_of_thousands_of_addresses_do_not_keep_paynow_s_out() {
    let _alone = CROWDED.lock().unwrap_or_else(PoisonError::into_inner);
    allow_files(ATTACKERS + 1000);
    let (app, runtime) = (receiver(), runtime());
    let proxy = Proxy::in_front_of(&app);
    let attacker = |number: u64| {
        let [.., high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    };
    let half = Crowd::start(&runtime, proxy.port, (0..ATTACKERS / 2).map(attacker));
    eventually("an address may have fewer connections than before", || {
        (admitted(&runtime, SOMEBODY, proxy.port) == WHEN_HALF_FULL).then_some(())
    });
    let rest = (ATTACKERS / 2..ATTACKERS).map(attacker);
    let rest = Crowd::start(&runtime, proxy.port, rest);
    eventually(
        "the share of the addresses in no list is nearly full",
        || (half.open() + rest.open() > SHARED * 9 / 10).then_some(()),
    );
    eventually("all were cut off, and webhooks accepted meanwhile", || {
        assert_eq!(post(&runtime, PAYNOW, proxy.port), Some(202));
        assert_eq!(post(&runtime, OWN_PROXY, proxy.port), Some(202));
        (half.cut() + rest.cut() > SHARED * 3 / 2).then_some(())
    });
    assert!(half.refused() + rest.refused() > 0, "the share has no end");
    let peak = proxy.memory_peak_mib();
    assert!(peak < MEMORY_MIB_MAX, "{peak} MiB");
    half.end(&runtime);
    rest.end(&runtime);
    eventually("an address in no list is let in again", || {
        (post(&runtime, SOMEBODY, proxy.port)? == 202).then_some(())
    });
    app.leave_unaudited();
}

/// Sends a part of a body, then single bytes, until the proxy ends the connection. Returns what it
/// answered.
async fn drip(port: u16, begin: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(SOMEBODY, port).await?;
    stream.write_all(begin).await?;
    let mut answer = Vec::new();
    loop {
        match timeout(NO_END_WITHIN, stream.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => return Ok(answer),
            Ok(Ok(_length)) => {}
            // The proxy may have closed it just now, which the next read tells.
            Err(_elapsed) => drop(stream.write_all(b"x").await),
        }
    }
}

#[test]
fn a_slow_body_reaches_no_receiver_or_is_ended_by_it() {
    let (app, runtime) = (receiver(), runtime());
    let proxy = Proxy::in_front_of(&app);
    let slow = |path: &str, sent: usize| {
        let body = vec![b'x'; 100_000];
        let head = head(SECRET, &body, "").replace("/webhooks/paynow", path);
        let begin = [head.as_bytes(), &body[..sent]].concat();
        let ended = async { timeout(DRIP_LIMIT, drip(proxy.port, &begin)).await };
        let answer = runtime.block_on(ended).expect("it is cut off");
        String::from_utf8(answer.expect("it listens")).expect("an answer is text")
    };
    let requests = "paynow_receiver_requests_total{outcome=\"body_too_slow\"}";
    assert_eq!(slow("/webhooks/paynow", 1000), "");
    assert_eq!(app.receiver_metric(requests).unwrap_or_default(), 0.0);
    // What a buffer does not hold goes to the receiver, which has a limit of its own.
    assert_eq!(slow("/webhooks/paynow", 30_000), "");
    assert_eq!(app.receiver_metric(requests), Some(1.0));
    assert_eq!(slow("/elsewhere", 30_000), "");
}

#[test]
fn the_receiver_limits_the_address_of_the_client() {
    let (app, runtime) = (receiver(), runtime());
    let proxy = Proxy::in_front_of(&app);
    let forge = |source: Ipv4Addr, forwarded: &str| {
        let more = format!("x-forwarded-for: {forwarded}\r\nX-Forwarded-For: {forwarded}\r\n");
        let request = webhook("pn-another", &more);
        let answer = runtime.block_on(exchange(source, proxy.port, &request));
        status(&answer.expect("it answers"))
    };
    let forge_thrice = |source: Ipv4Addr, forwarded: [&str; 3]| {
        forwarded.map(|forwarded| forge(source, forwarded))
    };
    // Whatever a client writes into the header, its requests count together, and only they.
    let invented = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    assert_eq!(forge_thrice(SOMEBODY, invented), [401, 401, 429].map(Some));
    assert_eq!(forge_thrice(PAYNOW, invented), [401, 401, 429].map(Some));
    // The clients of a proxy in front of this one are those that it names.
    assert_eq!(forge_thrice(OWN_PROXY, invented), [Some(401); 3]);
    assert_eq!(
        forge_thrice(OWN_PROXY, [invented[0]; 3]),
        [401, 429, 429].map(Some)
    );
}
