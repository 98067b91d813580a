//! Personal data out of a body, before a person sees it who need not. Better too much than too little:
//! ids of orders, lines, products and customers stay, and so do sums and times.

use serde_json::Value;

const MASK: &str = "***";
/// Whole names of fields.
const FIELDS: [&str; 11] = [
    "name",
    "customer_name",
    "first_name",
    "last_name",
    "display_name",
    "username",
    "nickname",
    "avatar_url",
    "steam",
    "minecraft",
    "profile",
];
/// Parts of names of fields: an address may have many lines, and the next version others.
const PARTS: [&str; 8] = [
    "billing",
    "email",
    "mail",
    "address",
    "phone",
    "avatar",
    "discord",
    "user_agent",
];
/// What the shop put there when the player paid, such as a name on its own site.
const FREE_PLACES: [&str; 1] = ["checkout"];

/// Replaces every value that may tell who a person is.
pub(super) fn mask(document: &mut Value) {
    mask_in(document, false);
}

fn mask_in(value: &mut Value, in_free_place: bool) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_ascii_lowercase();
                if is_personal(&name) || (in_free_place && name == "metadata") {
                    hide(value);
                } else {
                    mask_in(value, in_free_place || FREE_PLACES.contains(&name.as_str()));
                }
            }
        }
        Value::Array(members) => members
            .iter_mut()
            .for_each(|member| mask_in(member, in_free_place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_personal(name: &str) -> bool {
    let is_ip_address = name == "ip" || name.ends_with("_ip");
    is_ip_address || FIELDS.contains(&name) || PARTS.iter().any(|part| name.contains(part))
}

/// That something is absent stays visible.
fn hide(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *value = MASK.into(),
    }
}

/// Text that a terminal shows and does not obey.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let is_plain = character == '\n' || !character.is_control();
            let plain = is_plain.then_some(character);
            let escaped = (!is_plain).then(|| character.escape_unicode());
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_the_customer_is_is_masked_and_what_they_bought_is_not() {
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

    #[test]
    fn a_terminal_is_told_no_command() {
        assert_eq!(
            printable("a\u{1b}[2J\u{9b}\n\u{17c}"),
            "a\\u{1b}[2J\\u{9b}\n\u{17c}"
        );
    }
}
