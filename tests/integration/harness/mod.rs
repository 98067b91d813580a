//! The harness: each test gets its own virtual host, database and programs, and functions named
//! after the domain. When the test ends, an audit checks what it leaves behind.

mod app;
mod broker;
mod database;
mod guide;
mod logs;
mod monitoring;
mod order;
mod port;
mod program;
mod proxy;
mod recorder;
mod scrape;
mod servers;
mod stand_in;
mod tls;
mod wait;
mod webhook;

pub(crate) use app::TestApp;
pub(crate) use broker::TestBroker;
pub(crate) use database::{TestDatabase, migrations};
pub(crate) use guide::{guide_table, rewrite_guide_table};
pub(crate) use monitoring::{
    Alert, BrokerProcess, Compression, Mail, Monitoring, Suspended, Targets, alerts,
};
pub(crate) use order::{Line, Order, PLANTED_EMAIL, PLANTED_NAME, flake};
pub(crate) use port::free_port;
pub(crate) use program::{Outcome, Program};
pub(crate) use proxy::{Flow, Proxy, Way};
pub(crate) use recorder::{Recorder, Statement};
pub(crate) use scrape::metric_at;
pub(crate) use servers::{Servers, Stack};
pub(crate) use stand_in::{Reply, serve_api};
pub(crate) use tls::{TlsServer, pass_on};
pub(crate) use wait::eventually;
pub(crate) use webhook::{Answer, SECRET, post, send, sign, signed_headers, try_post, try_post_as};
