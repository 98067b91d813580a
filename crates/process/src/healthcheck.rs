//! `<program> healthcheck`: requests `/healthz` of the running program, for containers without a
//! shell or an HTTP client.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::exit::Fatal;

/// For each step; shorter than the time a container engine gives a check.
const STEP_LIMIT: Duration = Duration::from_secs(2);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.0\r\n\r\n";
/// The start of a successful answer in HTTP/1.0 and HTTP/1.1.
const OK_STARTS: [&[u8]; 2] = [b"HTTP/1.0 200 ", b"HTTP/1.1 200 "];

/// Succeeds when the admin server at this address answers that the program is up.
pub(crate) fn check(admin_address: SocketAddr) -> Result<(), Fatal> {
    let address = local_address(admin_address);
    let answer = request(address)
        .map_err(|error| Fatal::failed(format!("{address} does not answer"), error))?;
    if OK_STARTS.iter().any(|start| answer.starts_with(start)) {
        return Ok(());
    }
    let what = format!("{address} does not answer that it is up");
    Err(Fatal::failed(
        what,
        "another program listens there, or the program is shutting down",
    ))
}

fn request(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_LIMIT)?;
    stream.set_read_timeout(Some(STEP_LIMIT))?;
    stream.set_write_timeout(Some(STEP_LIMIT))?;
    stream.write_all(REQUEST)?;
    let mut answer = vec![0; OK_STARTS[0].len()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// A server can listen on the unspecified address; a client must call a specific one.
fn local_address(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_calls_where_the_server_can_be_reached_from_its_own_machine() {
        let called = |address: &str| local_address(address.parse().unwrap()).to_string();
        assert_eq!(called("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(called("[::]:9464"), "[::1]:9464");
        assert_eq!(called("10.1.2.3:9464"), "10.1.2.3:9464");
    }
}
