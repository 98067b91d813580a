//! The limits of the alert rules in `deploy/prometheus/alerts`, taken from there by `build.rs`: a
//! number, or a quantile and its limit. Ages and latencies are in seconds. `top` reports a value above
//! its limit at once; the alert waits for the time that its rule states.

include!(concat!(env!("OUT_DIR"), "/alert_limits.rs"));
