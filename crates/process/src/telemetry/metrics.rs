//! The metrics recorder: buckets, upkeep, and what every process tells of itself.

use std::time::Duration;

use metrics::gauge;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::catalog::Catalog;
use crate::observe;

/// Without upkeep the exporter's histograms grow for ever.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Seconds; fixed buckets, because summaries cannot be added up over replicas.
const LATENCY_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Seconds; what waits in a queue may wait for hours.
const AGE_BUCKETS: [f64; 17] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0,
    3600.0, 14400.0,
];
/// A clock that is wrong may be wrong either way.
const SIGNATURE_AGE: &str = "paynow_receiver_signature_age_seconds";
/// Seconds; below zero our clock is behind. Beyond the tolerance nothing gets here.
const SIGNATURE_AGE_BUCKETS: [f64; 16] = [
    -300.0, -60.0, -30.0, -10.0, -1.0, 0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0,
];
const COUNT_BUCKETS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

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

/// Starts the metrics recorder of this process and describes what `program` tells.
/// Needs a running tokio runtime. Fails when a recorder is installed already.
pub fn start_metrics(program: &'static str, catalog: &Catalog) -> Result<Metrics, MetricsError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Suffix("_duration_seconds".to_owned()),
            &LATENCY_BUCKETS,
        )?
        .set_buckets_for_metric(Matcher::Suffix("_age_seconds".to_owned()), &AGE_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &COUNT_BUCKETS)?
        .set_buckets_for_metric(
            Matcher::Full(SIGNATURE_AGE.to_owned()),
            &SIGNATURE_AGE_BUCKETS,
        )?
        .install_recorder()?;
    let process = Collector::default();
    process.describe();
    observe::CATALOG.describe();
    catalog.describe();
    gauge!(observe::BUILD_INFO, "program" => program, "version" => env!("CARGO_PKG_VERSION"),
        "revision" => option_env!("PAYNOW_REVISION").unwrap_or("unknown"))
    .set(1.0);
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
