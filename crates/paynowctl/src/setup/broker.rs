//! Creates the virtual host, then everything in it by one import. The import skips an exchange or a
//! queue that exists, even if it differs, so the broker is compared before and after.

use paynow_desk::drift::{Gap, Kind, survey, wanted};
use paynow_desk::management::{ManagementApi, ManagementError};
use paynow_process::backoff::ReconnectBackoff;
use paynow_shared::ladder::RetryLadder;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::pause::pause;

/// Calls of one step, the first included: about 6 s of waits.
const ATTEMPTS: usize = 6;

pub(super) fn run(api: &ManagementApi, ladder: &RetryLadder) -> Result<(), Failure> {
    create_vhost(api)?;
    let wanted = wanted(api, ladder);
    let before = patiently(|| survey(api, &wanted))?;
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
        patiently(|| api.post(&["definitions", api.vhost()], &wanted))?;
        for (_kind, gap) in patiently(|| survey(api, &wanted))? {
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

/// Calls once more while the broker fails by itself: a new virtual host is not known to all parts of a busy broker at
/// once. Each call of setup may be repeated.
fn patiently<T>(
    mut call: impl FnMut() -> Result<T, ManagementError>,
) -> Result<T, ManagementError> {
    let mut backoff = ReconnectBackoff::new();
    for _attempt in 1..ATTEMPTS {
        match call() {
            Err(error) if error.is_of_the_broker() => pause(backoff.next_wait()),
            other => return other,
        }
    }
    call()
}

fn create_vhost(api: &ManagementApi) -> Result<(), Failure> {
    let vhost = api.vhost();
    let exists = patiently(|| api.list(&["vhosts"]))?
        .iter()
        .any(|row| row.get("name").and_then(Value::as_str) == Some(vhost));
    if exists {
        return output::line(&format!("broker: virtual host {vhost} exists"));
    }
    patiently(|| api.put(&["vhosts", vhost], &json!({})))?;
    let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
    patiently(|| api.put(&["permissions", vhost, api.user()], &everything))?;
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
