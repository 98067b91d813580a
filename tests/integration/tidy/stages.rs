//! The files that a webhook passes from the socket to the wallet stay short enough to be read in
//! one go.

use super::files::read;

/// `ARCHITECTURE.md` lists them with their entry functions.
const STAGES: [&str; 9] = [
    "crates/receiver/src/http.rs",
    "crates/receiver/src/verify.rs",
    "crates/receiver/src/publish.rs",
    "crates/process/src/broker/publisher.rs",
    "crates/worker/src/consume.rs",
    "crates/worker/src/handle.rs",
    "crates/worker/src/decide/order.rs",
    "crates/worker/src/ledger.rs",
    "crates/worker/src/settle.rs",
];
/// Of all stages together, without their tests.
const STAGE_LINES_MAX: usize = 1_100;

#[test]
fn the_stages_of_a_webhook_are_short_together() {
    let lines = STAGES.map(|stage| {
        let source = read(stage);
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        (stage, code.lines().count())
    });
    let total: usize = lines.iter().map(|(_stage, lines)| lines).sum();
    let each = lines.map(|(stage, lines)| format!("{stage}:{lines}"));
    assert!(
        total < STAGE_LINES_MAX,
        "{total} lines, and the stages must stay under {STAGE_LINES_MAX}:\n{}",
        each.join("\n")
    );
}
