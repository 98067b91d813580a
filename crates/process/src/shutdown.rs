//! Signals: SIGTERM and SIGINT request an orderly end.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::observe::{Observable, ShutdownRequested};

/// A token that is cancelled by the first SIGTERM or SIGINT. Fails when the process may not
/// install handlers.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let on_signal = token.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        ShutdownRequested { signal: name }.emit();
        on_signal.cancel();
    });
    Ok(token)
}
