//! The source of a request: the address behind trusted proxies, and whether it may send webhooks.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::HeaderMap;
use ipnet::{IpNet, Ipv4Net};

/// The header in which each proxy appends the address of its client.
pub const FORWARDED_HEADER: &str = "X-Forwarded-For";

/// The length of the prefix of IPv6 addresses that hold an IPv4 address (`::ffff:0:0/96`).
const MAPPED_PREFIX_BITS: u8 = 96;

/// A household or server has a whole /64 of IPv6 and may use any address in it.
const IPV6_SOURCE_BITS: u32 = 64;

/// What counts as one source for limits: an IPv4 address, or the first 64 bits of an IPv6 address.
pub(crate) fn network_of(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let network = address.to_bits() >> IPV6_SOURCE_BITS << IPV6_SOURCE_BITS;
            Ipv6Addr::from_bits(network).into()
        }
    }
}

/// Why the source of a request may not send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("this address may not send webhooks")]
    NotAllowed,
    #[error("the proxy did not name the address of its client")]
    Unknown,
}

/// Why a list of networks is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworksError {
    #[error("has {0:?}, which is neither an address nor a network such as 10.0.0.0/8")]
    NotANetwork(String),
    #[error("has {0}, with bits beyond its prefix; write {1}")]
    BitsBeyondPrefix(IpNet, IpNet),
}

/// Addresses and networks, IPv4 and IPv6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads a comma separated list.
    pub fn parse(list: &str) -> Result<Self, NetworksError> {
        let items = list.split(',').map(str::trim);
        let items = items.filter(|item| !item.is_empty());
        items.map(network).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it contains every IPv4 address or every IPv6 address.
    pub fn is_everybody(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(item: &str) -> Result<IpNet, NetworksError> {
    let not_a_network = || NetworksError::NotANetwork(item.to_owned());
    if let Ok(address) = item.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = item.parse().map_err(|_error| not_a_network())?;
    if network != network.trunc() {
        return Err(NetworksError::BitsBeyondPrefix(network, network.trunc()));
    }
    Ok(canonical(network))
}

/// Turns an IPv4 network that is written as IPv6 into the IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(written) = network else {
        return network;
    };
    let prefix = written.prefix_len().checked_sub(MAPPED_PREFIX_BITS);
    let mapped = written.addr().to_ipv4_mapped().zip(prefix);
    let mapped = mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    mapped.map_or(network, IpNet::V4)
}

/// The senders and proxies that the settings name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The addresses that may send webhooks; all when it is empty.
    pub allowed: Networks,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub proxies: Networks,
}

impl Sources {
    /// Gives the source of a request, or the nearest proxy when the source is unknown, and whether it may
    /// send. The header is believed only from a trusted proxy, because anybody can write one.
    pub fn admit(
        &self,
        peer: Option<SocketAddr>,
        headers: &HeaderMap,
    ) -> (IpAddr, Result<(), SourceError>) {
        let unspecified = IpAddr::from([0, 0, 0, 0]);
        let peer = peer.map_or(unspecified, |peer| peer.ip().to_canonical());
        let client = if self.proxies.contains(peer) {
            self.client(headers)
        } else {
            Some(peer)
        };
        let admitted = match client {
            _ if self.allowed.is_empty() => Ok(()),
            Some(address) if self.allowed.contains(address) => Ok(()),
            Some(_other) => Err(SourceError::NotAllowed),
            None => Err(SourceError::Unknown),
        };
        (client.unwrap_or(peer), admitted)
    }

    /// The last address that is not a trusted proxy: the client may have invented all before it. If all are
    /// proxies, the first one; `None` if there is no address, or one that cannot be read comes after it.
    fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let values: Vec<_> = headers.get_all(FORWARDED_HEADER).collect();
        let mut client = None;
        for value in values.into_iter().rev() {
            for item in value.to_str().ok()?.rsplit(',') {
                let address = forwarded(item.trim())?;
                client = Some(address);
                if !self.proxies.contains(address) {
                    return client;
                }
            }
        }
        client
    }
}

