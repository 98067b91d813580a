//! A list of products becomes the price list: all of it, or nothing.

use std::collections::BTreeSet;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use serde::Serialize;

use super::Unusual;
use super::caution::caution;
use super::history::newest;
use crate::actions::{Mode, Note};
use crate::database::Database;
use crate::error::{DeskError, Undone};
use crate::expect::{PreviewHash, lines, refuse_other};
use crate::ids;
use crate::row::row;
use crate::text::counted;

/// A longer name is cut.
const NAME_CHARACTERS_MAX: usize = 200;

/// A product of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub product: ProductId,
    /// `None` keeps the price; a product without one then gets 0 points.
    pub points: Option<Points>,
    /// `None` keeps the name.
    pub name: Option<String>,
}

row! {
    /// A product of the list, and what it is compared with.
    #[derive(Serialize)]
    pub struct Change {
        #[serde(serialize_with = "ids::text")]
        pub product_id: i64,
        pub name: Option<String>,
        pub points: i64,
        /// `None` for a new product.
        pub points_before: Option<i64>,
        pub has_new_name: bool,
        /// The list has no points of this new product, which gets 0.
        pub is_assumed: bool,
    }

    struct Unlisted {
        product_id: i64,
    }
}

impl Change {
    fn is_one(&self) -> bool {
        self.has_new_name || self.points_before != Some(self.points)
    }

    /// Why a person must confirm it.
    pub fn caution(&self) -> Option<&'static str> {
        if self.is_assumed {
            Some("the list names no points")
        } else if self.points_before == Some(self.points) {
            None
        } else {
            caution(self.points_before, self.points)
        }
    }
}

/// What an import changes.
#[derive(Debug, Serialize)]
pub struct Difference {
    pub is_applied: bool,
    pub changes: Vec<Change>,
    /// How many products of the list have their price and name already.
    pub unchanged: usize,
    /// The products that have a price and are not in the list. They stay as they are.
    #[serde(serialize_with = "ids::list")]
    pub unlisted: Vec<i64>,
    /// Of the list and of its changes.
    pub expect: PreviewHash,
}

/// How far an import goes.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'a> {
    pub mode: Mode,
    /// With `Unusual::Refuse`, nothing is applied if one change is rarely meant.
    pub unusual: Unusual,
    /// Only what the preview with this hash showed.
    pub expected: Option<&'a PreviewHash>,
}

/// Shows or applies what a list changes.
pub fn import(
    database: &Database,
    listed: &[Listed],
    note: &Note,
    extent: Extent<'_>,
) -> Result<Difference, DeskError> {
    let Extent {
        mode,
        unusual,
        expected,
    } = extent;
    refuse_duplicates(listed)?;
    let imported = database
        .patient()
        .open_as_operator()?
        .transaction(|connection| {
            // Before the import itself sets newer ones.
            let newest = newest(connection)?;
            let mut difference = write(connection, listed, note)?;
            let told = [
                format!("the list is another, now of {}", products_of(listed)),
                format!(
                    "the price list is another, now {} would change; the newest price is {newest}",
                    difference.changes.len()
                ),
            ];
            refuse_other(&difference.expect, expected, told)?;
            let is_unusual = difference.changes.iter().any(|it| it.caution().is_some());
            if mode == Mode::DryRun || (is_unusual && unusual == Unusual::Refuse) {
                return Err(Undone::OnPurpose(Box::new(difference)));
            }
            difference.is_applied = true;
            Ok(difference)
        });
    Undone::shown(imported)
}

fn refuse_duplicates(listed: &[Listed]) -> Result<(), DeskError> {
    let mut seen = BTreeSet::new();
    match listed.iter().find(|it| !seen.insert(it.product)) {
        Some(again) => Err(DeskError::Refused(format!(
            "product {} is in the list twice: nothing was done",
            again.product
        ))),
        None => Ok(()),
    }
}

fn write(connection: &mut PgConnection, listed: &[Listed], note: &Note) -> QueryResult<Difference> {
    let products: Vec<i64> = listed.iter().map(|it| it.product.get()).collect();
    let points: Vec<Option<i64>> = listed.iter().map(|it| it.points.map(Points::get)).collect();
    let names: Vec<Option<String>> = listed.iter().map(name).collect();
    let compared: Vec<Change> = sql_query("SELECT * FROM import_prices($1, $2, $3, $4, $5)")
        .bind::<Array<BigInt>, _>(&products)
        .bind::<Array<Nullable<BigInt>>, _>(points)
        .bind::<Array<Nullable<Text>>, _>(names)
        .bind::<Text, _>(&note.by)
        .bind::<Text, _>(&note.why)
        .load(connection)?;
    let unlisted: Vec<Unlisted> = sql_query(
        "SELECT product_id FROM products WHERE product_id <> ALL ($1) ORDER BY product_id",
    )
    .bind::<Array<BigInt>, _>(products)
    .load(connection)?;
    let (changes, same): (Vec<Change>, Vec<Change>) =
        compared.into_iter().partition(Change::is_one);
    Ok(Difference {
        is_applied: false,
        expect: frozen(listed, &changes),
        changes,
        unchanged: same.len(),
        unlisted: unlisted.into_iter().map(|it| it.product_id).collect(),
    })
}

fn frozen(listed: &[Listed], changes: &[Change]) -> PreviewHash {
    let wanted = listed
        .iter()
        .map(|it| format!("{} {:?} {:?}", it.product, it.points, name(it)));
    let changed = changes.iter().map(|it| {
        let (product, points, before) = (it.product_id, it.points, it.points_before);
        format!(
            "{product} {before:?} {points} {:?} {}",
            it.name, it.has_new_name
        )
    });
    PreviewHash::of([lines(wanted), lines(changed)])
}

fn products_of(listed: &[Listed]) -> String {
    let products = u64::try_from(listed.len()).unwrap_or(u64::MAX);
    counted(products, "product", "products")
}

/// The name as the database can hold it.
fn name(listed: &Listed) -> Option<String> {
    let name = listed.name.as_deref()?.trim();
    let kept = name.chars().filter(|it| *it != '\0');
    let kept: String = kept.take(NAME_CHARACTERS_MAX).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(product: i64, name: Option<&str>) -> Listed {
        Listed {
            product: ProductId::from_i64(product).unwrap(),
            points: Some(Points::new(5)),
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn a_name_is_cut_to_what_the_database_holds() {
        assert_eq!(
            name(&listed(1, Some(" Co\0ins "))).as_deref(),
            Some("Coins")
        );
        assert_eq!(name(&listed(1, Some(" "))), None);
        assert_eq!(name(&listed(1, None)), None);
        let long = "ż".repeat(201);
        let cut = name(&listed(1, Some(&long))).unwrap();
        assert_eq!(cut, "ż".repeat(200));
    }

    #[test]
    fn a_product_may_be_listed_once() {
        assert!(refuse_duplicates(&[listed(1, None), listed(2, None)]).is_ok());
        let twice = refuse_duplicates(&[listed(1, None), listed(2, None), listed(1, None)]);
        let error = twice.unwrap_err().to_string();
        assert_eq!(error, "product 1 is in the list twice: nothing was done");
    }

    #[test]
    fn an_assumed_price_must_be_confirmed() {
        let change = |points_before, is_assumed| Change {
            product_id: 1,
            name: None,
            points: 0,
            points_before,
            has_new_name: false,
            is_assumed,
        };
        assert!(change(None, true).caution().is_some());
        assert_eq!(change(None, false).caution(), None);
        assert!(change(Some(500), false).caution().is_some());
        assert_eq!(change(Some(0), false).caution(), None);
    }
}
