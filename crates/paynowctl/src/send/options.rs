//! The options of `send`.

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use paynow_shared::event::EventType;
use paynow_shared::ids::{OrderId, ProductId};
use paynow_shared::points::Points;
use url::Url;

use crate::arguments::http_url;
use crate::output::Format;

const EXAMPLES: &str = "\
An event that gets 429, 5xx or no answer is tried again after growing waits, as PayNow does; any
other answer but 2xx is final. Exits 1 unless every post was accepted.

What --then names is posted once all orders are accepted. A partial refund gives the first line of
an order back; of an order of one line, half of its amount, which no line fits: a dead letter that a
person decides about. A chargeback is of a payment with the order's own number, so that a later run
can close it.

Examples:
  paynowctl send
  paynowctl send --count 20000 --rate 500 --connections 16
  paynowctl send --count 100 --duplicate 2 --json
  paynowctl send --product 600000000000000040=500 --product 600000000000000050
  paynowctl send --then refund
  paynowctl send --count 3 --then chargeback --then chargeback-won
  paynowctl send --order 600000000000000010 --then partial-refund
  paynowctl send --file event.json
  printf '{}' | paynowctl send --file -";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SendOptions {
    /// URL of the receiver [default: `PAYNOW_WEBHOOK_URL`, or port 8080 of this machine]
    #[arg(long, value_parser = http_url)]
    pub(super) url: Option<Url>,
    /// Number of different events
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(super) count: u32,
    /// Posts per second; unlimited by default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
    /// Number of connections, each kept open
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(super) connections: u32,
    /// Post each event this many more times, one right after the other
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) duplicate: u32,
    /// Product to buy; when repeated, events take turns; POINTS goes into its metadata as `points`
    #[arg(
        long = "product",
        value_name = "ID[=POINTS]",
        default_value = "600000000000000040"
    )]
    pub(super) products: Vec<ProductChoice>,
    /// Number of customers who buy in turn; their ids start at 600000000000100000
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(super) wallets: u32,
    /// Then take it back: post this for every order; when repeated, one after the other
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(super) then: Vec<Reversal>,
    /// Post no new orders; --then is for this one, which the database must know
    #[arg(
        long,
        value_name = "ORDER",
        requires = "then",
        conflicts_with_all = ["count", "products", "wallets", "event_type", "file"]
    )]
    pub(super) order: Option<OrderId>,
    /// Type of the events; the body is always that of an order
    #[arg(long, default_value = "ON_ORDER_COMPLETED", conflicts_with = "then")]
    pub(super) event_type: EventType,
    /// Sign and post the exact bytes of this file instead; `-` is standard input
    #[arg(long, conflicts_with_all = ["count", "products", "wallets", "event_type", "then"])]
    pub(super) file: Option<PathBuf>,
    /// Give up on an event after this many seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(super) give_up_after: u32,
    #[command(flatten)]
    pub(super) format: Format,
}

/// How an order is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Reversal {
    /// Of all that was charged
    Refund,
    /// Of the first line, or of half the amount of an order of one line
    PartialRefund,
    /// The payer's bank demands the money back
    Chargeback,
    /// The chargeback is closed, and the shop keeps the money
    ChargebackWon,
    /// The chargeback is closed, and the payer gets the money
    ChargebackLost,
}

/// A product to buy, and the points to put into its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProductChoice {
    pub(super) product: ProductId,
    pub(super) points: Option<Points>,
}

impl FromStr for ProductChoice {
    type Err = Box<dyn Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (product, points) = match text.split_once('=') {
            None => (text, None),
            Some((product, points)) => (product, Some(points)),
        };
        Ok(Self {
            product: product.parse()?,
            points: points.map(str::parse).transpose()?,
        })
    }
}
