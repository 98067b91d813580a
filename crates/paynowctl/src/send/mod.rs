//! `send`: posts events as `PayNow` does, for demonstrations, tests and load.

mod options;
mod post;
mod report;
mod run;
mod sample;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use paynow_process::clock::now_ms;
use paynow_shared::signature::Signer;
use paynow_shared::wire::label;
use secrecy::ExposeSecret;

pub(crate) use self::options::SendOptions;
use self::report::{Report, SentEvent};
pub(crate) use self::run::{PostingPace, post_all};
use crate::config::Config;
use crate::failure::Failure;

pub(crate) fn run(options: &SendOptions, config: &Config) -> Result<(), Failure> {
    let signer = Signer::new(config.signing_secret()?.expose_secret());
    match &options.file {
        Some(path) => send_file(path, options, &signer),
        None => send_samples(options, &signer),
    }
}

fn send_file(path: &Path, options: &SendOptions, signer: &Signer) -> Result<(), Failure> {
    let body = content(path)
        .map_err(|error| Failure::failed(format!("{} cannot be read", path.display()), error))?;
    let event = SentEvent::new(label(&body).message_id, None);
    send(vec![event], |_event| body.clone(), options, signer)
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut body)?;
    } else {
        File::open(path)?.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn send_samples(options: &SendOptions, signer: &Signer) -> Result<(), Failure> {
    let samples = sample::plan(
        as_size(options.count),
        &options.products,
        as_size(options.wallets),
        now_ms(),
    );
    let events = samples
        .iter()
        .map(|sample| SentEvent::new(sample.event_id.to_string(), Some(sample)));
    let event_type = options.event_type.as_str();
    let body = |event: usize| {
        let sample = samples.get(event);
        sample.map_or_else(Vec::new, |sample| sample.body(event_type))
    };
    send(events.collect(), body, options, signer)
}

fn send(
    events: Vec<SentEvent<'_>>,
    body: impl Fn(usize) -> Vec<u8> + Sync,
    options: &SendOptions,
    signer: &Signer,
) -> Result<(), Failure> {
    let pace = PostingPace {
        events: events.len(),
        posts_per_event: as_size(options.duplicate) + 1,
        connections: as_size(options.connections),
        per_second: options.rate,
        give_up_after: Duration::from_secs(options.give_up_after.into()),
    };
    let started = Instant::now();
    let (tally, accepted) = post_all(&pace, &options.url, signer, body);
    let report = Report::new(&pace, started.elapsed(), tally, events, &accepted);
    report.print(options.format)?;
    if report.all_accepted() {
        Ok(())
    } else {
        Err(Failure::AlreadyPrinted)
    }
}

fn as_size(number: u32) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}
