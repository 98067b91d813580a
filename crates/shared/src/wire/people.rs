//! Who an order's customer and the receivers of its gifts are in games. It is read apart from the order, and
//! whatever cannot be read is ignored: no order is refused because of a name.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::object::Object;
use crate::identity::{self, Identity};
use crate::ids::WalletId;

/// `RawValue` accepts every value that the order's reader skips, whatever is in it.
type Raw<'a> = Option<&'a RawValue>;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    body: Raw<'a>,
}

#[derive(Deserialize)]
struct OrderOfPeople<'a> {
    #[serde(borrow)]
    customer: Raw<'a>,
    #[serde(borrow)]
    lines: Raw<'a>,
}

#[derive(Deserialize)]
struct LineOfPeople<'a> {
    #[serde(borrow)]
    gift_to_customer: Raw<'a>,
}

#[derive(Deserialize)]
struct Person<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    steam: Raw<'a>,
    #[serde(borrow)]
    minecraft: Raw<'a>,
    #[serde(borrow)]
    profile: Raw<'a>,
}

#[derive(Deserialize)]
struct Profile<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    platform: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
}

/// The identities that the body of a message with an order tells.
pub fn identities(message: &[u8]) -> Vec<Identity> {
    let message: Option<Object<Message<'_>>> = serde_json::from_slice(message).ok();
    let order = message.and_then(|Object(message)| object::<OrderOfPeople<'_>>(message.body));
    let Some(order) = order else {
        return Vec::new();
    };
    let lines = order.lines.map(RawValue::get).unwrap_or_default();
    let lines: Vec<Object<LineOfPeople<'_>>> = serde_json::from_str(lines).unwrap_or_default();
    let receivers = lines.iter().map(|Object(line)| line.gift_to_customer);
    std::iter::once(order.customer)
        .chain(receivers)
        .filter_map(object::<Person<'_>>)
        .flat_map(|person| of_person(&person))
        .collect()
}

fn of_person(person: &Person<'_>) -> Vec<Identity> {
    let id = person.id.map(RawValue::get).unwrap_or_default();
    let Ok(wallet_id) = serde_json::from_str::<WalletId>(id) else {
        return Vec::new();
    };
    let name = text(person.name).and_then(|text| identity::name(&text));
    let profile = |platform: Option<String>, raw: Raw<'_>| {
        let profile: Profile<'_> = object(raw)?;
        let told = text(profile.name).and_then(|text| identity::name(&text));
        let platform = platform.or_else(|| identity::platform(&text(profile.platform)?));
        Some(Identity {
            wallet_id,
            platform: platform?,
            external_id: identity::external_id(&text(profile.id)?)?,
            name: told.or_else(|| name.clone()),
        })
    };
    let own_field = |platform: &str, raw| profile(Some(platform.to_owned()), raw);
    let told = [
        own_field(identity::STEAM, person.steam),
        own_field(identity::MINECRAFT, person.minecraft),
        profile(None, person.profile),
    ];
    let mut known: Vec<Identity> = told.into_iter().flatten().collect();
    if known.is_empty() && name.is_some() {
        known.push(Identity {
            wallet_id,
            platform: identity::NO_PROFILE.to_owned(),
            external_id: wallet_id.to_string(),
            name: name.clone(),
        });
    }
    known
}

fn object<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    let read = serde_json::from_str::<Object<T>>(raw?.get());
    read.ok().map(|Object(value)| value)
}

