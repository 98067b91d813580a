//! The raw body, under a size and a time limit: actix has neither for a streamed body.

use std::time::Duration;

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

/// A sender that needs longer than this for one webhook is broken or hostile.
pub const BODY_TIME_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    BrokenOff,
}

/// Reads the whole body. `announced` is its `Content-Length`, if any: too much is refused unread.
pub async fn read(
    payload: Payload,
    announced: Option<usize>,
    limit_bytes: usize,
) -> Result<Bytes, BodyError> {
    if announced.is_some_and(|length| length > limit_bytes) {
        return Err(BodyError::TooLarge { limit_bytes });
    }
    tokio::time::timeout(BODY_TIME_LIMIT, collect(payload, announced, limit_bytes))
        .await
        .map_err(|_elapsed| BodyError::TooSlow)?
}

async fn collect(
    mut payload: Payload,
    announced: Option<usize>,
    limit_bytes: usize,
) -> Result<Bytes, BodyError> {
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| BodyError::BrokenOff)?;
        if rest.is_empty() && announced == Some(chunk.len()) {
            // The usual webhook arrives in one piece and is passed on without a copy.
            return Ok(chunk);
        }
        if rest.len().saturating_add(chunk.len()) > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        rest.extend_from_slice(&chunk);
    }
    Ok(rest.freeze())
}
