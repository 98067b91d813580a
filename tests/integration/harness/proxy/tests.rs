use std::io::{Read, Write};
use std::net::TcpStream as Client;

use super::*;

/// A server that sends back what it gets, and a proxy before it.
fn echo() -> Proxy {
    let listener = BoundListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut from = stream.try_clone().unwrap();
                std::io::copy(&mut from, &mut &stream)
            });
        }
    });
    Proxy::to(address)
}

/// What comes at all comes within this time, also on a busy machine.
const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

fn connect(proxy: &Proxy) -> Client {
    let client = Client::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client
}

fn echoes(client: &Client) -> bool {
    echoes_within(client, LONG)
}

fn is_silent(client: &Client) -> bool {
    !echoes_within(client, SHORT)
}

fn echoes_within(mut client: &Client, limit: Duration) -> bool {
    let mut answer = [0; 4];
    client.set_read_timeout(Some(limit)).unwrap();
    client.write_all(b"ping").unwrap();
    client.read_exact(&mut answer).is_ok()
}

#[test]
fn a_silent_connection_stays_silent_and_a_new_one_passes() {
    let proxy = echo();
    let first = connect(&proxy);
    assert!(echoes(&first));
    proxy.swallow_existing();
    assert!(is_silent(&first));
    let second = connect(&proxy);
    assert!(echoes(&second));
    proxy.set(Way::Down, Flow::Swallow);
    assert!(is_silent(&second));
    proxy.heal();
    assert!(is_silent(&first) && is_silent(&second));
    let third = connect(&proxy);
    assert!(echoes(&third));
    assert_eq!(proxy.connections(), 3);
}

#[test]
fn connections_are_reset_half_closed_refused_and_delayed() {
    let proxy = echo();
    let mut client = connect(&proxy);
    assert!(echoes(&client));
    proxy.reset_all();
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let mut client = connect(&proxy);
    assert!(echoes(&client));
    proxy.half_close_all();
    // The server echoes the end of the stream that it sees.
    assert_eq!(client.read(&mut [0]).unwrap(), 0);

    proxy.refuse(true);
    assert_eq!(connect(&proxy).read(&mut [0]).unwrap_or(0), 0);
    proxy.refuse(false);
    proxy.blackhole(true);
    assert!(is_silent(&connect(&proxy)));
    proxy.heal();

    let client = connect(&proxy);
    assert!(echoes(&client));
    proxy.set(Way::Up, Flow::Delay(Duration::from_millis(500)));
    assert!(is_silent(&client));
    proxy.set(Way::Up, Flow::Throttle(1000));
    assert!(echoes(&connect(&proxy)));
    drop(proxy);
}
