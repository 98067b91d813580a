//! Creates the virtual host, then everything in it by one import. The import skips an exchange or a
//! queue that exists, even if it differs, so the broker is compared before and after.

use paynow_desk::drift::{Gap, Kind, survey, wanted};
use paynow_desk::management::ManagementApi;
use paynow_shared::ladder::RetryLadder;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;

pub(super) fn run(api: &ManagementApi, ladder: &RetryLadder) -> Result<(), Failure> {
    create_vhost(api)?;
    let wanted = wanted(api, ladder);
    let before = survey(api, &wanted)?;
    let conflicts: Vec<&str> = before
        .iter()
        .filter(|(kind, _gap)| !kind.can_change)
        .flat_map(|(_kind, gap)| gap.differing.iter().map(String::as_str))
        .collect();
    if !conflicts.is_empty() {
        return Err(Failure::Refused(format!(
            "the broker has what setup cannot change: {}; empty and delete it, then run setup again",
            conflicts.join("; ")
        )));
    }
    let has_gap = |(_kind, gap): &(Kind, Gap)| !gap.missing.is_empty() || !gap.differing.is_empty();
    if before.iter().any(has_gap) {
        api.post(&["definitions", api.vhost()], &wanted)?;
        for (_kind, gap) in survey(api, &wanted)? {
            let lacking = [gap.missing, gap.differing].concat();
            if !lacking.is_empty() {
                return Err(Failure::Refused(format!(
                    "after the import the broker still lacks: {}",
                    lacking.join("; ")
                )));
            }
        }
    }
    before
        .iter()
        .try_for_each(|(kind, gap)| output::line(&summary(kind.name, gap)))
}

fn create_vhost(api: &ManagementApi) -> Result<(), Failure> {
    let vhost = api.vhost();
    let exists = api
        .list(&["vhosts"])?
        .iter()
        .any(|row| row.get("name").and_then(Value::as_str) == Some(vhost));
    if exists {
        return output::line(&format!("broker: virtual host {vhost} exists"));
    }
    api.put(&["vhosts", vhost], &json!({}))?;
    let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
    api.put(&["permissions", vhost, api.user()], &everything)?;
    output::line(&format!(
        "broker: created virtual host {vhost}, with all rights for {}",
        api.user()
    ))
}

fn summary(name: &str, gap: &Gap) -> String {
    let counts: Vec<String> = [
        (gap.missing.len(), "created"),
        (gap.differing.len(), "changed"),
        (gap.same, "unchanged"),
    ]
    .into_iter()
    .filter(|(count, _what)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    format!("broker: {name}: {}", counts.join(", "))
}
