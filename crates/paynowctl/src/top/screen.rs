//! The terminal: taken over as a whole, written to in place, and given back whatever happens.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::style::{Attribute, Color, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{Command, execute};

use super::render::{Line, Size, Tone};

/// Where no terminal tells its width.
const PAPER_COLUMNS: usize = 80;

/// Whether there is something to give back; by whom does not matter, but only once.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal in our hands.
pub(super) struct Screen;

/// What a person did.
pub(super) enum Wish {
    Nothing,
    /// The size changed.
    Redraw,
    End,
}

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // The last words belong on the screen that stays.
            give_back();
            earlier(panic);
        }));
        terminal::enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let screen = Self;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Writes every line over what was there, in one go.
    pub(super) fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let columns = size_of_terminal().map_or(PAPER_COLUMNS, |(columns, _rows)| columns);
        let mut frame = String::new();
        put(&mut frame, BeginSynchronizedUpdate);
        for (row, line) in (0..).zip(lines) {
            put(&mut frame, MoveTo(0, row));
            push_line(&mut frame, line, true);
            // In the last column the cursor stands on the last character still.
            if line.width() < columns {
                put(&mut frame, Clear(ClearType::UntilNewLine));
            }
        }
        if let Some(below) = u16::try_from(lines.len())
            .ok()
            .filter(|rows| *rows < rows_of_terminal())
        {
            put(&mut frame, MoveTo(0, below));
            put(&mut frame, Clear(ClearType::FromCursorDown));
        }
        put(&mut frame, EndSynchronizedUpdate);
        let mut stdout = io::stdout().lock();
        stdout.write_all(frame.as_bytes())?;
        stdout.flush()
    }

    /// Waits for a key, but not for long.
    pub(super) fn wish(&self, wait: Duration) -> io::Result<Wish> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            // A thread panicked, and its words are on the screen that stays.
            return Err(io::Error::other("a part of it panicked"));
        }
        if !event::poll(wait)? {
            return Ok(Wish::Nothing);
        }
        let event = event::read()?;
        if let Event::Resize(_columns, _rows) = event {
            return Ok(Wish::Redraw);
        }
        let is_end = event.as_key_press_event().is_some_and(|key| {
            let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
            key.code == KeyCode::Char('q') || (key.code == KeyCode::Char('c') && with_control)
        });
        Ok(if is_end { Wish::End } else { Wish::Nothing })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Nobody is left to tell when this fails.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let _left = execute!(io::stdout(), ResetColor, Show, LeaveAlternateScreen);
        let _cooked = terminal::disable_raw_mode();
    }
}

pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

pub(super) fn size() -> Size {
    let (columns, rows) = size_of_terminal().unwrap_or((PAPER_COLUMNS, 24));
    Size {
        columns,
        rows: Some(rows),
    }
}

/// For what is printed and scrolls away.
pub(super) fn size_of_paper() -> Size {
    let told = size_of_terminal().filter(|_| is_terminal());
    Size {
        columns: told.map_or(PAPER_COLUMNS, |(columns, _rows)| columns),
        rows: None,
    }
}

fn size_of_terminal() -> Option<(usize, usize)> {
    let (columns, rows) = terminal::size().ok()?;
    (columns > 0 && rows > 0).then(|| (columns.into(), rows.into()))
}

fn rows_of_terminal() -> u16 {
    terminal::size().map_or(u16::MAX, |(_columns, rows)| rows)
}

/// A line, with colours or as plain text.
pub(super) fn push_line(text: &mut String, line: &Line, with_colours: bool) {
    if !with_colours {
        text.push_str(&line.text());
        return;
    }
    for (tone, part) in &line.parts {
        // Without colours (`NO_COLOR`) bold still tells an alarm from the rest.
        match tone {
            Tone::Plain => {}
            Tone::Heading => put(text, SetAttribute(Attribute::Bold)),
            Tone::Warning => put(text, SetForegroundColor(Color::DarkYellow)),
            Tone::Alarm => {
                put(text, SetForegroundColor(Color::Red));
                put(text, SetAttribute(Attribute::Bold));
            }
        }
        text.push_str(part);
        if *tone != Tone::Plain {
            put(text, SetAttribute(Attribute::Reset));
        }
    }
}

fn put(text: &mut String, command: impl Command) {
    // A string takes everything.
    let _written = command.write_ansi(text);
}
