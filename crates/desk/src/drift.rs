//! How a broker differs from the definitions document: exchanges, queues, bindings and policies,
//! compared field by field.

use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::definitions;
use serde_json::Value;

use crate::management::{ManagementApi, ManagementError};

/// The lists of the definitions document, and the fields that identify a member of each.
const KINDS: [Kind; 4] = [
    Kind::fixed("exchanges", &["name"]),
    Kind::fixed("queues", &["name"]),
    Kind::fixed("bindings", &["source", "destination", "routing_key"]),
    Kind {
        name: "policies",
        identity: &["name"],
        can_change: true,
    },
];

#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    identity: &'static [&'static str],
    /// Whether an import changes a member that exists.
    pub can_change: bool,
}

impl Kind {
    const fn fixed(name: &'static str, identity: &'static [&'static str]) -> Self {
        Self {
            name,
            identity,
            can_change: false,
        }
    }
}

/// How one list of the broker differs, by the labels of its members.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Gap {
    pub missing: Vec<String>,
    pub differing: Vec<String>,
    pub same: usize,
}

/// What the broker must have, in the form that the API takes for a single virtual host.
pub fn wanted(api: &ManagementApi, ladder: &RetryLadder) -> Value {
    without_vhost(definitions(api.vhost(), ladder))
}

/// Removes the name of the virtual host from the document.
fn without_vhost(mut document: Value) -> Value {
    if let Some(lists) = document.as_object_mut() {
        lists.remove("vhosts");
        let members = lists.values_mut().filter_map(Value::as_array_mut).flatten();
        for member in members.filter_map(Value::as_object_mut) {
            member.remove("vhost");
        }
    }
    document
}

/// Compares every list of the broker with the wanted document.
pub fn survey(api: &ManagementApi, wanted: &Value) -> Result<Vec<(Kind, Gap)>, ManagementError> {
    KINDS
        .into_iter()
        .map(|kind| {
            let existing = api.list(&[kind.name, api.vhost()])?;
            let wanted = wanted.get(kind.name).and_then(Value::as_array);
            let wanted = wanted.map(Vec::as_slice).unwrap_or_default();
            Ok((kind, gap(kind, wanted, &existing)))
        })
        .collect()
}

fn gap(kind: Kind, wanted: &[Value], existing: &[Value]) -> Gap {
    let mut gap = Gap::default();
    for member in wanted {
        let is_same = |field: &str, other: &Value| member.get(field) == other.get(field);
        let label = label(kind, member);
        let twin = existing
            .iter()
            .find(|other| kind.identity.iter().all(|field| is_same(field, other)));
        let Some(twin) = twin else {
            gap.missing.push(label);
            continue;
        };
        let fields = member.as_object().into_iter().flatten();
        let differences: Vec<String> = fields
            .filter(|(field, _value)| !is_same(field, twin))
            .map(|(field, value)| {
                let actual = twin.get(field).unwrap_or(&Value::Null);
                format!("{field} {actual} where it must be {value}")
            })
            .collect();
        if differences.is_empty() {
            gap.same += 1;
        } else {
            gap.differing
                .push(format!("{label} with {}", differences.join(", ")));
        }
    }
    gap
}

/// For a member of the list "queues": "queue paynow.credits".
fn label(kind: Kind, member: &Value) -> String {
    let one = match kind.name {
        "policies" => "policy",
        plural => plural.trim_end_matches('s'),
    };
    let names: Vec<&str> = kind
        .identity
        .iter()
        .filter_map(|field| member.get(field).and_then(Value::as_str))
        .filter(|name| !name.is_empty())
        .collect();
    format!("{one} {}", names.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_import_for_one_virtual_host_names_none() {
        let document = without_vhost(definitions("/", &RetryLadder::default()));
        assert!(!document.to_string().contains("vhost"));
        for kind in KINDS {
            let list = document.get(kind.name).and_then(Value::as_array).unwrap();
            assert!(!list.is_empty(), "{}", kind.name);
        }
    }

    #[test]
    fn a_member_of_another_form_is_described_by_field() {
        let [_exchanges, queues, _bindings, policies] = KINDS;
        let wanted = [json!({"name": "a", "arguments": {"x-queue-type": "quorum"}})];
        let same = [json!({"name": "a", "arguments": {"x-queue-type": "quorum"}, "state": "up"})];
        let classic = [json!({"name": "a", "arguments": {}})];
        assert_eq!(gap(queues, &wanted, &same).same, 1);
        assert_eq!(gap(queues, &wanted, &[]).missing, ["queue a"]);
        assert_eq!(
            gap(queues, &wanted, &classic).differing,
            [r#"queue a with arguments {} where it must be {"x-queue-type":"quorum"}"#]
        );
        assert_eq!(label(policies, &wanted[0]), "policy a");
    }
}
