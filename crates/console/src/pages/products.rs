//! What products give, and since when.

use paynow_desk::console::letters::{groups, waiting_products};
use paynow_desk::console::permit::Permit;
use paynow_desk::console::permit::right::{Look, SetProduct};
use paynow_desk::console::roles::Right;
use paynow_desk::database::Database;
use paynow_desk::error::DeskError;
use paynow_desk::products::{NewPrice, Price, Product, Unusual, history, list, set};
use paynow_desk::selection::{Filter, LetterState};
use paynow_shared::ids::ProductId;
use paynow_shared::reason::Reason;

use crate::answer::Answer;
use crate::ask::{needed, value};
use crate::console::Console;
use crate::document::{
    Cell, Document, Field, FieldKind, Form, Link, Part, Table, Tone, column, number_column,
};
use crate::problem::Problem;
use crate::text;
use crate::visit::Visit;

/// So many products that dead letters wait for are shown.
const WAITING_MAX: u32 = 100;
const LETTERS: &str = "/dead?reason=unknown_product";

pub(crate) fn page(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let database = visit.seat(console);
    let products = list(&database)?;
    let open = Some(LetterState::Open);
    let code = open.map(LetterState::code);
    let counted = console
        .groups
        .get(code, || groups(&database, &Filter::default(), open))?;
    let unknown = Reason::UnknownProduct.code();
    let groups = counted.map(|counted| counted.answer).unwrap_or_default();
    let dead = groups.iter().filter(|group| group.reason == unknown);
    let dead = dead.map(|group| group.letters).sum();
    let waiting = waiting(console, &database, &products)?;
    visit.reply(&products, |products| {
        document(visit, products, waiting.as_ref(), dead)
    })
}

/// A product that open letters died of.
struct Waiting {
    product_id: i64,
    letters: i64,
    quantity: i64,
    /// What one unit gives now; `None` when nobody has said.
    points: Option<i64>,
}

/// Those of most letters first, and how long ago they were added up.
struct AllWaiting {
    products: Vec<Waiting>,
    age_seconds: u64,
}

/// `None` while somebody else asks for the first time and it takes long. The points are those of now, because
/// somebody who has just set them comes back.
fn waiting(
    console: &Console,
    database: &Database,
    products: &[Product],
) -> Result<Option<AllWaiting>, DeskError> {
    let ask = || waiting_products(database, WAITING_MAX);
    let Some(counted) = console.waiting.get((), ask)? else {
        return Ok(None);
    };
    let points = |id| {
        let product = products.iter().find(|product| product.product_id == id);
        product.map(|product| product.points)
    };
    let all = counted.answer.into_iter().map(|product| Waiting {
        product_id: product.product_id,
        letters: product.letters,
        quantity: product.quantity,
        points: points(product.product_id),
    });
    Ok(Some(AllWaiting {
        products: all.collect(),
        age_seconds: counted.age.as_secs(),
    }))
}

/// The letters that died of a product without points: those of one that has points now can be replayed.
fn waiting_table(waiting: Option<&AllWaiting>) -> Table {
    let products = waiting.map_or(&[][..], |waiting| &waiting.products);
    let rows = products.iter().map(|product| {
        let (points, stake) = match product.points {
            Some(points) => (
                Cell::count(points),
                Cell::change(points.saturating_mul(product.quantity)),
            ),
            None => (
                Cell::code("not set", Tone::Warning),
                Cell::Number("unknown".to_owned()),
            ),
        };
        vec![
            Cell::id("/products", product.product_id),
            Cell::count(product.letters),
            Cell::count(product.quantity),
            points,
            stake,
        ]
    });
    let most = format!("Products in these dead letters, {WAITING_MAX} at most");
    Table {
        caption: match waiting.map_or(0, |waiting| waiting.age_seconds) {
            0 => most,
            age => format!("{most}, {} ago", text::span(age.cast_signed())),
        },
        columns: vec![
            column("Product"),
            number_column("Dead letters"),
            number_column("Units"),
            number_column("Points of one unit"),
            number_column("Points of all units"),
        ],
        rows: rows.collect(),
        empty: match waiting {
            Some(_) => "none can be read",
            None => text::BEING_ADDED_UP,
        }
        .to_owned(),
    }
}

/// The way to the replay, which is what the points were set for.
fn letters_link() -> Part {
    Part::Links {
        label: "Dead letters".to_owned(),
        links: vec![Link::new(
            LETTERS,
            "See and replay all dead letters of products without points",
        )],
    }
}

fn document<P>(
    visit: &Visit<'_, P>,
    products: &[Product],
    waiting: Option<&AllWaiting>,
    dead: u64,
) -> Document {
    let rows = products.iter().map(|product| {
        vec![
            Cell::id("/products", product.product_id),
            Cell::maybe(product.name.as_deref()),
            Cell::count(product.points),
            Cell::time(&product.updated_at),
        ]
    });
    let table = Table {
        caption: "Points of one unit".to_owned(),
        columns: vec![
            column("Product"),
            column("Name"),
            number_column("Points"),
            column("Since"),
        ],
        rows: rows.collect(),
        empty: "no product gives points yet".to_owned(),
    };
    let waiting = (dead > 0).then(|| {
        let letters = text::counted(dead, "open dead letter", "open dead letters");
        let text = format!("{letters} died of a product without points.");
        [
            Part::notice(Tone::Warning, text),
            Part::Table(waiting_table(waiting)),
            letters_link(),
        ]
    });
    let count = u64::try_from(products.len()).unwrap_or(u64::MAX);
    Document::new(text::counted(count, "product", "products"))
        .with_all(waiting.into_iter().flatten())
        .with(Part::Form(form(visit, "")))
        .with(Part::Table(table))
        .with(Part::command("paynowctl products list"))
}

