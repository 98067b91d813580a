//! The files of `products import` and `products export`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use paynow_desk::products::{Listed, Product};
use paynow_shared::ids::ProductId;
use paynow_shared::points::Points;
use serde::{Deserialize, Serialize};

use super::csv;
use crate::failure::Failure;

/// More than any price list has.
const FILE_BYTES_MAX: u64 = 16 << 20;
const COLUMNS: [&str; 3] = ["product_id", "points", "name"];

/// A product in a JSON file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    product_id: String,
    points: i64,
    name: Option<String>,
}

impl From<Product> for Entry {
    fn from(product: Product) -> Self {
        Self {
            product_id: product.product_id.to_string(),
            points: product.points,
            name: product.name,
        }
    }
}

/// The lines of a CSV file with these products.
pub(super) fn csv_lines(entries: &[Entry]) -> Vec<String> {
    let rows = entries.iter().map(|entry| {
        let name = csv::field(entry.name.as_deref().unwrap_or_default());
        format!("{},{},{name}", entry.product_id, entry.points)
    });
    [COLUMNS.join(",")].into_iter().chain(rows).collect()
}

/// Reads a JSON or CSV file, or the standard input. A JSON file begins with a bracket.
pub(super) fn read(file: &Path) -> Result<Vec<Listed>, Failure> {
    let what = || format!("{} cannot be imported, nothing was done", file.display());
    let bytes = bytes(file).map_err(|error| Failure::failed(what(), error))?;
    let listed = String::from_utf8(bytes)
        .map_err(|error| error.to_string())
        .and_then(|text| listed(&text));
    listed.map_err(|problem| Failure::failed(what(), problem))
}

fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX + 1;
    if file.as_os_str() == "-" {
        std::io::stdin().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length < limit) {
        Ok(bytes)
    } else {
        let problem = format!("it has more than {FILE_BYTES_MAX} bytes");
        Err(std::io::Error::other(problem))
    }
}

fn listed(text: &str) -> Result<Vec<Listed>, String> {
    let listed = if text.trim_start().starts_with('[') {
        from_json(text)?
    } else {
        from_csv(text)?
    };
    if listed.is_empty() {
        return Err("it has no products".to_owned());
    }
    Ok(listed)
}

fn from_json(text: &str) -> Result<Vec<Listed>, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let one = |(number, entry): (usize, Entry)| {
        let points = entry.points.to_string();
        product(&entry.product_id, &points, entry.name)
            .map_err(|problem| format!("product {number} of the list: {problem}"))
    };
    (1..).zip(entries).map(one).collect()
}

fn from_csv(text: &str) -> Result<Vec<Listed>, String> {
    let mut rows = csv::rows(text)?.into_iter();
    let (_line, head) = rows.next().unwrap_or_default();
    let place = |column: &str| head.iter().position(|it| it.eq_ignore_ascii_case(column));
    let [Some(id), Some(points), name] = COLUMNS.map(place) else {
        return Err("its first line must name the columns product_id and points".to_owned());
    };
    let one = |(line, row): (usize, Vec<String>)| {
        let cell = |place: usize| row.get(place).map(String::as_str).unwrap_or_default();
        let name = name.map(|name| cell(name).to_owned());
        product(cell(id), cell(points), name).map_err(|problem| format!("line {line}: {problem}"))
    };
    rows.map(one).collect()
}

fn product(id: &str, points: &str, name: Option<String>) -> Result<Listed, String> {
    let product: ProductId = id
        .parse()
        .map_err(|error| format!("product_id {id:?}: {error}"))?;
    let points: Points = points
        .parse()
        .map_err(|error| format!("points {points:?} of product {product}: {error}"))?;
    Ok(Listed {
        product,
        points: Some(points),
        name: name.filter(|name| !name.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(name: Option<&str>) -> Vec<Listed> {
        product("40", "500", name.map(str::to_owned))
            .into_iter()
            .collect()
    }

    #[test]
    fn a_file_is_json_or_csv() {
        for text in [
            r#" [{"product_id": "40", "points": 500, "name": "Coins"}]"#,
            r#"[{"product_id": "40", "points": 500, "name": "Coins", "updated_at": "x"}]"#,
            "product_id,points,name\n40,500,Coins\n",
            "Name;Points;Product_ID;other\nCoins;500;40;x",
        ] {
            assert_eq!(listed(text), Ok(expected(Some("Coins"))), "{text}");
        }
        for text in [
            r#"[{"product_id": "40", "points": 500}]"#,
            "product_id,points\n40,500",
            "product_id,points,name\n40,500,",
        ] {
            assert_eq!(listed(text), Ok(expected(None)), "{text}");
        }
    }

    #[test]
    fn a_bad_row_is_refused_with_its_place() {
        for (text, place) in [
            (
                "product_id,points\n40,500\n41,five",
                "line 3: points \"five\"",
            ),
            ("product_id,points\n40,-5", "line 2: points \"-5\""),
            ("product_id,points\n40", "line 2: points \"\""),
            ("product_id,points\nx,5", "line 2: product_id \"x\""),
            ("40,500", "its first line must name the columns"),
            ("product_id,points\n", "no products"),
            ("[]", "no products"),
            (
                r#"[{"product_id": "40", "points": -5}]"#,
                "product 1 of the list",
            ),
            (r#"[{"product_id": "40", "points": 1.5}]"#, "line 1"),
            (r#"[{"product_id": "40"}]"#, "missing field `points`"),
        ] {
            let problem = listed(text).unwrap_err();
            assert!(problem.contains(place), "{text}: {problem}");
        }
    }

    #[test]
    fn an_exported_product_is_read_as_it_was() {
        let entry = |name: Option<&str>| Entry {
            product_id: "40".to_owned(),
            points: 500,
            name: name.map(str::to_owned),
        };
        for name in [Some("500 \"Coins\", blue"), None] {
            let entries = [entry(name)];
            let json = serde_json::to_string(&entries).unwrap();
            assert_eq!(listed(&json), Ok(expected(name)));
            let csv = csv_lines(&entries).join("\n");
            assert_eq!(listed(&csv), Ok(expected(name)));
        }
    }
}
