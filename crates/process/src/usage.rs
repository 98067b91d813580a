//! What a server program prints about itself.

/// All programs have the version of the workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn print_version(program: &str) {
    print(&format!("{program} {VERSION}"));
}

pub(crate) fn print_valid_settings(program: &str) {
    print(&format!("{program}: every setting is valid"));
}

pub(crate) fn print_help(program: &str) {
    print(&format!(
        "usage: {program} [healthcheck | --check-settings | --version | --help]\n\n\
         Without an argument, the program runs until SIGTERM or SIGINT, then finishes the work it has begun.\n\
         healthcheck asks the running program at METRICS_ADDR whether it is up: exit code 0 if it is, else 1.\n\
         --check-settings reads the settings as a start does, connects to nothing, and ends: exit code 0 if all\n\
         are valid, else 64.\n\n\
         All settings come from the environment; ops/settings.md lists them. A missing or wrong setting ends\n\
         the program with one sentence and exit code 64."
    ));
}

#[expect(clippy::print_stdout, reason = "a person or a script asked for it")]
fn print(text: &str) {
    println!("{text}");
}
