//! Metrics over HTTP: from an address as typed to every process behind it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use url::{Host, Url};

use super::exposition::parse;
use super::metric::{BUILD_INFO, Metric};
use super::sample::{Scrape, Told};
use crate::failure::in_one_line;

const USUAL_PATH: &str = "/metrics";

/// An address that was typed.
pub(super) struct Target {
    url: Url,
    agent: Agent,
    began: Instant,
}

/// One process behind it.
struct Instance {
    label: String,
    url: Url,
    /// The name that was asked for, where the URL now has a number.
    host: Option<String>,
}

impl Target {
    pub(super) fn new(url: Url, limit: Duration, began: Instant) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            // Our own machines; a proxy for the way out would not know them.
            .proxy(None)
            .build()
            .new_agent();
        Self { url, agent, began }
    }

    /// What it is called when nothing behind it is known.
    pub(super) fn label(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        labelled(&format!("{host}:{port}"), &self.url)
    }

    /// Every process behind the address, each asked at the same time.
    pub(super) fn scrape(&self) -> BTreeMap<String, Told<Scrape>> {
        let instances = match self.instances() {
            Ok(instances) => instances,
            Err(reason) => return BTreeMap::from([(self.label(), Err(reason))]),
        };
        thread::scope(|scope| {
            let asked: Vec<_> = instances
                .into_iter()
                .map(|instance| {
                    let label = instance.label.clone();
                    (label, scope.spawn(move || self.ask(&instance)))
                })
                .collect();
            asked
                .into_iter()
                .map(|(label, answer)| (label, answer.join().unwrap_or_else(|_| Err(bug()))))
                .collect()
        })
    }

    fn instances(&self) -> Told<Vec<Instance>> {
        let port = self.url.port_or_known_default().unwrap_or_default();
        match self.url.host() {
            // A certificate is for the name: with https the name is asked, whoever answers.
            Some(Host::Domain(name)) if self.url.scheme() == "http" => {
                let found = (name, port).to_socket_addrs();
                let found = found.map_err(|error| format!("its name is not known: {error}"))?;
                let addresses = of_one_family(found.collect());
                Ok(addresses
                    .into_iter()
                    .map(|one| self.at(one, name))
                    .collect())
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
        // An http URL takes any address as its host.
        let _replaced = url.set_ip_host(address.ip());
        Instance {
            label: labelled(&address.to_string(), &url),
            url,
            host: Some(format!("{name}:{}", address.port())),
        }
    }

    fn ask(&self, instance: &Instance) -> Told<Scrape> {
        let mut request = self.agent.get(instance.url.as_str());
        if let Some(host) = &instance.host {
            request = request.header("host", host);
        }
        let mut answer = request.call().map_err(|error| in_one_line(&error))?;
        let at = self.began.elapsed().as_secs_f64();
        match answer.status().as_u16() {
            200 => {}
            other => return Err(format!("it answered {other}")),
        }
        let page = answer.body_mut().read_to_string();
        read(&page.map_err(|error| in_one_line(&error))?, at)
    }
}

fn bug() -> String {
    "the question broke off".to_owned()
}

fn labelled(address: &str, url: &Url) -> String {
    match url.path() {
        USUAL_PATH => address.to_owned(),
        other => format!("{address}{other}"),
    }
}

/// With addresses of both families each process would be counted twice.
fn of_one_family(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if addresses.iter().any(SocketAddr::is_ipv4) {
        addresses.retain(SocketAddr::is_ipv4);
    }
    addresses
}

/// A page, and which program it is of.
fn read(page: &str, at: f64) -> Told<Scrape> {
    let samples = parse(page).map_err(|error| error.to_string())?;
    let mut scrape = Scrape {
        at,
        samples,
        ..Scrape::default()
    };
    let metric = Metric::of(BUILD_INFO);
    let build = scrape.of(&metric).next();
    let Some((build, _one)) = build else {
        return Err(format!(
            "it has no {BUILD_INFO}: is it a receiver or a worker?"
        ));
    };
    let label = |name| build.label(name).to_owned();
    let (program, version) = (label("program"), label("version"));
    scrape.program = program;
    scrape.version = version;
    Ok(scrape)
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
    fn a_name_is_asked_for_by_name_at_its_address() {
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
    fn another_programs_page_is_no_process_of_ours() {
        let page = "paynow_build_info{program=\"paynow-worker\",version=\"1\"} 1\n";
        assert_eq!(read(page, 0.0).unwrap().program, "paynow-worker");
        assert!(
            read("go_goroutines 7\n", 0.0)
                .unwrap_err()
                .contains("paynow_build_info")
        );
        assert!(read("<html>", 0.0).unwrap_err().contains("line 1"));
    }

    #[test]
    fn nobody_there_is_a_reason() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let told = target(&format!("http://{address}/metrics")).scrape();
        assert!(told[&address.to_string()].is_err(), "{told:?}");
    }
}
