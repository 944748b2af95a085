//! The command line: asks the policy core what Envoy would be told.
//!
//! One file per verb. Belongs here: arguments and exit codes. Does not belong here: anything that the
//! core decides. Exit codes: 0 valid or served, 1 failure (a file that cannot be read, wrong
//! arguments), 2 refused request, 3 invalid policy.

mod check;
mod completions;
mod explain;
mod keygen;
mod man;
mod options;
mod replay;
mod schema;
mod screen;
mod sign;
mod url;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use pinhole::config::error::{ConfigError, nearest};
use pinhole::config::{self, Loaded};

use screen::{BAD, NOTE, failed, styled, tell};

/// Serves resized images without giving access to the originals: tools for its policy.
///
/// Exit codes: 0 valid or served, 1 failure, 2 refused request, 3 invalid policy.
#[derive(Parser)]
#[command(name = "pinhole", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// When to use colours: `auto` is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value_t, hide_default_value = true)]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Verb {
    Check(check::Arguments),
    Explain(explain::Arguments),
    Replay(replay::Arguments),
    Options(options::Arguments),
    Sign(sign::SignArguments),
    Verify(sign::VerifyArguments),
    Keygen(keygen::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// What a verb came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Failure,
    Refused,
    InvalidPolicy,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Good => 0,
            Outcome::Failure => 1,
            Outcome::Refused => 2,
            Outcome::InvalidPolicy => 3,
        })
    }
}

fn main() -> ExitCode {
    // Known before the arguments are: what is wrong with them, and their help, is coloured as well.
    let command = Arguments::command().color(asked_color());
    let arguments = command.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let Arguments { verb, color } = match arguments {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version are asked for; everything else is a wrong argument, for which clap
            // would exit with our code for a refused request.
            let outcome = if message.use_stderr() { Outcome::Failure } else { Outcome::Good };
            return message.print().map_or(Outcome::Failure, |()| outcome).into();
        }
    };
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    let outcome = match verb {
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Replay(arguments) => replay::run(&arguments),
        Verb::Options(arguments) => options::run(&arguments),
        Verb::Sign(arguments) => sign::sign(&arguments),
        Verb::Verify(arguments) => sign::verify(&arguments),
        Verb::Keygen(arguments) => keygen::run(&arguments),
        Verb::Schema(arguments) => schema::run(&arguments),
        Verb::Completions(arguments) => completions::run(&arguments),
        Verb::Man(arguments) => man::run(&arguments),
    };
    outcome.into()
}

/// What `--color` says, for clap itself; the last one counts, as it does for clap.
fn asked_color() -> ColorChoice {
    let words: Vec<String> = std::env::args_os().filter_map(|argument| argument.into_string().ok()).collect();
    let apart = words.iter().zip(words.iter().skip(1)).filter(|(name, _)| *name == "--color");
    let joined = words.iter().filter_map(|word| word.strip_prefix("--color="));
    let value = apart.map(|(_, value)| value.as_str()).chain(joined).last();
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// Reads a file; says why it cannot be.
fn read(path: &Path) -> Result<Vec<u8>, Outcome> {
    std::fs::read(path).map_err(|error| {
        failed(format_args!("{}: {error}", path.display()));
        Outcome::Failure
    })
}

/// Loads a policy with the secrets of this process's environment; prints what is wrong with it.
fn load(path: &Path) -> Result<Loaded, Outcome> {
    let document = read(path)?;
    compiled(&document).map_err(|errors| refused(path, &errors))
}

/// A policy with the secrets of this process's environment, or what is wrong with it.
fn compiled(document: &[u8]) -> Result<Loaded, Errors> {
    let unset = RefCell::new(BTreeSet::new());
    let variable = |name: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        if value.is_none() {
            unset.borrow_mut().insert(name.to_owned());
        }
        value
    };
    config::load(document, &variable).map_err(|errors| Errors { errors, unset: unset.into_inner() })
}

/// What is wrong with a policy.
struct Errors {
    errors: Vec<ConfigError>,
    /// The variables that it names and this process does not have.
    unset: BTreeSet<String>,
}

impl Errors {
    /// What unset variables are most likely misspellings of. The core cannot tell: it asks for a variable and
    /// does not see the others.
    fn hints(&self) -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let names: Vec<String> = names.collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hint = |name: &String| {
            let near = nearest(name, &names).filter(|near| near != name)?;
            Some(format!("`{name}` is not set; did you mean `{near}`, which is?"))
        };
        self.unset.iter().filter_map(hint).collect()
    }
}

/// Prints what is wrong with a policy.
fn refused(path: &Path, errors: &Errors) -> Outcome {
    errors.errors.iter().for_each(|error| tell(format_args!("{} {error}", styled(BAD, "error:"))));
    errors.hints().iter().for_each(|hint| tell(format_args!("{} {hint}", styled(NOTE, "hint:"))));
    let count = errors.errors.len();
    let plural = if count == 1 { "error" } else { "errors" };
    tell(format_args!("{}: refused, {count} {plural}", path.display()));
    Outcome::InvalidPolicy
}

/// The time in seconds since 1970.
fn now() -> Option<u64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().map(|since| since.as_secs())
}
