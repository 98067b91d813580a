//! The load: webhooks of every sort, sent as `PayNow` sends them, for as long as the trial lasts.
//!
//! What the receivers answer with 202 is recorded, and nothing else counts. A post without an answer
//! may have been accepted; it is sent again until one of its tries is. Between them go forged posts,
//! which must never be accepted.

mod fate;
mod mix;
mod outbox;
mod post;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use ring::digest::{SHA256, digest};
use strum::IntoEnumIterator;

use crate::model::bodies::bytes;
use crate::model::told::Told;
use crate::world::{World, lock};
use mix::{Item, Numbers, order_of_nobody, telling};
use outbox::{Outbox, Post};
use post::{Forgery, Reply, agent, forge, post};

pub(crate) use fate::{Counts, Fate, Sort};
pub(crate) use mix::Mix;

/// Threads that send the mix, and those that send probes: a post that hangs must not keep probes back.
pub(crate) const SENDERS: usize = 32;
pub(crate) const PROBE_SENDERS: usize = 10;
const PROBE_EVERY: Duration = Duration::from_secs(1);
const FORGED_EVERY: Duration = Duration::from_millis(700);
const RELEASE_EVERY: Duration = Duration::from_secs(2);

/// A small order that is sent once a second, to see when events are credited again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) event: i64,
    pub(crate) wallet: i64,
    pub(crate) line: i64,
    /// When it was first sent, since the trial began.
    pub(crate) sent_at: Duration,
}

pub(crate) struct Load<'a> {
    world: &'a World,
    outbox: Outbox,
    probe_outbox: Outbox,
    /// What waits for another event to be in the ledger.
    waiting: Mutex<Vec<Item>>,
    /// By the SHA-256 of the body.
    accepted: Mutex<BTreeMap<String, (Sort, Fate)>>,
    probes: Mutex<Vec<Probe>>,
    counts: Mutex<Counts>,
    /// The forged posts that were accepted.
    fooled: Mutex<Vec<String>>,
    /// No further histories begin.
    is_enough: AtomicBool,
    is_over: AtomicBool,
}

