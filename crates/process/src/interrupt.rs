//! Signals for a program without a runtime of its own: the first SIGINT or SIGTERM asks for an
//! orderly end, the second ends the process at once.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A signal that asks for the end.
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

    /// What a shell would tell of a process that the signal ended: 128 and its number.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// A token that says whether the work was asked to end. From [`Interrupt::listen`] on, signals no
/// longer end the process by themselves: keep the value until the process ends. Never made within a
/// runtime.
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
        let runtime = &interrupt.runtime;
        let mut signals = {
            let _inside = runtime.enter();
            Signals {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            }
        };
        runtime.spawn(async move {
            interrupter.interrupt(signals.next().await);
            let again = signals.next().await;
            // Whoever asks twice does not want to wait for the orderly end.
            std::process::exit(again.exit_code().into());
        });
        Ok(interrupt)
    }

    /// The first signal, if there was one.
    pub fn asked(&self) -> Option<StopSignal> {
        *self.asked.borrow()
    }

    /// Waits, but not on when a signal comes or has come.
    pub fn wait(&self, at_most: Duration) {
        self.runtime.block_on(async {
            let _either = tokio::time::timeout(at_most, self.comes()).await;
        });
    }

    /// Done once a signal has come.
    pub(crate) async fn comes(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(Option::is_some).await.is_err() {
            // The task that tells is gone with its runtime: no signal will come any more.
            std::future::pending::<()>().await;
        }
    }
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}
