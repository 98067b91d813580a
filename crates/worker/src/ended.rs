//! Why a session ended.

use paynow_process::broker::BrokerError;

use crate::database::DatabaseError;
use crate::observe::sessions::PauseCause;
use crate::settle::SettleError;

#[derive(Debug, thiserror::Error)]
pub enum SessionEnded {
    #[error("asked to stop")]
    Stopped,
    #[error("broker")]
    Broker(#[from] BrokerError),
    #[error("settling")]
    Settle(#[from] SettleError),
    #[error("database")]
    Database(#[from] DatabaseError),
    #[error("schema")]
    Schema(#[source] DatabaseError),
    #[error("a lane panicked")]
    Panicked,
}

impl SessionEnded {
    /// Why the worker pauses before its next session; `None` when it stops.
    pub(crate) fn pause_cause(&self) -> Option<PauseCause> {
        match self {
            Self::Stopped => None,
            Self::Broker(_) => Some(PauseCause::Broker),
            Self::Settle(_) => Some(PauseCause::HandingOn),
            Self::Database(_) => Some(PauseCause::Database),
            Self::Schema(_) => Some(PauseCause::Schema),
            Self::Panicked => Some(PauseCause::Panic),
        }
    }

    /// Whether the same messages still wait for the database. After any other end the worker holds none
    /// until the broker delivers some again.
    pub(crate) fn is_databases_fault(&self) -> bool {
        match self {
            Self::Database(_) | Self::Schema(_) => true,
            Self::Stopped | Self::Broker(_) | Self::Settle(_) | Self::Panicked => false,
        }
    }

    /// The reason that `/readyz` gives until the next session.
    pub(crate) fn not_ready(&self) -> &'static str {
        match self {
            Self::Stopped => "draining",
            Self::Broker(_) | Self::Settle(_) => "broker",
            Self::Database(_) => "database",
            Self::Schema(_) => "schema",
            Self::Panicked => "restarting",
        }
    }
}
