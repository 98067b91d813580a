//! Reads metrics over HTTP, from every process behind an address of the command line.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::in_one_line;
use paynow_process::idle::IDLE_MAX;
use ureq::Agent;
use url::{Host, Url};

use super::exposition::parse;
use super::metric::{BUILD_INFO, Selector, matching};
use super::snapshot::{Answer, Scrape};

const DEFAULT_PATH: &str = "/metrics";

/// An address of the command line.
pub(super) struct Target {
    url: Url,
    agent: Agent,
    started: Instant,
}

/// One process behind a target.
struct Instance {
    label: String,
    url: Url,
    /// The `Host` header, when the URL has the address that its name was resolved to.
    host: Option<String>,
}

impl Target {
    pub(super) fn new(url: Url, limit: Duration, started: Instant) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            // The processes are our own, and a proxy for outside hosts would not reach them.
            .proxy(None)
            .max_idle_age(IDLE_MAX)
            .build()
            .new_agent();
        Self {
            url,
            agent,
            started,
        }
    }

    /// Names the target as long as no process behind it is known.
    pub(super) fn label(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        label(&format!("{host}:{port}"), &self.url)
    }

    /// Asks every process behind the address at the same time.
    pub(super) fn scrape(&self) -> BTreeMap<String, Answer<Scrape>> {
        let instances = match self.instances() {
            Ok(instances) => instances,
            Err(reason) => return BTreeMap::from([(self.label(), Err(reason))]),
        };
        thread::scope(|scope| {
            let asked: Vec<_> = instances
                .iter()
                .map(|instance| (&instance.label, scope.spawn(|| self.ask(instance))))
                .collect();
            let panicked = |_| Err("the thread that asked it panicked".to_owned());
            asked
                .into_iter()
                .map(|(label, answer)| (label.clone(), answer.join().unwrap_or_else(panicked)))
                .collect()
        })
    }

    fn instances(&self) -> Answer<Vec<Instance>> {
        let port = self.url.port_or_known_default().unwrap_or_default();
        match self.url.host() {
            // With https the name must stay: a certificate is made out to a name.
            Some(Host::Domain(name)) if self.url.scheme() == "http" => {
                let resolved = (name, port).to_socket_addrs();
                let resolved =
                    resolved.map_err(|error| format!("its name cannot be resolved: {error}"))?;
                let addresses = of_one_family(resolved.collect()).into_iter();
                Ok(addresses.map(|address| self.at(address, name)).collect())
            }
            Some(_) | None => Ok(vec![Instance {
                label: self.label(),
                url: self.url.clone(),
                host: None,
            }]),
        }
    }

    fn at(&self, address: SocketAddr, name: &str) -> Instance {
        let mut url = self.url.clone();
        // This fails only for URLs that cannot have a host.
        let _infallible = url.set_ip_host(address.ip());
        Instance {
            label: label(&address.to_string(), &url),
            url,
            host: Some(format!("{name}:{}", address.port())),
        }
    }

    fn ask(&self, instance: &Instance) -> Answer<Scrape> {
        let mut request = self.agent.get(instance.url.as_str());
        if let Some(host) = &instance.host {
            request = request.header("host", host);
        }
        let mut answer = request.call().map_err(|error| in_one_line(&error))?;
        let at = self.started.elapsed().as_secs_f64();
        match answer.status().as_u16() {
            200 => {}
            other => return Err(format!("it answered HTTP {other}")),
        }
        let page = answer.body_mut().read_to_string();
        Scrape::of_page(&page.map_err(|error| in_one_line(&error))?, at)
    }
}

fn label(address: &str, url: &Url) -> String {
    match url.path() {
        DEFAULT_PATH => address.to_owned(),
        other => format!("{address}{other}"),
    }
}

/// A process that has addresses of both families must not be counted twice.
fn of_one_family(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if addresses.iter().any(SocketAddr::is_ipv4) {
        addresses.retain(SocketAddr::is_ipv4);
    }
    addresses
}

impl Scrape {
    /// Parses a page, and takes the program and its version from it.
    pub fn of_page(page: &str, at: f64) -> Answer<Self> {
        let samples = parse(page).map_err(|error| error.to_string())?;
        let selector = Selector::of(BUILD_INFO);
        let Some((build, _one)) = matching(&samples, &selector).next() else {
            return Err(format!(
                "it has no {BUILD_INFO}: is it a receiver or a worker?"
            ));
        };
        let label = |name| build.label(name).to_owned();
        Ok(Self {
            at,
            program: label("program"),
            version: label("version"),
            samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::new(url.parse().unwrap(), Duration::from_secs(1), Instant::now())
    }

    #[test]
    fn a_process_is_called_by_its_address() {
        for (url, label) in [
            ("http://127.0.0.1:9464/metrics", "127.0.0.1:9464"),
            ("https://worker.example/metrics", "worker.example:443"),
            ("http://[::1]:9464/own", "[::1]:9464/own"),
        ] {
            let instances = target(url).instances().unwrap();
            let labels: Vec<&str> = instances.iter().map(|one| one.label.as_str()).collect();
            assert_eq!(labels, [label]);
        }
    }

    #[test]
    fn a_request_to_an_address_names_the_host() {
        let target = target("http://worker.example:9465/metrics");
        let instance = target.at("10.0.0.7:9465".parse().unwrap(), "worker.example");
        assert_eq!(instance.url.as_str(), "http://10.0.0.7:9465/metrics");
        assert_eq!(instance.label, "10.0.0.7:9465");
        assert_eq!(instance.host.as_deref(), Some("worker.example:9465"));
    }

    #[test]
    fn a_process_with_addresses_of_both_families_is_one_process() {
        let addresses = |texts: &[&str]| {
            let parsed = texts.iter().map(|text| text.parse().unwrap());
            of_one_family(parsed.collect())
        };
        let both = addresses(&["[::1]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        assert_eq!(both, addresses(&["10.0.0.1:1", "10.0.0.2:1"]));
        assert_eq!(addresses(&["[::1]:1"]).len(), 1);
    }

    #[test]
    fn a_page_of_another_program_is_an_error() {
        let page = "paynow_build_info{program=\"paynow-worker\",version=\"1\"} 1\n";
        assert_eq!(Scrape::of_page(page, 0.0).unwrap().program, "paynow-worker");
        assert!(
            Scrape::of_page("go_goroutines 7\n", 0.0)
                .unwrap_err()
                .contains("paynow_build_info")
        );
        assert!(
            Scrape::of_page("<html>", 0.0)
                .unwrap_err()
                .contains("line 1")
        );
    }

    #[test]
    fn a_port_without_a_listener_is_an_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let answers = target(&format!("http://{address}/metrics")).scrape();
        assert!(answers[&address.to_string()].is_err(), "{answers:?}");
    }
}