/// Reads an address. Some proxies add the client's port, or brackets.
fn forwarded(item: &str) -> Option<IpAddr> {
    let bare = item
        .strip_prefix('[')
        .and_then(|item| item.strip_suffix(']'));
    let with_port = || item.parse::<SocketAddr>().map(|it| it.ip());
    let address = bare.unwrap_or(item).parse().or_else(|_no| with_port());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PAYNOW: &str = "34.203.112.123";

    fn sources(allowed: &str, proxies: &str) -> Sources {
        Sources {
            allowed: Networks::parse(allowed).unwrap(),
            proxies: Networks::parse(proxies).unwrap(),
        }
    }

    /// The source of a request from this peer with these header values, if it may send.
    #[expect(
        clippy::unwrap_in_result,
        reason = "the values are those of the tests below"
    )]
    fn admit(sources: &Sources, peer: &str, values: &[&str]) -> Result<String, SourceError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        let (source, admitted) = sources.admit(Some(peer), &headers);
        admitted.map(|()| source.to_string())
    }

    #[test]
    fn a_list_has_addresses_and_networks_of_both_kinds() {
        let list = Networks::parse(" 34.203.112.123, 10.0.0.0/8,,2001:db8::/32 ").unwrap();
        for (address, expected) in [
            ("34.203.112.123", true),
            ("34.203.112.124", false),
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), expected);
        }
        assert!(Networks::parse("").unwrap().is_empty());
        assert!(Networks::parse("::/0").unwrap().is_everybody());
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_is_the_ipv4_address() {
        let plain = Networks::parse("10.1.0.0/16,192.0.2.7").unwrap();
        let mapped = Networks::parse("::ffff:10.1.0.0/112,::ffff:192.0.2.7").unwrap();
        assert_eq!(plain, mapped);
        let sources = sources("192.0.2.7", "");
        assert!(admit(&sources, "::ffff:192.0.2.7", &[]).is_ok());
        assert!(admit(&sources, "::ffff:192.0.2.8", &[]).is_err());
    }

    #[test]
    fn what_is_no_network_is_named() {
        for item in ["localhost", "10.0.0.0/33", "10.0.0", "1.2.3.4:80", "*"] {
            let list = format!("10.0.0.1,{item}");
            let error = Networks::parse(&list).unwrap_err();
            assert_eq!(error, NetworksError::NotANetwork(item.to_owned()));
        }
        let error = Networks::parse("10.0.0.1/8").unwrap_err().to_string();
        assert!(error.contains("write 10.0.0.0/8"), "{error}");
    }

    #[test]
    fn without_a_list_everybody_may_send_and_with_one_nobody_else() {
        let everybody = sources("", "");
        assert_eq!(
            admit(&everybody, "198.51.100.1", &[]).unwrap(),
            "198.51.100.1"
        );
        let paynow = sources(PAYNOW, "");
        assert!(admit(&paynow, PAYNOW, &[]).is_ok());
        assert_eq!(
            admit(&paynow, "198.51.100.1", &[]),
            Err(SourceError::NotAllowed)
        );
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let sources = sources(PAYNOW, "10.0.0.0/8");
        assert_eq!(
            admit(&sources, "198.51.100.1", &[PAYNOW]),
            Err(SourceError::NotAllowed)
        );
        assert_eq!(admit(&sources, "10.0.0.1", &[PAYNOW]).unwrap(), PAYNOW);
        assert_eq!(
            admit(&sources, "::ffff:10.0.0.1", &[PAYNOW]).unwrap(),
            PAYNOW
        );
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy() {
        let sources = sources("", "10.0.0.0/8");
        for (values, expected) in [
            (&["1.1.1.1, 2.2.2.2"][..], "2.2.2.2"),
            (&["1.1.1.1, 2.2.2.2, 10.0.0.9"], "2.2.2.2"),
            (&["1.1.1.1", "2.2.2.2,10.0.0.9", "10.0.0.8"], "2.2.2.2"),
            (&["10.0.0.7, 10.0.0.9"], "10.0.0.7"),
            // The client may have invented what comes before it.
            (&["nonsense, 2.2.2.2"], "2.2.2.2"),
            (&["2.2.2.2:4711"], "2.2.2.2"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["::ffff:2.2.2.2"], "2.2.2.2"),
        ] {
            assert_eq!(admit(&sources, "10.0.0.1", values).unwrap(), expected);
        }
    }

    #[test]
    fn a_proxy_that_does_not_say_for_whom_is_the_source_or_refused_with_a_list() {
        let broken = [&[][..], &[""], &["unknown"], &["2.2.2.2, nonsense"]];
        for values in broken {
            let open = sources("", "10.0.0.0/8");
            assert_eq!(admit(&open, "10.0.0.1", values).unwrap(), "10.0.0.1");
            let listed = sources("10.0.0.1,2.2.2.2", "10.0.0.0/8");
            let refused = admit(&listed, "10.0.0.1", values);
            assert_eq!(refused, Err(SourceError::Unknown), "{values:?}");
        }
    }
}
