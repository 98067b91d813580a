//! `send`: posts events as `PayNow` does, for demonstrations, tests and load.

mod options;
mod post;
mod report;
mod reversal;
mod run;
mod sample;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use paynow_desk::sale::sale;
use paynow_process::clock::now_ms;
use paynow_shared::signature::Signer;
use paynow_shared::wire::label;
use secrecy::ExposeSecret;
use url::Url;

pub(crate) use self::options::SendOptions;
use self::report::{Report, SentEvent};
use self::reversal::Undo;
use self::run::Tally;
pub(crate) use self::run::{PostingPace, post_all};
use self::sample::Sample;
use crate::config::Config;
use crate::failure::Failure;

pub(crate) fn run(options: &SendOptions, config: &Config) -> Result<(), Failure> {
    let to = Receiver {
        url: &config.webhook_url(options.url.as_ref())?,
        signer: &Signer::new(config.signing_secret()?.expose_secret()),
        has_bar: config.terminal().has_codes,
    };
    match &options.file {
        Some(path) => send_file(path, options, to),
        None => send_samples(options, config, to),
    }
}

fn send_file(path: &Path, options: &SendOptions, to: Receiver<'_>) -> Result<(), Failure> {
    let body = content(path)
        .map_err(|error| Failure::failed(format!("{} cannot be read", path.display()), error))?;
    let post = Post {
        event: SentEvent::of_file(label(&body)),
        body: Body::Bytes(body),
    };
    send(vec![vec![post]], options, to)
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

fn send_samples(options: &SendOptions, config: &Config, to: Receiver<'_>) -> Result<(), Failure> {
    let now_ms = now_ms();
    let mut next_id = sample::new_ids(now_ms);
    let (samples, sales) = match options.order {
        Some(order) => (Vec::new(), vec![sale(&config.database()?, order)?]),
        None => {
            let (count, wallets) = (as_size(options.count), as_size(options.wallets));
            let samples = sample::plan(count, &options.products, wallets, &mut next_id);
            let sales = samples.iter().map(Sample::sale).collect();
            (samples, sales)
        }
    };
    let undone = Undo::plan(&sales, &options.then, &mut next_id);
    let event_type = options.event_type.as_str();
    let orders = samples.iter().map(|sample| Post {
        event: SentEvent::of_order(event_type, sample),
        body: Body::Order(sample, event_type),
    });
    let steps = undone.iter().map(|step| {
        let posts = step.iter().map(|undo| Post {
            event: SentEvent::of_reversal(undo),
            body: Body::Reversal(undo, now_ms),
        });
        posts.collect()
    });
    let phases = std::iter::once(orders.collect()).chain(steps);
    send(phases.collect(), options, to)
}

/// Where to post, and how to sign.
#[derive(Clone, Copy)]
pub(crate) struct Receiver<'a> {
    pub(crate) url: &'a Url,
    pub(crate) signer: &'a Signer,
    /// Whether the terminal can show a progress bar.
    pub(crate) has_bar: bool,
}

/// An event to post.
struct Post<'a> {
    event: SentEvent<'a>,
    body: Body<'a>,
}

enum Body<'a> {
    Bytes(Vec<u8>),
    Order(&'a Sample, &'a str),
    Reversal(&'a Undo, i64),
}

impl Body<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Order(sample, event_type) => sample.body(event_type),
            Self::Reversal(undo, now_ms) => undo.body(*now_ms),
        }
    }
}

/// Posts one phase after the other, each when all of the one before was accepted: what takes an order back
/// should not come first.
fn send(
    phases: Vec<Vec<Post<'_>>>,
    options: &SendOptions,
    to: Receiver<'_>,
) -> Result<(), Failure> {
    let posts_per_event = as_size(options.duplicate) + 1;
    let started = Instant::now();
    let (mut tally, mut accepted) = (Tally::default(), Vec::new());
    for phase in &phases {
        let pace = PostingPace {
            events: phase.len(),
            posts_per_event,
            connections: as_size(options.connections),
            per_second: options.rate,
            give_up_after: Duration::from_secs(options.give_up_after.into()),
            has_bar: to.has_bar,
        };
        let body = |event: usize| phase.get(event).map(|post| post.body.bytes());
        let body = |event: usize| body(event).unwrap_or_default();
        let (of_phase, are_accepted) = post_all(&pace, to.url, to.signer, body);
        let is_complete = of_phase.accepted == phase.len() * posts_per_event;
        tally.add(of_phase);
        accepted.extend(are_accepted);
        if !is_complete {
            break;
        }
    }
    let events: Vec<SentEvent<'_>> = phases
        .into_iter()
        .flatten()
        .map(|post| post.event)
        .collect();
    let posts = events.len() * posts_per_event;
    let report = Report::new((posts, started.elapsed()), tally, events, &accepted);
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
