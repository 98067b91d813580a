//! `top`: takes a snapshot of all sources again and again, and shows what changed in between. What it
//! shows comes from `paynow_desk::top`; `render` and `screen` draw it.

#[cfg(test)]
#[path = "../../../desk/src/top/fixtures.rs"]
mod fixtures;
mod options;
mod render;
mod screen;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(test)]
use paynow_desk::top::snapshot;
use paynow_desk::top::snapshot::Snapshot;
use paynow_desk::top::sources::{Asked, Sources};
use paynow_desk::top::view::View;
use paynow_desk::top::{document, remember};
use paynow_process::environment::SettingError;
use paynow_process::interrupt::Interrupt;

use crate::config::Config;
use crate::failure::Failure;
use crate::output;
pub(crate) use options::TopOptions;
use screen::{Input, Screen};

/// The longest time until a key press or a new snapshot is noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &TopOptions, config: &Config) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::failed("signals could not be listened to", error))?;
    let sources = Sources::new(asked(options, config)?);
    let interval = Duration::from_secs(options.interval.into());
    let terminal = config.terminal();
    let has_colours = terminal.has_colours && screen::is_terminal();
    if options.once || options.json || !screen::is_terminal() || !terminal.has_codes {
        return print(sources, options, has_colours, &interrupt);
    }
    let result = watch(sources, interval, has_colours, &interrupt);
    result.map_err(|error| Failure::failed("the terminal could not be used", error))
}

fn asked(options: &TopOptions, config: &Config) -> Result<Asked, SettingError> {
    let metrics = match options.metrics.as_slice() {
        [] => config.metrics_urls()?,
        given => given.to_vec(),
    };
    Ok(Asked {
        metrics,
        broker: config.management(),
        database: config.database(),
        interval: Duration::from_secs(options.interval.into()),
    })
}

/// Prints a block of lines or a document for each snapshot but the first.
fn print(
    mut sources: Sources,
    options: &TopOptions,
    has_colours: bool,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let interval = Duration::from_secs(options.interval.into());
    let mut history = Vec::new();
    loop {
        let started = Instant::now();
        remember(&mut history, sources.snapshot());
        if history.len() > 1
            && let Some(view) = View::of(&history)
        {
            match print_view(&view, options, has_colours) {
                // The reader went away, so there is nobody to print for.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => {
                    return Err(Failure::failed(
                        "standard output could not be written",
                        error,
                    ));
                }
                Ok(()) if options.once => return Ok(()),
                Ok(()) => {}
            }
        }
        interrupt.wait(interval.saturating_sub(started.elapsed()));
        if interrupt.asked().is_some() {
            return Ok(());
        }
    }
}

fn print_view(view: &View, options: &TopOptions, has_colours: bool) -> io::Result<()> {
    if options.json {
        return output::json_line(&document::document(view));
    }
    screen::print(
        &render::screen(view, screen::size_of_output()),
        options.once,
        has_colours,
    )
}

/// Shows the view on the full screen until a key or a signal ends it.
fn watch(
    sources: Sources,
    interval: Duration,
    has_colours: bool,
    interrupt: &Interrupt,
) -> io::Result<()> {
    let screen = Screen::enter(has_colours)?;
    // The thread that takes the snapshots ends when this is dropped.
    let (_stop_when_dropped, snapshots) = start_snapshots(sources, interval);
    let mut history = Vec::new();
    while interrupt.asked().is_none() {
        let has_snapshot = match snapshots.try_recv() {
            Ok(snapshot) => {
                remember(&mut history, snapshot);
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => {
                return Err(io::Error::other("the thread that takes snapshots panicked"));
            }
        };
        let is_resized = match screen.input(POLL_INTERVAL)? {
            Input::Quit => return Ok(()),
            Input::Resize => true,
            Input::None => false,
        };
        if (has_snapshot || is_resized)
            && let Some(view) = View::of(&history)
        {
            screen.draw(&render::screen(&view, screen::size()))?;
        }
    }
    Ok(())
}

/// Takes a snapshot each interval on a thread of its own, so that a slow source does not delay the
/// keyboard.
fn start_snapshots(
    mut sources: Sources,
    interval: Duration,
) -> (SyncSender<()>, Receiver<Snapshot>) {
    let (stop_when_dropped, stopped) = sync_channel(0);
    let (sender, snapshots) = sync_channel(1);
    let _detached = thread::spawn(move || {
        loop {
            let started = Instant::now();
            if sender.send(sources.snapshot()).is_err() {
                return;
            }
            let left = interval.saturating_sub(started.elapsed());
            match stopped.recv_timeout(left) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    (stop_when_dropped, snapshots)
}
