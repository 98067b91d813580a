//! A mail server for one test: accepts and keeps every mail (RFC 5321, no TLS, no login).

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::mail::Mail;
use crate::harness::port::free_port;

/// A client that is silent for longer is disconnected, so that no thread waits for ever.
const SILENCE_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Mailbox {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    closing: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Mailbox {
    pub(crate) fn open() -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let (mails, closing) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (kept, ended) = (Arc::clone(&mails), Arc::clone(&closing));
        let server = thread::spawn(move || {
            for client in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                // A client that disconnects early has sent no mail and will send it again.
                let _broken_off = client.and_then(|client| take_mails(client, &kept));
            }
        });
        Self {
            port,
            mails,
            closing,
            server: Some(server),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Every mail so far, the oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("no holder panics").clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        // The server waits for a client, so this connection wakes it.
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(server) = self.server.take() {
            let _ended = server.join();
        }
    }
}

/// Serves one session of RFC 5321 and accepts every recipient and every content.
fn take_mails(client: TcpStream, kept: &Mutex<Vec<Mail>>) -> io::Result<()> {
    client.set_read_timeout(Some(SILENCE_MAX))?;
    let mut answers = client.try_clone()?;
    let mut lines = BufReader::new(client).lines();
    let mut recipients = Vec::new();
    answers.write_all(b"220 mailbox.test ESMTP\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-mailbox.test\r\n250 8BITMIME",
            "RCPT" => {
                recipients.push(address_in(&line));
                "250 ok"
            }
            "DATA" => {
                answers.write_all(b"354 end with a dot alone\r\n")?;
                let text = content(&mut lines)?;
                let mail = Mail::read(std::mem::take(&mut recipients), &text);
                kept.lock().expect("no holder panics").push(mail);
                "250 kept"
            }
            "QUIT" => "221 bye",
            "HELO" | "MAIL" | "RSET" | "NOOP" => "250 ok",
            _other => "502 not implemented",
        };
        answers.write_all(format!("{answer}\r\n").as_bytes())?;
        if verb.eq_ignore_ascii_case("QUIT") {
            break;
        }
    }
    Ok(())
}

/// `RCPT TO:<anna@example.org>`
fn address_in(line: &str) -> String {
    let address = line.split_once('<').map_or(line, |(_before, rest)| rest);
    address.split('>').next().unwrap_or_default().to_owned()
}

/// The lines up to the one with only a dot, with doubled leading dots made single.
fn content(lines: &mut impl Iterator<Item = io::Result<String>>) -> io::Result<String> {
    let mut text = String::new();
    for line in lines {
        let line = line?;
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
