//! The metrics recorder: buckets, upkeep, and the metrics of the process itself.

use std::time::Duration;

use metrics::Gauge;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::catalog::Catalog;
use super::metric::Values::AtRunTime;
use crate::declare_metrics;
use crate::usage::VERSION;

/// Without upkeep the exporter's histograms grow for ever.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

declare_metrics! {
    /// always 1; the labels name the running build
    static BUILD_INFO: Gauge =
        "paynow_build_info" { program: AtRunTime, version: AtRunTime, revision: AtRunTime };
}

#[derive(Debug, thiserror::Error)]
#[error("the metrics recorder could not be installed")]
pub struct MetricsError(#[from] BuildError);

/// What a scrape is rendered from. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    process: Collector,
}

impl Metrics {
    /// Prometheus text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.recorder.render()
    }
}

/// Starts the metrics recorder of this process, with everything in the catalogs.
/// Needs a running tokio runtime. Fails when a recorder is installed already.
pub fn start_metrics(program: &'static str, catalogs: &[Catalog]) -> Result<Metrics, MetricsError> {
    let mut builder = PrometheusBuilder::new();
    for metric in catalogs.iter().flat_map(Catalog::metrics) {
        if let Some(bounds) = metric.buckets() {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, bounds)?;
        }
    }
    let recorder = builder.install_recorder()?;
    let process = Collector::default();
    process.describe();
    catalogs.iter().for_each(Catalog::start);
    let revision = option_env!("PAYNOW_REVISION").unwrap_or("unknown");
    BUILD_INFO.with([program, VERSION, revision]).set(1.0);
    let upkeep = recorder.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Metrics { recorder, process })
}
