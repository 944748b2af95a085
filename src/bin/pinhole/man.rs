//! `pinhole man`: the manual pages.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use pinhole::config::error::ConfigError;

use crate::Outcome;
use crate::screen::{failed, pour};

/// Print the manual page of pinhole or of one of its verbs, or write all of them to a directory.
///
/// To read one: `pinhole man replay | man -l -`. To install all: `pinhole man --dir
/// ~/.local/share/man/man1`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The verb whose page is printed; that of pinhole itself where left out.
    verb: Option<String>,
    /// Write all pages to this directory instead, which is made if it is not there.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "verb", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let root = crate::Arguments::command().disable_help_subcommand(true);
    let result = match (&arguments.verb, &arguments.dir) {
        (_, Some(directory)) => write_all(root, directory),
        (None, None) => page(root).map(|page| pour(&page)),
        (Some(verb), None) => match verb_named(root, verb) {
            Ok(verb) => page(verb).map(|page| pour(&page)),
            Err(message) => Err(Error::other(message)),
        },
    };
    match result {
        Ok(()) => Outcome::Good,
        Err(error) => {
            failed(error);
            Outcome::Failure
        }
    }
}

fn verb_named(mut root: Command, name: &str) -> std::result::Result<Command, String> {
    root.build();
    let found = root.get_subcommands().find(|verb| verb.get_name() == name).cloned();
    found.ok_or_else(|| {
        let known: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
        format!("VERB: found {}; wanted one of {}", ConfigError::word(name, &known), known.join(", "))
    })
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

fn write_all(root: Command, directory: &Path) -> Result<()> {
    let failed = |error| Error::other(format!("{}: {error}", directory.display()));
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(root, directory))
        .map_err(failed)
}
