//! The raw body, under the limits that actix has not: its size, and through its connection its pace
//! and the room it takes.

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::connection::{Connection, End};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    BrokenOff,
    #[error("there was no room for the body among others")]
    CrowdedOut,
}

/// Reads the whole body. `announced` is its `Content-Length`, if any: too much is refused unread.
pub(crate) async fn read(
    mut payload: Payload,
    announced: Option<usize>,
    limit_bytes: usize,
    connection: &Connection,
) -> Result<Bytes, BodyError> {
    if announced.is_some_and(|length| length > limit_bytes) {
        return Err(BodyError::TooLarge { limit_bytes });
    }
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| why_it_ended(connection))?;
        if rest.is_empty() && announced == Some(chunk.len()) {
            // The usual webhook arrives in one piece and is passed on without a copy.
            return Ok(chunk);
        }
        let length = rest.len().saturating_add(chunk.len());
        if length > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        if !connection.hold(length) {
            return Err(BodyError::CrowdedOut);
        }
        rest.extend_from_slice(&chunk);
        connection.body_came(chunk.len());
    }
    Ok(rest.freeze())
}

/// Actix knows only that no more came.
fn why_it_ended(connection: &Connection) -> BodyError {
    match connection.ending() {
        Some(End::TooSlow) => BodyError::TooSlow,
        Some(End::CrowdedOut) => BodyError::CrowdedOut,
        Some(End::HeadTooLarge) | None => BodyError::BrokenOff,
    }
}
