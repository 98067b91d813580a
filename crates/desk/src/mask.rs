//! Masks the personal data of a body. In doubt a field is masked; ids of orders, lines, products and
//! customers stay, and so do sums and times.

use serde_json::Value;

const MASK: &str = "***";
/// Complete field names.
const FIELDS: &str = "name customer_name first_name last_name display_name username nickname \
                      avatar_url steam minecraft profile";
/// Parts of field names: an address has many fields, and a later version of `PayNow` may add some.
const PARTS: &str = "billing email mail address phone avatar discord user_agent";
/// An object whose metadata the shop writes, such as a player's name on its own site.
const SHOP_OBJECT: &str = "checkout";

/// Replaces every value that may identify a person.
pub(crate) fn mask(document: &mut Value) {
    mask_in(document, false);
}

fn mask_in(value: &mut Value, in_shop_object: bool) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_ascii_lowercase();
                if is_personal(&name) || (in_shop_object && name == "metadata") {
                    // An absent value stays visible as absent.
                    if !value.is_null() {
                        *value = MASK.into();
                    }
                } else {
                    mask_in(value, in_shop_object || name == SHOP_OBJECT);
                }
            }
        }
        Value::Array(members) => members
            .iter_mut()
            .for_each(|member| mask_in(member, in_shop_object)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_personal(name: &str) -> bool {
    let is_ip_address = name == "ip" || name.ends_with("_ip");
    let is_field = FIELDS.split(' ').any(|field| field == name);
    is_ip_address || is_field || PARTS.split(' ').any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_customer_is_masked_and_the_purchase_is_not() {
        let mut body = json!({
            "id": "10", "total_amount": 1000, "created_at": "2026-01-01T10:00:00Z",
            "billing_name": "Z", "billing_email": "z@shop.example", "customer_ip": "203.0.113.7",
            "billing_address_country": "PL", "coupon_id": null,
            "customer": {"id": "20", "name": "Z", "steam": null,
                         "minecraft": {"id": "u", "name": "P", "avatar_url": ""}},
            "checkout": {"id": "11", "metadata": {"site_user": "zofia"},
                         "lines": [{"id": "12", "metadata": {"to": "zofia"}}]},
            "lines": [{"id": "13", "gift_to_customer": {"id": "21", "name": "Y"},
                       "product": {"metadata": {"points": "7"}}}],
        });
        mask(&mut body);
        let expected = json!({
            "id": "10", "total_amount": 1000, "created_at": "2026-01-01T10:00:00Z",
            "billing_name": "***", "billing_email": "***", "customer_ip": "***",
            "billing_address_country": "***", "coupon_id": null,
            "customer": {"id": "20", "name": "***", "steam": null, "minecraft": "***"},
            "checkout": {"id": "11", "metadata": "***",
                         "lines": [{"id": "12", "metadata": "***"}]},
            "lines": [{"id": "13", "gift_to_customer": {"id": "21", "name": "***"},
                       "product": {"metadata": {"points": "7"}}}],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_field_of_another_type_or_spelling_is_masked_too() {
        let mut body = json!([{"Email": ["a@b", 1]}, {"ip": {"v4": 1}}, {"shippingAddress2": 5}]);
        mask(&mut body);
        assert_eq!(
            body,
            json!([{"Email": "***"}, {"ip": "***"}, {"shippingAddress2": "***"}])
        );
    }
}
