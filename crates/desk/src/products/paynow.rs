//! The products of a store, as `PayNow` lists them.

use std::collections::BTreeMap;

use paynow_process::paynow::PayNowApi;
use paynow_shared::ids::{ProductId, StoreId};
use paynow_shared::points::Points;
use serde::Deserialize;

use super::Listed;
use crate::error::DeskError;

#[derive(Deserialize)]
struct StoreProduct {
    id: ProductId,
    name: String,
    metadata: Option<BTreeMap<String, String>>,
}

/// Reads the products of a store. Their points are in the metadata under the key, where it is given and a
/// product has it.
pub fn of_store(
    api: &PayNowApi,
    store: StoreId,
    metadata_key: Option<&str>,
) -> Result<Vec<Listed>, DeskError> {
    let store = store.to_string();
    let products: Vec<StoreProduct> = api
        .get(&["v1", "stores", &store, "products"], &[])
        .map_err(|error| DeskError::failed("PayNow's list of products cannot be read", error))?;
    let products = products.into_iter();
    products.map(|it| listed(it, metadata_key)).collect()
}

fn listed(product: StoreProduct, metadata_key: Option<&str>) -> Result<Listed, DeskError> {
    let text = metadata_key.and_then(|key| product.metadata.as_ref()?.get(key));
    let points = text.map(|text| text.parse::<Points>()).transpose();
    let points = points.map_err(|error| {
        DeskError::Refused(format!(
            "metadata {:?} of product {}: {error}; nothing was done",
            metadata_key.unwrap_or_default(),
            product.id
        ))
    })?;
    Ok(Listed {
        product: product.id,
        points,
        name: Some(product.name),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn product(metadata: &serde_json::Value) -> StoreProduct {
        let product = json!({"id": "40", "store_id": "2", "name": "Coins", "metadata": metadata});
        serde_json::from_value(product).unwrap()
    }

    fn read(metadata: &serde_json::Value) -> Result<Listed, DeskError> {
        listed(product(metadata), Some("points"))
    }

    #[test]
    fn points_come_from_the_metadata_where_a_product_has_the_key() {
        let expected = |points: Option<i64>| Listed {
            product: ProductId::from_i64(40).unwrap(),
            points: points.map(Points::new),
            name: Some("Coins".to_owned()),
        };
        let with_points = read(&json!({"points": "500", "other": "x"})).unwrap();
        assert_eq!(with_points, expected(Some(500)));
        assert_eq!(read(&json!({"other": "7"})).unwrap(), expected(None));
        assert_eq!(read(&json!(null)).unwrap(), expected(None));
    }

    #[test]
    fn metadata_that_is_no_number_of_points_is_refused() {
        for text in ["five", "-5", "", "1.5"] {
            let error = read(&json!({"points": text})).unwrap_err().to_string();
            assert!(error.contains("product 40"), "{error}");
        }
    }
}
