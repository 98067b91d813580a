//! SIGINT and SIGTERM. In a program without a runtime, the first signal raises the [`Interrupt`], which
//! requests an orderly end, and the second ends the process at once.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// A signal that requests an orderly end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    Interrupt,
    Terminate,
}

impl StopSignal {
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code that a shell shows for a process ended by the signal: 128 and its number.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Whether an end was requested. From [`Interrupt::listen`] on, the first signal no longer ends the
/// process: keep the value until the process ends. Do not make it within a runtime.
pub struct Interrupt {
    runtime: Runtime,
    asked: watch::Receiver<Option<StopSignal>>,
}

/// Raises the [`Interrupt`] that it was made with.
pub struct Interrupter(watch::Sender<Option<StopSignal>>);

impl Interrupter {
    pub fn interrupt(&self, signal: StopSignal) {
        self.0.send_replace(Some(signal));
    }
}

impl Interrupt {
    /// An interrupt that the caller raises. Fails when the process may start no thread.
    pub fn new() -> std::io::Result<(Interrupter, Self)> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (sender, asked) = watch::channel(None);
        Ok((Interrupter(sender), Self { runtime, asked }))
    }

    /// An interrupt that SIGINT or SIGTERM raises. Fails when the process may start no thread or
    /// install no handlers.
    pub fn listen() -> std::io::Result<Self> {
        let (interrupter, interrupt) = Self::new()?;
        let mut signals = {
            let _inside = interrupt.runtime.enter();
            Signals::listen()?
        };
        interrupt.runtime.spawn(async move {
            interrupter.interrupt(signals.next().await);
            let again = signals.next().await;
            // The sender of a second signal does not want to wait for the orderly end.
            std::process::exit(again.exit_code().into());
        });
        Ok(interrupt)
    }

    /// The first signal, if there was one.
    pub fn asked(&self) -> Option<StopSignal> {
        *self.asked.borrow()
    }

    /// Waits until the first signal, or for `at_most`.
    pub fn wait(&self, at_most: Duration) {
        self.runtime.block_on(async {
            let _either = tokio::time::timeout(at_most, self.signalled()).await;
        });
    }

    /// Returns after the first signal.
    pub(crate) async fn signalled(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(Option::is_some).await.is_err() {
            // The sender is gone, so there will be no signal.
            std::future::pending::<()>().await;
        }
    }
}

/// The signals of this process that request an orderly end.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Needs a running tokio runtime. Fails when the process may install no handlers.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}
