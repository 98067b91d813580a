//! The connections of the public address: actix's server on streams that limit heads, slow clients,
//! the number of connections and the memory of bodies.

mod budget;
pub(crate) mod connection;
mod eviction;
mod guarded;
mod head_lines;
pub(crate) mod server;
pub(crate) mod track;

/// Why a head never became a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("the request's head did not arrive in time")]
    TooSlow,
    #[error("the request's head is too large")]
    TooLarge,
    #[error("the request's head has a CR or LF that is not a CR LF")]
    Malformed,
}
