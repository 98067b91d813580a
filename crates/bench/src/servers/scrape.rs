//! Reads metrics as Prometheus does.

use std::time::Duration;

use ureq::Agent;

use crate::failure::{Doing, Result};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps its connections, so that frequent reads cost the measured program little.
#[derive(Clone)]
pub(crate) struct Scraper(Agent);

impl Scraper {
    pub(crate) fn new() -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIMEOUT))
            .http_status_as_error(true)
            .proxy(None)
            .build();
        Self(agent.new_agent())
    }

    pub(crate) fn get(&self, url: &str) -> Result<String> {
        let mut answer = self.0.get(url).call().doing("requesting metrics")?;
        // A broker with many queues has more metrics than ureq's default of 10 MB.
        let body = answer.body_mut().with_config().limit(256 << 20);
        body.read_to_string().doing("reading metrics")
    }

    pub(crate) fn is_ok(&self, url: &str) -> bool {
        self.0.get(url).call().is_ok()
    }
}

/// The value of a series, which is named as in the Prometheus text.
pub(super) fn value_of(exposition: &str, series: &str) -> Option<f64> {
    exposition.lines().find_map(|line| {
        line.strip_prefix(series)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

/// The value of a label in the metric's first series that has the label.
pub(crate) fn label_of<'a>(exposition: &'a str, metric: &str, label: &str) -> Option<&'a str> {
    let quoted = format!("{label}=\"");
    exposition
        .lines()
        .filter(|line| line.starts_with(metric))
        .find_map(|line| line.split_once(&quoted)?.1.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_found_by_its_whole_name() {
        let text =
            "# TYPE a_total counter\na_total{outcome=\"x\"} 3\na_total{outcome=\"xy\"} 4\na 5\n";
        assert_eq!(value_of(text, "a_total{outcome=\"xy\"}"), Some(4.0));
        assert_eq!(value_of(text, "a"), Some(5.0));
        assert_eq!(value_of(text, "a_total"), None);
        assert_eq!(label_of(text, "a_total", "outcome"), Some("x"));
        assert_eq!(label_of(text, "b", "outcome"), None);
    }
}
