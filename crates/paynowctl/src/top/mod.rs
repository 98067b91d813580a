//! `top`: looks at everything again and again, and shows what changed in between. Looking
//! (`sources`), working out (`view`) and showing (`render`, `document`) know nothing of each other.

mod alert_limits;
mod books;
mod broker;
mod document;
mod exposition;
mod figures;
mod increase;
mod metric;
mod options;
mod quantile;
mod render;
mod sample;
mod scrape;
mod screen;
mod sources;
mod view;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use paynow_process::interrupt::Interrupt;

use crate::config::Config;
use crate::failure::Failure;
pub(crate) use options::TopOptions;
use sample::Sample;
use screen::{Screen, Wish};
use sources::Sources;
use view::View;

const WINDOW_SECONDS: f64 = 60.0;
/// How soon a key or a look is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &TopOptions, config: &Config) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::failed("signals could not be listened to", error))?;
    let sources = Sources::new(options, config);
    let interval = Duration::from_secs(options.interval.into());
    if options.once || options.json || !screen::is_terminal() {
        return print(sources, options, &interrupt);
    }
    let result = watch(sources, interval, &interrupt);
    result.map_err(|error| Failure::failed("the terminal could not be used", error))
}

/// The looks of the last minute, oldest first.
#[derive(Default)]
struct History(VecDeque<Sample>);

impl History {
    fn push(&mut self, sample: Sample) {
        let began = sample.at - WINDOW_SECONDS;
        self.0.push_back(sample);
        // The first one may be older than the minute: what rose since then is wanted whole.
        while self.0.get(1).is_some_and(|second| second.at <= began) {
            self.0.pop_front();
        }
    }

    fn view(&mut self) -> Option<View> {
        View::of(self.0.make_contiguous())
    }
}

/// A block of lines, or a document, for each look but the first.
fn print(mut sources: Sources, options: &TopOptions, interrupt: &Interrupt) -> Result<(), Failure> {
    let interval = Duration::from_secs(options.interval.into());
    let mut history = History::default();
    loop {
        let began = Instant::now();
        history.push(sources.look());
        let is_first = history.0.len() < 2;
        if let Some(view) = history.view().filter(|_| !is_first) {
            let text = text_of(&view, options);
            match io::stdout().write_all(text.as_bytes()) {
                // The reader went away, and with it the reason to look.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => {
                    return Err(Failure::failed("standard output took nothing more", error));
                }
                Ok(()) if options.once => return Ok(()),
                Ok(()) => {}
            }
        }
        interrupt.wait(interval.saturating_sub(began.elapsed()));
        if interrupt.asked().is_some() {
            return Ok(());
        }
    }
}

fn text_of(view: &View, options: &TopOptions) -> String {
    if options.json {
        return format!("{}\n", document::document(view));
    }
    let mut text = String::new();
    for line in render::screen(view, screen::size_of_paper()) {
        screen::push_line(&mut text, &line, screen::is_terminal());
        text.push('\n');
    }
    if !options.once {
        text.push('\n');
    }
    text
}

/// On the whole screen, until a person or a signal ends it.
fn watch(sources: Sources, interval: Duration, interrupt: &Interrupt) -> io::Result<()> {
    let screen = Screen::take()?;
    // Dropped at the end, which ends the thread that looks.
    let (_until_dropped, looks) = start_looking(sources, interval);
    let mut history = History::default();
    while interrupt.asked().is_none() {
        let has_news = match looks.try_recv() {
            Ok(sample) => {
                history.push(sample);
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => {
                return Err(io::Error::other("nobody looks any more"));
            }
        };
        let has_new_size = match screen.wish(LOOK_AGAIN)? {
            Wish::End => return Ok(()),
            Wish::Redraw => true,
            Wish::Nothing => false,
        };
        if (has_news || has_new_size)
            && let Some(view) = history.view()
        {
            screen.draw(&render::screen(&view, screen::size()))?;
        }
    }
    Ok(())
}

/// A look each interval, on a thread of its own: a slow one must not hold up the keys.
fn start_looking(
    mut sources: Sources,
    interval: Duration,
) -> (std::sync::mpsc::SyncSender<()>, Receiver<Sample>) {
    let (until_dropped, ended) = sync_channel(0);
    let (looked, looks) = sync_channel(1);
    let _detached = thread::spawn(move || {
        loop {
            let began = Instant::now();
            if looked.send(sources.look()).is_err() {
                return;
            }
            let left = interval.saturating_sub(began.elapsed());
            match ended.recv_timeout(left) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    (until_dropped, looks)
}
