//! The worker's decisions on a ledger in memory.

use std::collections::BTreeSet;

use paynow_shared::points::Points as WorkerPoints;
use paynow_shared::wire::Headers;
use paynow_worker::decide::prices::Prices;
use paynow_worker::decide::record::{self, Attribution};
use paynow_worker::decide::view::{self, LedgerView, Told};
use paynow_worker::decide::{self, OrderTypes, Policy, Treatment, Trials, UnknownProducts};
use paynow_worker::disposition::Disposition;
use paynow_worker::ledger::plan::{Plan, plan};
use paynow_worker::message::{DecodedMessage, Message, Proof};

use super::bodies::bytes;
use super::history::{Answer, Body, Event, PartialRefunds, Price, Rule, Settings, Source, Verdict};
use super::play::Ledger;
use super::rules::{Points, without_zeros};

pub(crate) struct Worker {
    view: LedgerView,
    policy: Policy,
    balances: Points,
    /// The database refuses a second entry with the same key.
    keys: BTreeSet<String>,
}

impl Worker {
    pub(crate) fn new(settings: &Settings, prices: &[Price]) -> Self {
        let mut view = LedgerView::default();
        let mut rows = prices.to_vec();
        rows.sort_by_key(|price| price.valid_from);
        for price in rows {
            let product = price.product.to_string().parse().unwrap();
            let of_product: &mut Prices = view.products.entry(product).or_default();
            let from = price.valid_from.map_or(i64::MIN, |ms| ms * 1000);
            of_product.add(from, price.points.map(WorkerPoints::new));
        }
        Self {
            view,
            policy: policy(settings),
            balances: Points::new(),
            keys: BTreeSet::new(),
        }
    }

    fn tell(&mut self, refund_id: i64, known: (Answer, Source)) {
        let (answer, source) = known;
        let answer = match answer {
            Answer::Line(id) => view::Answer::For(Attribution::Line(id_of(id))),
            Answer::Everything => view::Answer::For(Attribution::Everything),
            Answer::Points { wallet, points } => view::Answer::For(Attribution::Points {
                wallet_id: id_of(wallet),
                points: WorkerPoints::new(points),
            }),
            Answer::Unknown => view::Answer::Unknown("no such refund".to_owned()),
        };
        let by = match source {
            Source::PayNow => record::Source::PayNow,
            Source::Person => record::Source::Operator,
        };
        self.view.told.insert(id_of(refund_id), Told { by, answer });
    }

    fn post(&mut self, plan: &Plan<'_>) {
        for planned in &plan.entries {
            let entry = &planned.entry;
            let key = entry.key.to_string();
            assert!(self.keys.insert(key.clone()), "{key} is posted twice");
            *self.balances.entry(entry.wallet_id.get()).or_default() += entry.points.get();
        }
    }
}

impl Ledger for Worker {
    fn deliver(&mut self, event: &Event, answer: Option<(Answer, Source)>) -> Verdict {
        self.view.told.clear();
        if let (Body::Refund(refund), Some(known)) = (&event.body, answer) {
            self.tell(refund.id, known);
        }
        let message = Message {
            headers: Headers::default(),
            redeliveries: 0,
            body: bytes(event),
        };
        let decoded = [DecodedMessage::decode(&message, Proof::NotRequired)];
        let plan = plan(&decoded, &mut self.view, &self.policy);
        self.post(&plan);
        match &plan.dispositions[..] {
            [Disposition::Ack] => match plan.events.first() {
                Some(planned) => Verdict::Applied(planned.outcome.code()),
                None => Verdict::Repeated,
            },
            [Disposition::RetryLater(_)] => Verdict::Deferred,
            [Disposition::AskPayNow(..)] => Verdict::Asked,
            [Disposition::DeadLetter(failure)] => Verdict::Refused(failure.reason.code()),
            other => panic!("{other:?}"),
        }
    }

    fn balances(&self) -> Points {
        without_zeros(self.balances.clone())
    }
}

fn id_of<T: std::str::FromStr<Err: std::fmt::Debug>>(id: i64) -> T {
    id.to_string().parse().unwrap()
}

fn policy(settings: &Settings) -> Policy {
    let treatment = |rule| match rule {
        Rule::Credit => Treatment::Credit,
        Rule::Ignore => Treatment::Ignore,
        Rule::DeadLetter => Treatment::DeadLetter,
    };
    let order_types: Vec<String> = settings
        .order_types
        .iter()
        .map(|(kind, rule)| format!("{kind}={}", word(*rule)))
        .collect();
    Policy {
        store_id: None,
        partial_refunds: match settings.partial_refunds {
            PartialRefunds::ByLine => decide::PartialRefunds::ByLine,
            PartialRefunds::Proportional => decide::PartialRefunds::Proportional,
            PartialRefunds::DeadLetter => decide::PartialRefunds::DeadLetter,
        },
        asks_paynow: settings.asks_paynow,
        points_metadata_key: None,
        unknown_products: if settings.unknown_is_zero {
            UnknownProducts::Zero
        } else {
            UnknownProducts::DeadLetter
        },
        order_types: if order_types.is_empty() {
            OrderTypes::default()
        } else {
            order_types.join(",").parse().unwrap()
        },
        trials: Trials(treatment(settings.trials)),
    }
}

fn word(rule: Rule) -> &'static str {
    match rule {
        Rule::Credit => "credit",
        Rule::Ignore => "ignore",
        Rule::DeadLetter => "dead_letter",
    }
}
