//! Reads the commands of `ops/backup.md`, so that the tests run exactly these.

/// All commands below a heading, in order.
pub(super) fn commands_under(heading: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/backup.md");
    let guide = std::fs::read_to_string(path).expect("the guide is there");
    let section = guide
        .split("\n## ")
        .find(|section| section.starts_with(&format!("{heading}\n")))
        .unwrap_or_else(|| panic!("the guide has no section {heading}"));
    let blocks = section.split("\n```sh\n").skip(1);
    let commands: Vec<&str> = blocks
        .map(|rest| rest.split("\n```").next().unwrap_or_default())
        .collect();
    assert!(!commands.is_empty(), "{heading} has no commands");
    // A person copies the hash from the preview before; `stories::runbooks` runs these commands with it.
    commands.join("\n").replace(" --expect \"$HASH\"", "")
}
