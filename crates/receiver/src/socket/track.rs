//! Keeps a connection's state in step with actix: which request is being read, and when it is answered.

use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_web::http::{ConnectionType, Method};
use tokio::task::yield_now;

use super::connection::{Connection, Phase};

/// The length of a body that does not announce it.
const UNKNOWN_LENGTH: usize = usize::MAX;

/// Follows one request from its head to its answer. A body that was not read to its end would be
/// taken for the next request, so the connection is then closed. It is closed too when the stream cannot
/// know where the body ends.
pub(crate) async fn track_progress(
    connection: Rc<Connection>,
    body_bytes: usize,
    answered: impl Future<Output = Result<ServiceResponse, actix_web::Error>>,
) -> Result<ServiceResponse, actix_web::Error> {
    poll_stream_if(connection.begin_request(body_bytes)).await;
    let mut answer = answered.await?;
    let is_unread = connection.phase() == Phase::Body && body_bytes > 0;
    if is_unread || body_bytes == UNKNOWN_LENGTH {
        let head = answer.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let is_last = answer.response().head().connection_type() == ConnectionType::Close;
    poll_stream_if(connection.end_request(is_last)).await;
    Ok(answer)
}

/// A stream that stopped reading for want of credit waits for nothing. It runs in the task of its
/// handlers, so one more turn of that task makes it read again.
pub(crate) async fn poll_stream_if(was_stopped: bool) {
    if was_stopped {
        yield_now().await;
    }
}

/// The connection of a request. A test server's request has none, and gets one without limits.
pub(crate) fn connection_of(request: &HttpRequest) -> Rc<Connection> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    connection.unwrap_or_else(Connection::unlimited)
}

/// The value of `Content-Length`, if it is sent and readable.
pub(crate) fn announced_length(request: &HttpRequest) -> Option<usize> {
    let value = request.headers().get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// The most that a request's body may have.
pub(crate) fn body_bytes_of(request: &HttpRequest) -> usize {
    let headers = request.headers();
    let is_unknown = headers.contains_key(TRANSFER_ENCODING)
        || headers.contains_key(UPGRADE)
        || request.method() == Method::CONNECT;
    if is_unknown {
        UNKNOWN_LENGTH
    } else {
        announced_length(request).unwrap_or(0)
    }
}
