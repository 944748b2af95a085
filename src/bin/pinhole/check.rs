//! `pinhole check`: says everything that is wrong with a policy, or that it is valid.

use std::path::PathBuf;

use crate::{Outcome, load};

/// Check a policy document: all errors at once, and what is defined without use.
///
/// Secrets are taken from the environment, as in Envoy.
#[derive(clap::Args)]
pub struct Arguments {
    /// The policy document, JSON.
    policy: PathBuf,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    match load(&arguments.policy) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            println!("{}: valid", arguments.policy.display());
            Outcome::Good
        }
        Err(outcome) => outcome,
    }
}
