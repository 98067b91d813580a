//! What operators see: metrics, logs, alerts, dashboards.

mod alerts;
mod certificates;
mod dashboards;
mod faults;
mod logs;
mod mail;
mod metrics;
mod system;
