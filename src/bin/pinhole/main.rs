//! The command line: asks the policy core what Envoy would be told.
//!
//! One file per verb. Belongs here: arguments and exit codes. Does not belong here: anything that the
//! core decides. Exit codes: 0 valid or served, 1 failure (a file that cannot be read, wrong
//! arguments), 2 refused request, 3 invalid policy.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod check;
mod explain;
mod keygen;
mod options;
mod schema;
mod sign;
mod url;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pinhole::config::{self, Loaded};

/// Serves resized images without giving access to the originals: tools for its policy.
///
/// Exit codes: 0 valid or served, 1 failure, 2 refused request, 3 invalid policy.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Check(check::Arguments),
    Explain(explain::Arguments),
    Keygen(keygen::Arguments),
    Options(options::Arguments),
    Schema(schema::Arguments),
    Sign(sign::SignArguments),
    Verify(sign::VerifyArguments),
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
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version are asked for; everything else is a wrong argument, for which clap
            // would exit with our code for a refused request.
            let outcome = if message.use_stderr() { Outcome::Failure } else { Outcome::Good };
            return message.print().map_or(Outcome::Failure, |()| outcome).into();
        }
    };
    let outcome = match arguments.verb {
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Keygen(arguments) => keygen::run(&arguments),
        Verb::Options(arguments) => options::run(&arguments),
        Verb::Schema(arguments) => schema::run(&arguments),
        Verb::Sign(arguments) => sign::sign(&arguments),
        Verb::Verify(arguments) => sign::verify(&arguments),
    };
    outcome.into()
}

/// Loads a policy with the secrets of this process's environment; prints what is wrong with it.
fn load(path: &Path) -> Result<Loaded, Outcome> {
    let document = std::fs::read(path).map_err(|error| {
        eprintln!("pinhole: {}: {error}", path.display());
        Outcome::Failure
    })?;
    config::load(&document, &|name| std::env::var(name).ok()).map_err(|errors| {
        errors.iter().for_each(|error| eprintln!("error: {error}"));
        let plural = if errors.len() == 1 { "error" } else { "errors" };
        eprintln!("{}: refused, {} {plural}", path.display(), errors.len());
        Outcome::InvalidPolicy
    })
}

/// The time in seconds since 1970.
fn now() -> Option<u64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().map(|since| since.as_secs())
}
