//! Reads what the programs of a test serve on their admin addresses.

use super::app::TestApp;

impl TestApp {
    /// `/healthz`, `/readyz` or `/metrics` of the receiver's admin address.
    pub(crate) fn receiver_admin(&self, path: &str) -> Option<(u16, String)> {
        get(&format!("http://127.0.0.1:{}{path}", self.receiver_ports.1))
    }

    /// The port of the receiver's metrics.
    pub(crate) fn receiver_admin_port(&self) -> u16 {
        self.receiver_ports.1
    }

    /// A path of the admin address of the worker that was started last.
    pub(crate) fn worker_admin(&self, path: &str) -> Option<(u16, String)> {
        let port = self.worker_ports.last()?;
        get(&format!("http://127.0.0.1:{port}{path}"))
    }

    /// The value of a series, named as in the scrape.
    pub(crate) fn receiver_metric(&self, series: &str) -> Option<f64> {
        sample(&self.receiver_admin("/metrics")?.1, series)
    }

    pub(crate) fn worker_metric(&self, series: &str) -> Option<f64> {
        sample(&self.worker_admin("/metrics")?.1, series)
    }

    /// `/readyz` of the public address.
    pub(crate) fn receiver_ready(&self) -> Option<(u16, String)> {
        get(&format!(
            "http://127.0.0.1:{}/readyz",
            self.receiver_ports.0
        ))
    }
}

/// The value of a series of the program with this admin port.
pub(crate) fn metric_at(port: u16, series: &str) -> Option<f64> {
    sample(&get(&format!("http://127.0.0.1:{port}/metrics"))?.1, series)
}

pub(super) fn get(url: &str) -> Option<(u16, String)> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build(),
    );
    let mut response = agent.get(url).call().ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    Some((response.status().as_u16(), text))
}

fn sample(scrape: &str, series: &str) -> Option<f64> {
    let mut lines = scrape.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    value.parse().ok()
}