impl<'a> Load<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            outbox: Outbox::default(),
            probe_outbox: Outbox::default(),
            waiting: Mutex::default(),
            accepted: Mutex::default(),
            probes: Mutex::default(),
            counts: Mutex::default(),
            fooled: Mutex::default(),
            is_enough: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    // --- what the threads do ---

    /// Sends the mix at this rate until it is enough, and then what is left of it. Returns all that was
    /// told.
    pub(crate) fn dispatch(&self, seed: u64, rate: u32) -> Vec<Told> {
        let mut mix = Mix::new(seed);
        let began = self.world.journal.now();
        let every = Duration::from_secs(1) / rate;
        for number in 1.. {
            if self.is_enough.load(Ordering::Relaxed) || self.world.is_given_up() {
                break;
            }
            self.add(mix.next());
            let due = began + every * number;
            self.world
                .pause(due.saturating_sub(self.world.journal.now()));
        }
        mix.rest().into_iter().for_each(|item| self.add(item));
        mix.into_told()
    }

    /// Sends a probe every second until the load is over.
    pub(crate) fn probe(&self) {
        let mut numbers = Numbers::of_day(20);
        while !self.is_over() {
            let order = order_of_nobody(&mut numbers);
            let event = numbers.next();
            let item = Item {
                sort: Sort::Probe,
                body: bytes(&telling(event, order.clone())),
                fate: Fate::Settled {
                    event,
                    is_credited: true,
                },
                after: None,
            };
            let sent_at = self.world.journal.now();
            let (wallet, line) = (order.buyer, order.lines[0].id);
            lock(&self.probes).push(Probe {
                event,
                wallet,
                line,
                sent_at,
            });
            self.probe_outbox.add(item);
            self.world.pause(PROBE_EVERY);
        }
    }

    /// Sends forged orders until the load is over.
    pub(crate) fn forge(&self, seed: u64) {
        let mut random = Rng::with_seed(seed);
        let mut numbers = Numbers::of_day(30);
        let agent = agent();
        let ways: Vec<Forgery> = Forgery::iter().collect();
        while !self.is_over() {
            let order = order_of_nobody(&mut numbers);
            let body = bytes(&telling(numbers.next(), order));
            let way = ways[random.usize(..ways.len())];
            let reply = forge(&agent, self.any_receiver(&mut random), &body, way);
            lock(&self.counts).forged += 1;
            if reply.is_accepted() {
                let what = format!("{way}: {}", String::from_utf8_lossy(&body));
                lock(&self.fooled).push(what);
            }
            self.world.pause(FORGED_EVERY);
        }
    }

    /// Sends what is due until the load is over.
    pub(crate) fn send(&self, seed: u64) {
        self.send_from(&self.outbox, seed);
    }

    pub(crate) fn send_probes(&self, seed: u64) {
        self.send_from(&self.probe_outbox, seed);
    }

    fn send_from(&self, outbox: &Outbox, seed: u64) {
        let mut random = Rng::with_seed(seed);
        let agent = agent();
        while let Some(taken) = outbox.take() {
            let url = self.any_receiver(&mut random);
            let reply = post(&agent, url, &taken.item.body);
            self.count(&taken, reply);
            if reply.is_accepted() {
                let digest = sha256(&taken.item.body);
                let accepted = (taken.item.sort, taken.item.fate);
                lock(&self.accepted).entry(digest).or_insert(accepted);
                outbox.settle();
            } else {
                if reply.is_refused() && taken.tries == 0 {
                    let sort = taken.item.sort;
                    self.world.note(format!("{sort} was refused: {reply:?}"));
                }
                outbox.again(taken);
            }
        }
    }

    /// Does so every few seconds until the load is over.
    pub(crate) fn release_on(&self) {
        while !self.is_over() {
            self.release();
            self.world.pause(RELEASE_EVERY);
        }
    }

    /// Sends what waited for an event that the ledger has by now. Returns how much still waits.
    pub(crate) fn release(&self) -> usize {
        let event = |item: &Item| Some(item.after?.to_string());
        let events: Vec<String> = lock(&self.waiting).iter().filter_map(event).collect();
        let recorded = self.world.ask(&format!(
            "SELECT event_id::text AS value FROM webhook_events WHERE event_id = ANY ('{{{}}}')",
            events.join(",")
        ));
        let recorded: BTreeSet<i64> = recorded
            .unwrap_or_default()
            .iter()
            .filter_map(|event| event.parse().ok())
            .collect();
        let mut waiting = lock(&self.waiting);
        let is_due = |item: &mut Item| item.after.is_none_or(|event| recorded.contains(&event));
        let due: Vec<Item> = waiting.extract_if(.., is_due).collect();
        due.into_iter().for_each(|item| self.outbox.add(item));
        waiting.len()
    }

    /// The mix ends, and only probes and forged posts are still sent.
    pub(crate) fn end_mix(&self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }

    /// Nothing new is sent. What was not accepted is still sent again.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Nothing at all is sent any more.
    pub(crate) fn close(&self) {
        self.outbox.close();
        self.probe_outbox.close();
    }

    fn add(&self, item: Item) {
        if item.after.is_some() {
            lock(&self.waiting).push(item);
        } else {
            self.outbox.add(item);
        }
    }

    fn count(&self, post: &Post, reply: Reply) {
        let mut counts = lock(&self.counts);
        counts.posts += 1;
        let status = match reply {
            Reply::Status(status) => status,
            Reply::Nothing => 0,
        };
        *counts.answers.entry(status).or_default() += 1;
        if reply.is_accepted() {
            *counts.accepted.entry(post.item.sort).or_default() += 1;
        }
    }

    fn any_receiver(&self, random: &mut Rng) -> &str {
        let urls = &self.world.webhooks;
        &urls[random.usize(..urls.len())]
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) || self.world.is_given_up()
    }

    // --- what came of it ---

    /// How many webhooks were not accepted yet.
    pub(crate) fn unsettled(&self) -> usize {
        self.outbox.unsettled() + self.probe_outbox.unsettled()
    }

    /// What was accepted, by the SHA-256 of its body.
    pub(crate) fn accepted(&self) -> BTreeMap<String, (Sort, Fate)> {
        lock(&self.accepted).clone()
    }

    pub(crate) fn probes(&self) -> Vec<Probe> {
        lock(&self.probes).clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    pub(crate) fn fooled(&self) -> Vec<String> {
        lock(&self.fooled).clone()
    }
}

fn sha256(body: &[u8]) -> String {
    let digest = digest(&SHA256, body);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
