//! The HTTP server: actix's, HTTP/1 only, on streams that guard their connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_http::{HttpService, KeepAlive};
use actix_server::{Server, ServerBuilder};
use actix_service::{ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Service};
use actix_web::web::ServiceConfig;
use paynow_process::observe::Observable;
use tokio::net::{TcpSocket, TcpStream};

use super::budget::{BudgetLimits, ConnectionBudget};
use super::connection::Connection;
use super::guarded::{Guarded, RefuseHead};
use super::track::{body_bytes_of, connection_of, track_progress};
use crate::observe::sockets::ConnectionsLimited;
use crate::source::network_of;

/// Longer than a publish may take, shorter than the grace period of an orchestrator.
const DRAIN_LIMIT_SECONDS: u64 = 20;
/// The time limit for closing a connection whose client still sends.
const DISCONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Connections that the kernel holds until we accept them.
const BACKLOG: u32 = 2048;
/// File descriptors for other things: the broker, the log, the runtime, the admin server.
const OTHER_FILES: usize = 128;
/// Evicted connections that are not closed yet; actix still counts them.
const LEAVING_CONNECTIONS: usize = 256;

/// Limits of all threads together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    pub(crate) connections: usize,
    pub(crate) body_bytes: usize,
    /// Size of one body.
    pub(crate) body_limit_bytes: usize,
    pub(crate) client_timeout: Duration,
}

/// What the server does with heads: `routes` takes whole ones, `refuse_head` the others.
pub(crate) struct Handlers<R> {
    pub(crate) routes: R,
    pub(crate) refuse_head: RefuseHead,
}

/// Binds the address and gives the one that was bound, for port 0. Must be called inside a tokio
/// runtime.
pub(crate) fn start<R>(
    address: SocketAddr,
    Handlers {
        routes,
        refuse_head,
    }: Handlers<R>,
    mut limits: ServerLimits,
) -> io::Result<(Server, SocketAddr)>
where
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let listener = listen(address)?;
    let address = listener.local_addr()?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let connections = affordable(limits.connections, open_files_max());
    if connections < limits.connections {
        limits.connections = connections;
        ConnectionsLimited { connections }.emit();
    }
    let thread_limits = share(limits, threads);
    let connections_max = thread_limits
        .connections
        .saturating_add(LEAVING_CONNECTIONS);
    let builder = ServerBuilder::new()
        .workers(threads)
        .max_concurrent_connections(connections_max)
        .disable_signals()
        .shutdown_timeout(DRAIN_LIMIT_SECONDS);
    let draining = builder.graceful_shutdown_signal();
    let builder = builder.listen("webhooks", listener, move || {
        let (routes, draining) = (routes.clone(), draining.clone());
        let budget = ConnectionBudget::new(thread_limits);
        let app = move || {
            App::new()
                .configure(routes.clone())
                .wrap_fn(|request, service| {
                    let connection = connection_of(request.request());
                    let body_bytes = body_bytes_of(request.request());
                    track_progress(connection, body_bytes, service.call(request))
                })
        };
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            // The streams limit the time of every head; actix would limit only that of the first.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_LIMIT)
            .local_addr(address)
            .on_connect_ext(|stream: &Guarded, data| {
                data.insert(stream.connection());
            })
            .h1(map_config(app(), |_none| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let source = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| {
                network_of(peer.ip().to_canonical())
            });
            let connection = Connection::open(&budget, source);
            let stream = Guarded::new(stream, connection, refuse_head);
            std::future::ready(Ok((stream, peer)))
        })
        .and_then(http)
    })?;
    Ok((builder.run(), address))
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart then need not wait for the connections of the process before it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// The limits of one thread. The largest body fits into them, even if all threads together then exceed
/// the limit.
fn share(limits: ServerLimits, threads: usize) -> BudgetLimits {
    let largest = limits.body_limit_bytes.checked_next_power_of_two();
    BudgetLimits {
        connections: limits.connections.div_ceil(threads),
        body_bytes: limits
            .body_bytes
            .div_ceil(threads)
            .max(largest.unwrap_or(limits.body_limit_bytes)),
        client_timeout: limits.client_timeout,
    }
}

/// The connections that were asked for, or as many as there are file descriptors for.
fn affordable(connections: usize, files: Option<usize>) -> usize {
    let affordable = files.map_or(connections, |files| files.saturating_sub(OTHER_FILES));
    affordable.clamp(1, connections.max(1))
}

/// How many files this process may open, if the system reports it.
fn open_files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_connections_than_files() {
        assert_eq!(affordable(4096, None), 4096);
        assert_eq!(affordable(4096, Some(1_000_000)), 4096);
        assert_eq!(affordable(4096, Some(1024)), 1024 - OTHER_FILES);
        assert_eq!(affordable(4096, Some(10)), 1);
        assert!(open_files_max().is_some_and(|files| files > 0));
    }

    #[test]
    fn a_thread_has_its_share_and_memory_for_one_body() {
        let limits = ServerLimits {
            connections: 100,
            body_bytes: 64 << 20,
            body_limit_bytes: 1 << 20,
            client_timeout: Duration::from_secs(5),
        };
        let one_of_three = share(limits, 3);
        assert_eq!(one_of_three.connections, 34);
        assert_eq!(one_of_three.body_bytes, (64usize << 20).div_ceil(3));
        let large = ServerLimits {
            body_limit_bytes: 60 << 20,
            ..limits
        };
        assert_eq!(share(large, 4).body_bytes, 64 << 20);
    }
}