pub(crate) fn one(console: &Console, visit: &Visit<'_, Permit<Look>>) -> Result<Answer, Problem> {
    let product: ProductId = value("the product", visit.call.parameter("product"))?;
    let database = visit.seat(console);
    let prices = match history(&database, Some(product)) {
        // A dead letter of a product without points leads here, and this is where it gets some.
        Err(DeskError::NotFound(_)) if !visit.call.wants_json() => Vec::new(),
        prices => prices?,
    };
    let waiting = waiting(console, &database, &list(&database)?)?;
    let waiting = waiting.and_then(|waiting| {
        let mut all = waiting.products.into_iter();
        all.find(|it| it.product_id == product.get())
    });
    visit.reply(&prices, |prices| {
        history_document(visit, &product.to_string(), prices, waiting.as_ref())
    })
}

fn history_document<P>(
    visit: &Visit<'_, P>,
    product: &str,
    prices: &[Price],
    waiting: Option<&Waiting>,
) -> Document {
    let rows = prices.iter().map(|price| {
        let points = price
            .points
            .map_or_else(|| "removed".to_owned(), text::count);
        vec![
            price
                .valid_from
                .as_deref()
                .map_or_else(|| Cell::text("the beginning"), Cell::time),
            Cell::Number(points),
            Cell::maybe(price.operator.as_deref()),
            Cell::maybe(price.why.as_deref()),
            Cell::maybe_time(price.acted_at.as_deref()),
        ]
    });
    let table = Table {
        caption: "Every price that it had".to_owned(),
        columns: vec![
            column("Valid from"),
            number_column("Points"),
            column("Set by"),
            column("Why"),
            column("Set at"),
        ],
        rows: rows.collect(),
        empty: "it never gave points".to_owned(),
    };
    Document::new(format!("Product {product}"))
        .under("/products", "Products")
        .with_all(waiting.map(waits))
        .with_all(waiting.map(|_waits| letters_link()))
        .with(Part::Form(form(visit, product)))
        .with(Part::Table(table))
        .with(Part::command(format!(
            "paynowctl products list --history --product {product}"
        )))
}

/// Whether dead letters wait for its points, or for a replay.
fn waits(product: &Waiting) -> Part {
    let letters = product.letters.unsigned_abs();
    let letters = text::counted(letters, "open dead letter", "open dead letters");
    let units = text::counted(product.quantity.unsigned_abs(), "unit", "units");
    let then = match product.points {
        None => "set the points, then replay them".to_owned(),
        Some(points) => format!(
            "it has points now, a replay gives {}",
            text::change(points.saturating_mul(product.quantity))
        ),
    };
    let text = format!("{letters} with {units} of it died because it had no points: {then}.");
    Part::notice(Tone::Warning, text)
}

fn form<P>(visit: &Visit<'_, P>, product: &str) -> Form {
    let typed = |name| visit.call.field(name).unwrap_or_default();
    let product = match product.is_empty() {
        true => typed("product"),
        false => product,
    };
    let unusual = "I mean it, even if it is unusually many or few points";
    Form::post("price", "/products", "Set the points of one unit")
        .field(
            Field::new("product", "Product", product)
                .kind(FieldKind::Number)
                .required(),
        )
        .field(
            Field::new("points", "Points", typed("points"))
                .kind(FieldKind::Number)
                .required(),
        )
        .field(Field::new("unusual", unusual, typed("unusual")).kind(FieldKind::Check))
        .field(
            Field::new("why", "Why", typed("why"))
                .kind(FieldKind::Lines)
                .required(),
        )
        .disabled_because(visit.lacks(Right::SetProduct))
}

/// From now on. What was bought before keeps its points.
pub(crate) fn changed(
    console: &Console,
    visit: &Visit<'_, Permit<SetProduct>>,
) -> Result<Answer, Problem> {
    let call = visit.call;
    let price = NewPrice {
        product: value("the product", needed(call, "product")?)?,
        points: value("the number of points", needed(call, "points")?)?,
        valid_from: None,
    };
    let unusual = match call.field("unusual") {
        Some("yes") => Unusual::Accept,
        Some(_) | None => Unusual::Refuse,
    };
    let by = visit.permit.person().as_str();
    let set = set(
        &visit.seat(console),
        &price,
        Some(by),
        Some(needed(call, "why")?),
        unusual,
    );
    match set {
        Ok(_set) => Ok(Answer::see(format!("/products/{}", price.product))),
        Err(DeskError::Refused(text)) => {
            let document = Document::new("Not set")
                .under("/products", "Products")
                .with(Part::notice(Tone::Bad, format!("{text}.")))
                .with(Part::Form(form(visit, "")));
            visit.wrong_form(&document)
        }
        Err(error) => Err(error.into()),
    }
}