/// A string, or the digits of an integer.
fn text(raw: Raw<'_>) -> Option<String> {
    let raw = raw?.get();
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(raw.to_owned());
    }
    serde_json::from_str(raw).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::decode;

    const UUID: &str = "00000000-0000-4000-8000-000000000001";

    /// The identities of an order with this customer and these lines, as `wallet platform id name`.
    fn told(customer: &str, lines: &str) -> Vec<String> {
        let message = format!(
            r#"{{"event_type":"ON_ORDER_COMPLETED","event_id":"1","body":{{"id":"10",
                "customer":{customer},"lines":{lines}}}}}"#
        );
        assert!(decode(message.as_bytes()).is_ok(), "{message}");
        let told = identities(message.as_bytes()).into_iter();
        told.map(|one| {
            let name = one.name.unwrap_or_else(|| "-".to_owned());
            format!(
                "{} {} {} {name}",
                one.wallet_id, one.platform, one.external_id
            )
        })
        .collect()
    }

    fn of(customer: &Value) -> Vec<String> {
        told(&customer.to_string(), "[]")
    }

    #[test]
    fn a_customer_is_known_by_each_profile_and_without_one_by_name() {
        let minecraft = json!({"id": UUID.replace('-', ""), "name": "Steve"});
        let profile = json!({"id": UUID, "platform": "Minecraft", "name": null});
        let steam = json!({"id": "76561198000000001"});
        let all = json!({"id": "20", "name": "Zofia", "steam": steam, "minecraft": minecraft,
            "profile": profile});
        let expected = [
            "20 steam 76561198000000001 Zofia",
            &format!("20 minecraft {UUID} Steve"),
            &format!("20 minecraft {UUID} Zofia"),
        ];
        assert_eq!(of(&all), expected);
        let xuid = json!({"id": 20, "minecraft": {"id": 2_535_428_504_476_914_i64}});
        assert_eq!(of(&xuid), ["20 minecraft 2535428504476914 -"]);
        let offline = json!({"id": "20", "minecraft": {"id": "Steve_1", "name": "Steve_1"}});
        assert_eq!(of(&offline), ["20 minecraft Steve_1 Steve_1"]);
        let bare = json!({"id": "20", "name": "Zofia", "steam": null});
        assert_eq!(of(&bare), ["20 name 20 Zofia"]);
        assert_eq!(of(&json!({"id": "20"})), [""; 0]);
    }

    #[test]
    fn the_receiver_of_a_gift_is_known_too() {
        let line = json!([{"id": "1", "product_id": "40", "gift_to_customer":
            {"id": "21", "profile": {"id": "7", "platform": "xbox"}}}]);
        assert_eq!(told("null", &line.to_string()), ["21 xbox 7 -"]);
    }

    #[test]
    fn what_cannot_be_read_is_ignored_and_refuses_no_order() {
        for profile in [
            "7",
            "null",
            "true",
            "\"x\"",
            "[]",
            "[\"7\",\"name\"]",
            "{}",
            "1e999",
            "{\"id\":null}",
            "{\"id\":{}}",
            "{\"id\":\"\"}",
            "{\"id\":\"\\ud800\"}",
            "{\"id\":\"\\u0000\"}",
            "{\"id\":-7}",
            "{\"id\":\"7\",\"id\":\"8\"}",
        ] {
            let customer = format!(r#"{{"id":"20","minecraft":{profile},"steam":{{"id":"9"}}}}"#);
            assert_eq!(told(&customer, "[]"), ["20 steam 9 -"], "{profile}");
        }
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let customer =
            format!(r#"{{"id":"20","name":{deep},"profile":{{"id":"7","platform":{deep}}}}}"#);
        assert_eq!(told(&customer, "[]"), [""; 0]);
        let twice = r#"{"id":"20","steam":{"id":"7"},"steam":{"id":"8"}}"#;
        assert_eq!(told(twice, "[]"), [""; 0]);
        let hostile = r#"{"id":"20","name":"\u0000Zo\u001bfia","profile":{"id":"\u00007","platform":"A\u0000"}}"#;
        assert_eq!(told(hostile, "[]"), ["20 a 7 Zofia"]);
        for message in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"body":7}"#,
            r#"{"body":{"lines":7}}"#,
        ] {
            assert_eq!(identities(message.as_bytes()), [], "{message}");
        }
    }
}
