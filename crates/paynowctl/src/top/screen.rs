//! The terminal: switched to a full screen, redrawn in place, and restored however the program ends.

use std::io::{self, IsTerminal, Stdout, Write};
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

/// The width of output that is not a terminal.
const DEFAULT_COLUMNS: usize = 80;

/// Set while the terminal must be restored, which happens only once, on whichever thread.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// The full screen; the terminal is restored when this is dropped.
pub(super) struct Screen {
    has_colours: bool,
}

pub(super) enum Input {
    None,
    Resize,
    Quit,
}

impl Screen {
    pub(super) fn enter(has_colours: bool) -> io::Result<Self> {
        let default_hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // The full screen would take the message of the panic with it.
            restore();
            default_hook(panic);
        }));
        terminal::enable_raw_mode()?;
        IS_ENTERED.store(true, Ordering::SeqCst);
        let screen = Self { has_colours };
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Overwrites the whole screen, in one write.
    pub(super) fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let (columns, rows) = size_of_terminal().unwrap_or((DEFAULT_COLUMNS, usize::MAX));
        let mut frame = String::new();
        put(&mut frame, BeginSynchronizedUpdate);
        let mut row: u16 = 0;
        for line in lines {
            put(&mut frame, MoveTo(0, row));
            row = row.saturating_add(1);
            push_line(&mut frame, line, self.has_colours);
            // After a full line the cursor is still on its last character, which must stay.
            if line.width() < columns {
                put(&mut frame, Clear(ClearType::UntilNewLine));
            }
        }
        if lines.len() < rows {
            put(&mut frame, MoveTo(0, row));
            put(&mut frame, Clear(ClearType::FromCursorDown));
        }
        put(&mut frame, EndSynchronizedUpdate);
        write(&frame)
    }

    /// Waits for a key, at most this long.
    pub(super) fn input(&self, wait: Duration) -> io::Result<Input> {
        if !IS_ENTERED.load(Ordering::SeqCst) {
            // The hook above has restored the terminal.
            return Err(io::Error::other("one of its threads panicked"));
        }
        if !event::poll(wait)? {
            return Ok(Input::None);
        }
        let event = event::read()?;
        if let Event::Resize(_columns, _rows) = event {
            return Ok(Input::Resize);
        }
        let is_quit = event.as_key_press_event().is_some_and(|key| {
            let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
            key.code == KeyCode::Char('q') || (key.code == KeyCode::Char('c') && with_control)
        });
        Ok(if is_quit { Input::Quit } else { Input::None })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// The program is about to end, and a failure cannot be reported any more.
fn restore() {
    if IS_ENTERED.swap(false, Ordering::SeqCst) {
        let _ignored = execute!(stdout(), ResetColor, Show, LeaveAlternateScreen);
        let _ignored = terminal::disable_raw_mode();
    }
}

/// Prints lines that scroll, and an empty one unless they are the only ones.
pub(super) fn print(lines: &[Line], are_alone: bool, has_colours: bool) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        push_line(&mut text, line, has_colours);
        text.push('\n');
    }
    if !are_alone {
        text.push('\n');
    }
    write(&text)
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the codes of a screen are no text; all text is in a `Line`, which has only printable ASCII"
)]
fn stdout() -> Stdout {
    io::stdout()
}

pub(super) fn is_terminal() -> bool {
    stdout().is_terminal()
}

pub(super) fn size() -> Size {
    let (columns, rows) = size_of_terminal().unwrap_or((DEFAULT_COLUMNS, 24));
    Size {
        columns,
        rows: Some(rows),
    }
}

/// For output that scrolls.
pub(super) fn size_of_output() -> Size {
    let terminal = size_of_terminal().filter(|_| is_terminal());
    Size {
        columns: terminal.map_or(DEFAULT_COLUMNS, |(columns, _rows)| columns),
        rows: None,
    }
}

fn size_of_terminal() -> Option<(usize, usize)> {
    let (columns, rows) = terminal::size().ok()?;
    (columns > 0 && rows > 0).then(|| (columns.into(), rows.into()))
}

/// Appends a line, with colours or as plain text.
pub(super) fn push_line(text: &mut String, line: &Line, with_colours: bool) {
    if !with_colours {
        text.push_str(&line.text());
        return;
    }
    for (tone, part) in line.parts() {
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
    // Writing to a string cannot fail.
    let _infallible = command.write_ansi(text);
}
