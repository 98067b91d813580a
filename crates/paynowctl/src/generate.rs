//! Completions for shells and manual pages, which packages contain: written from the declarations of the
//! command line, so that they cannot differ from it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::failure::Failure;
use crate::output;

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell that reads them
    shell: Shell,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ManOptions {
    /// The directory to write the pages to, one of each command
    #[arg(long)]
    out: PathBuf,
}

/// Prints the script with which the shell completes our command lines.
pub(crate) fn completions(
    options: CompletionsOptions,
    mut command: Command,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "paynowctl", &mut script);
    output::script(&String::from_utf8_lossy(&script))
}

/// Writes a page of each command: `paynowctl.1`, `paynowctl-dead.1`, `paynowctl-dead-list.1` and so on.
pub(crate) fn man(options: &ManOptions, command: Command) -> Result<(), Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    fs::create_dir_all(&options.out)
        .and_then(|()| write_pages(&command, &options.out))
        .map_err(|error| {
            let what = format!(
                "the pages could not be written to {}",
                options.out.display()
            );
            Failure::failed(what, error)
        })
}

fn write_pages(command: &Command, out: &Path) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(subcommand, out)?;
    }
    let page = Man::new(command.clone().after_help(None::<&'static str>));
    let mut file = File::create(out.join(page.get_filename()))?;
    page.render(&mut file)?;
    match command.get_after_help() {
        Some(notes) => file.write_all(section_of_notes(&notes.to_string()).as_bytes()),
        None => Ok(()),
    }
}

/// What `--help` prints last, with its lines as they are: a page's usual text is filled and justified.
fn section_of_notes(notes: &str) -> String {
    let lines = notes.lines().map(|line| {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-");
        // At the beginning of a line, a dot or an apostrophe would be a request to the formatter.
        format!("\\&{escaped}\n")
    });
    format!(".SH NOTES\n.nf\n{}.fi\n", lines.collect::<String>())
}
