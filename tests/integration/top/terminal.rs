//! `paynowctl top` on a pseudo-terminal: it redraws in place, and restores the terminal at its end.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{POINTS, arguments};
use crate::harness::{Order, TestApp, eventually, flake};

const COLUMNS: usize = 80;
const ROWS: usize = 24;
const SCREEN_ENTERED: &str = "\u{1b}[?1049h";
const SCREEN_LEFT: &str = "\u{1b}[?1049l";
const CURSOR_SHOWN: &str = "\u{1b}[?25h";
const FRAME: &str = "\u{1b}[?2026h";

/// A shell on a terminal of its own that runs `top` and then prints whether the terminal is
/// restored.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn start(app: &TestApp, variables: &[(&str, &str)]) -> Self {
        let here = std::env::current_exe().expect("a process knows its file");
        let binaries = here
            .parent()
            .and_then(|deps| deps.parent())
            .expect("deps has a parent");
        let program = binaries.join("paynowctl");
        let command = format!(
            "stty rows {ROWS} cols {COLUMNS}; before=$(stty -g); {} {} & echo pid=$! >&2; fg >/dev/null; \
             echo code=$?; test \"$before\" = \"$(stty -g)\" && echo restored",
            program.display(),
            arguments(app, &[]).join(" "),
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--flush", "--command"])
            .arg(format!("bash -mc '{command}'"))
            .arg("/dev/null")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TERM", "xterm-256color")
            .envs(app.variables())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script of util-linux is installed");
        let keys = child.stdin.take().expect("it is a pipe");
        let mut output = child.stdout.take().expect("it is a pipe");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let _reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                kept.lock()
                    .expect("no reader panics")
                    .extend_from_slice(&buffer[..read]);
            }
        });
        Self { child, keys, seen }
    }

    fn seen(&self) -> String {
        let seen = self.seen.lock().expect("no reader panics");
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Waits until so many frames were drawn.
    fn await_frames(&self, frames: usize) {
        eventually(&format!("{frames} frames are drawn"), || {
            (self.seen().matches(FRAME).count() >= frames).then_some(())
        });
    }

    fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the terminal is open");
        self.keys.flush().expect("the terminal is open");
    }

    /// The process id of `top`.
    fn pid(&self) -> String {
        let seen = self.seen();
        let (_before, after) = seen.split_once("pid=").expect("the shell printed it");
        after
            .split_whitespace()
            .next()
            .expect("a number")
            .to_owned()
    }

    /// Waits for the end of `top` and the shell. Returns all output.
    fn ended(mut self) -> String {
        eventually("the shell ends", || {
            self.child.try_wait().expect("a child can be waited for")
        });
        eventually("all output is read", || {
            self.seen().contains("code=").then_some(())
        });
        self.seen()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A failing test must not leave its shell running.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Checks that the terminal is as it was, and that the exit code is 0.
#[track_caller]
fn assert_restored(seen: &str) {
    assert_eq!(seen.matches(SCREEN_ENTERED).count(), 1, "{seen:?}");
    assert_eq!(seen.matches(SCREEN_LEFT).count(), 1, "{seen:?}");
    let (_drawn, after) = seen.rsplit_once(FRAME).expect("something was drawn");
    let shown = after.find(CURSOR_SHOWN).expect("the cursor is shown again");
    let left = after
        .find(SCREEN_LEFT)
        .expect("the screen is left after the last frame");
    let code = after
        .find("code=0")
        .unwrap_or_else(|| panic!("it failed: {seen:?}"));
    assert!(shown < code && left < code, "{seen:?}");
    assert!(
        after.contains("restored"),
        "the terminal's modes differ: {seen:?}"
    );
}

/// The rows of a frame without control codes. Fails when the cursor leaves the screen.
fn rows(frame: &str) -> Vec<String> {
    assert!(!frame.contains('\n'), "it scrolls: {frame:?}");
    let mut rows = vec![String::new(); ROWS];
    let mut row = 0;
    for part in frame.split('\u{1b}').skip(1) {
        let end = part.find(|letter: char| letter.is_ascii_alphabetic());
        let (code, text) = part.split_at(end.expect("a code has an end") + 1);
        if let Some(place) = code
            .strip_prefix('[')
            .and_then(|code| code.strip_suffix('H'))
        {
            let (line, column) = place.split_once(';').expect("a row and a column");
            assert_eq!(column, "1", "{frame:?}");
            row = line.parse::<usize>().expect("a number") - 1;
        }
        rows.get_mut(row)
            .expect("the row is on the screen")
            .push_str(text);
    }
    assert!(rows.iter().all(|row| row.len() <= COLUMNS), "{rows:#?}");
    rows
}

#[test]
fn it_refreshes_in_place_and_q_restores_the_terminal() {
    let app = TestApp::start();
    let mut terminal = Terminal::start(&app, &[]);
    terminal.await_frames(4);
    terminal.press("q");
    let seen = terminal.ended();

    assert_restored(&seen);
    let frames: Vec<Vec<String>> = seen
        .split(FRAME)
        .skip(1)
        .map(|frame| rows(frame.split("\u{1b}[?2026l").next().unwrap_or_default()))
        .collect();
    assert!(
        frames
            .iter()
            .all(|rows| rows[0].starts_with("paynowctl top  ")),
        "{frames:#?}"
    );
    let times: Vec<&str> = frames.iter().map(|rows| &rows[0][15..23]).collect();
    assert!(
        times.is_sorted() && times.first() < times.last(),
        "{times:?}"
    );
    assert!(
        frames[3]
            .iter()
            .any(|row| row.starts_with("paynow-worker ")),
        "{frames:#?}"
    );
    assert!(seen.contains("\u{1b}[1m"), "headings are bold: {seen:?}");
}

#[test]
fn interrupts_restore_the_terminal_too() {
    let app = TestApp::start();
    // A dead letter, which is shown in colour.
    app.deliver(&Order::of(POINTS, flake()));
    app.drain();
    let mut typed = Terminal::start(&app, &[("NO_COLOR", "1")]);
    let sent = Terminal::start(&app, &[]);
    typed.await_frames(1);
    typed.press("\u{3}");
    let seen = typed.ended();
    assert_restored(&seen);
    assert!(!seen.contains("\u{1b}[38;5;"), "NO_COLOR is set: {seen:?}");

    sent.await_frames(1);
    let killed = Command::new("kill").args(["-TERM", &sent.pid()]).status();
    assert!(killed.expect("kill runs").success());
    let seen = sent.ended();
    assert_restored(&seen);
    assert!(
        seen.contains("\u{1b}[38;5;"),
        "NO_COLOR is not set: {seen:?}"
    );
}

#[test]
fn a_dumb_terminal_gets_no_escape_code() {
    let app = TestApp::start();
    app.deliver(&Order::of(POINTS, flake()));
    app.drain();
    let mut dumb = Terminal::start(&app, &[("TERM", "dumb")]);
    eventually("two blocks are printed", || {
        (dumb.seen().matches("paynowctl top").count() >= 2).then_some(())
    });
    dumb.press("\u{3}");
    let seen = dumb.ended();
    for part in ["code=0", "restored"] {
        assert!(seen.contains(part), "{part}: {seen:?}");
    }
    assert!(seen.contains("! 1 open dead letter"), "{seen:?}");
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
}
