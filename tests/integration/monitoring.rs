//! What ops can see: metrics, logs, alerts, dashboards.

mod alerts;
mod certificates;
mod dashboards;
mod faults;
mod logs;
mod mail;
mod metrics;
mod world;
