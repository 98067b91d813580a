//! The raw body, under limits that actix lacks: its size, its time and the memory of all bodies.

use std::time::{Duration, Instant};

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout_at;

use crate::socket::connection::{Connection, SMALL_BODY_BYTES};
use crate::socket::track::poll_stream_if;

/// A body that comes more slowly than this is broken or hostile.
const BYTES_PER_SECOND_MIN: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    BrokenOff,
    #[error("the request had to make room for others")]
    CrowdedOut,
    #[error("too many requests from this source failed for one with a large body")]
    SourceFailed { retry_after_seconds: u32 },
}

/// Reads the whole body. `announced` is its `Content-Length`, if any: too much is refused unread. A body
/// over [`SMALL_BODY_BYTES`] is read only as long as `admit_large` allows it: each secret costs a hash
/// over all of it.
pub(crate) async fn read(
    mut payload: Payload,
    announced: Option<usize>,
    limit_bytes: usize,
    connection: &Connection,
    admit_large: impl Fn() -> Result<(), BodyError>,
) -> Result<Bytes, BodyError> {
    if announced.is_some_and(|length| length > limit_bytes) {
        return Err(BodyError::TooLarge { limit_bytes });
    }
    if announced.is_some_and(|length| length > SMALL_BODY_BYTES) {
        admit_large()?;
    }
    let first_deadline = Instant::now() + connection.client_timeout();
    let mut body = BytesMut::new();
    loop {
        let deadline = first_deadline + time_needed(body.len());
        let chunk = tokio::select! {
            biased;
            chunk = timeout_at(deadline.into(), payload.next()) => chunk,
            // Made only when it is waited for: the usual webhook is there at the first poll.
            () = async { connection.ended().await } => return Err(BodyError::CrowdedOut),
        };
        let Ok(chunk) = chunk else {
            connection.end();
            return Err(BodyError::TooSlow);
        };
        let Some(chunk) = chunk else {
            break;
        };
        let chunk = chunk.map_err(|_incomplete| BodyError::BrokenOff)?;
        let length = body.len().saturating_add(chunk.len());
        if length > SMALL_BODY_BYTES {
            // Again, because others may have failed meanwhile.
            admit_large()?;
        }
        if body.is_empty() && announced == Some(chunk.len()) {
            // The usual webhook arrives in one piece and is passed on without a copy.
            connection.body_is_read();
            return Ok(chunk);
        }
        if length > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        if !connection.reserve_body(length) {
            return Err(BodyError::CrowdedOut);
        }
        body.extend_from_slice(&chunk);
        poll_stream_if(connection.body_taken(chunk.len())).await;
    }
    connection.body_is_read();
    Ok(body.freeze())
}

/// The longest that so many bytes may take.
fn time_needed(bytes: usize) -> Duration {
    Duration::from_secs(u64::try_from(bytes / BYTES_PER_SECOND_MIN).unwrap_or(u64::MAX))
}
