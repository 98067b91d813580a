//! Who the owner of a wallet is in games. Whoever looks is recorded, so it is not on the page that everybody opens.

use paynow_desk::console::access::{Access, record};
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::FindByName;
use paynow_desk::console::roles::Right;
use paynow_desk::identities::{KnownIdentity, identities};
use paynow_shared::ids::WalletId;

use crate::answer::Answer;
use crate::ask::value;
use crate::console::Console;
use crate::document::{Cell, Document, Link, Part, Table, column};
use crate::problem::Problem;
use crate::visit::Visit;

/// The way to it, for who may go there.
pub(super) fn link<P>(visit: &Visit<'_, P>, wallet: i64) -> Option<Link> {
    let may = visit.session.roles.allow(Right::FindByName);
    may.then(|| {
        Link::new(
            format!("/wallets/{wallet}/player"),
            "Who the player is in games",
        )
    })
}

pub(crate) fn page(
    console: &Console,
    visit: &Visit<'_, Permit<FindByName>>,
) -> Result<Answer, Problem> {
    let wallet: WalletId = value("the wallet", visit.call.parameter("wallet"))?;
    let known = identities(&visit.seat(console), wallet)?;
    let about = format!("player of the wallet {wallet}");
    record(&console.database, visit.session, Access::LookUp, &about)?;
    visit.reply(&known, |known| document(wallet, known))
}

fn document(wallet: WalletId, known: &[KnownIdentity]) -> Document {
    let rows = known.iter().map(|it| {
        vec![
            Cell::text(it.platform.as_str()),
            Cell::text(it.external_id.as_str()),
            Cell::maybe(it.name.as_deref()),
            Cell::time(&it.first_seen_at),
            Cell::time(&it.last_seen_at),
        ]
    });
    let table = Table {
        caption: "Known from orders, the last seen first".to_owned(),
        columns: vec![
            column("Platform"),
            column("Id there"),
            column("Last name"),
            column("First seen"),
            column("Last seen"),
        ],
        rows: rows.collect(),
        empty: "no order has told who it is".to_owned(),
    };
    Document::new(format!("Player of wallet {wallet}"))
        .under("/wallets", "Wallets")
        .under(format!("/wallets/{wallet}"), format!("Wallet {wallet}"))
        .with(Part::text("That you looked is recorded."))
        .with(Part::Table(table))
        .with(Part::command(format!("paynowctl wallet show {wallet}")))
}
