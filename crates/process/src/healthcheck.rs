//! `<program> healthcheck`: asks the running program whether it is up, for containers that have
//! neither a shell nor another program to ask with.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::exit::Fatal;

/// Of each step; a container engine gives its checks more.
const LIMIT: Duration = Duration::from_secs(2);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.0\r\n\r\n";
/// The beginning of every answer that says yes, whatever its minor version is.
const UP: [&[u8]; 2] = [b"HTTP/1.0 200 ", b"HTTP/1.1 200 "];

/// Asks the admin server of the program that runs on these settings.
pub(crate) fn ask(admin_address: SocketAddr) -> Result<(), Fatal> {
    let address = from_here(admin_address);
    let answer = exchange(address)
        .map_err(|error| Fatal::failed(format!("{address} does not answer"), error))?;
    if UP.iter().any(|up| answer.starts_with(up)) {
        return Ok(());
    }
    let what = format!("{address} does not say that it is up");
    Err(Fatal::failed(what, "it is another program, or ends"))
}

fn exchange(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(REQUEST)?;
    let mut answer = vec![0; UP[0].len()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// "Every address" is one to listen on, not to call.
fn from_here(mut address: SocketAddr) -> SocketAddr {
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
        let called = |address: &str| from_here(address.parse().unwrap()).to_string();
        assert_eq!(called("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(called("[::]:9464"), "[::1]:9464");
        assert_eq!(called("10.1.2.3:9464"), "10.1.2.3:9464");
    }
}
