//! Starting a session: with a name and a password that we keep, or for whom a proxy names.

use std::net::{IpAddr, Ipv6Addr};

use paynow_desk::console::sign_in::{Credentials, SignedIn};

use super::FORWARDED_FOR;
use super::proxy::Told;
use crate::call::Call;
use crate::config::{Auth, ProxySettings};
use crate::console::Console;
use crate::problem::Problem;

const NETWORK_OF_V6: u128 = u128::MAX << 64;

/// Who tries: the peer, or whom a proxy that we trust names last. Of IPv6 the network, which one household has: it has
/// more addresses than anybody can count.
pub(crate) fn source(console: &Console, call: &Call) -> Option<IpAddr> {
    address(console, call).map(network)
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_OF_V6).into(),
    }
}

fn address(console: &Console, call: &Call) -> Option<IpAddr> {
    let peer = call.peer?;
    let proxies = match &console.auth {
        Auth::Accounts { proxies } => proxies,
        Auth::Proxy(settings) => &settings.peers,
    };
    if !proxies.iter().any(|net| net.contains(&peer)) {
        return Some(peer);
    }
    // A proxy that adds a line leaves those of the browser before it.
    let lines = call.headers.get_all(&FORWARDED_FOR);
    let named = lines.last().and_then(|line| line.to_str().ok());
    let last = named.and_then(|list| list.rsplit(',').next());
    last.and_then(|address| address.trim().parse().ok())
        .or(Some(peer))
}

/// Checks what somebody typed.
pub(crate) fn sign_in(console: &Console, call: &Call) -> Result<SignedIn, Problem> {
    // A password may begin or end with a space.
    let password = call.fields("password").next().unwrap_or_default();
    let credentials = Credentials {
        name: call.field("name").unwrap_or_default().to_owned(),
        password: password.into(),
        code: call.field("code").map(str::to_owned),
    };
    Ok(console.database.sign_in(&credentials)?)
}

/// Believes the proxy.
pub(crate) fn sign_in_told(
    console: &Console,
    told: &Told,
    settings: &ProxySettings,
) -> Result<SignedIn, Problem> {
    let shown_name = told.name.as_str();
    Ok(console
        .database
        .sign_in_by_proxy(&told.name, shown_name, &told.roles, &settings.secret)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_has_one_source_however_many_addresses_it_has() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            let source = network(address.parse().unwrap());
            assert_eq!(source.to_string(), expected);
        }
    }
}
