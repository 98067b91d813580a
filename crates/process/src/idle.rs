//! How long our clients of HTTP keep a connection that nobody uses.

use std::time::Duration;

/// A server that closes an idle connection in the moment when we use it again leaves our request without an answer. RabbitMQ's
/// management API, and our own pages of metrics, close it after five seconds, which is also how often some of us look.
pub const IDLE_MAX: Duration = Duration::from_secs(2);
