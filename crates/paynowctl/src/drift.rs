//! How a broker differs from what we want it to have: exchanges, queues, bindings and policies,
//! compared field by field with the definitions document.

use paynow_shared::ladder::RetryLadder;
use paynow_shared::topology::definitions;
use serde_json::Value;

use crate::management::{ManagementApi, ManagementError};

/// The lists of the definitions document, and what tells two members of each apart.
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
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    identity: &'static [&'static str],
    /// Whether an import gives a member that is there its new form.
    pub(crate) can_change: bool,
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

/// What one list of the broker lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) missing: Vec<String>,
    pub(crate) differing: Vec<String>,
    pub(crate) same: usize,
}

/// What must be there, in the form that the API takes for a single virtual host.
pub(crate) fn wanted(api: &ManagementApi, ladder: &RetryLadder) -> Value {
    without_vhost(definitions(api.vhost(), ladder))
}

/// For a single virtual host the API takes the same lists, without its name in them.
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

/// Compares everything.
pub(crate) fn survey(
    api: &ManagementApi,
    wanted: &Value,
) -> Result<Vec<(Kind, Gap)>, ManagementError> {
    KINDS
        .into_iter()
        .map(|kind| {
            let there = api.list(&[kind.name, api.vhost()])?;
            let wanted = wanted.get(kind.name).and_then(Value::as_array);
            let wanted = wanted.map(Vec::as_slice).unwrap_or_default();
            Ok((kind, gap(kind, wanted, &there)))
        })
        .collect()
}

fn gap(kind: Kind, wanted: &[Value], there: &[Value]) -> Gap {
    let mut gap = Gap::default();
    for member in wanted {
        let is_same = |field: &str, other: &Value| member.get(field) == other.get(field);
        let label = label(kind, member);
        let twin = there
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

/// "queue paynow.credits" out of the list "queues".
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
    fn what_is_there_in_another_form_is_told_by_field() {
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
