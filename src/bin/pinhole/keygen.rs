//! `pinhole keygen`: a key for a policy.

use crate::Outcome;
use crate::screen::{failed, say};

/// Print a new key of 256 random bits, as the policy wants its `seal_key` and its signing keys.
#[derive(clap::Args)]
pub struct Arguments {}

/// Runs the verb.
pub fn run(_: &Arguments) -> Outcome {
    let mut key = [0; 32];
    if let Err(error) = getrandom::fill(&mut key) {
        failed(format_args!("no random bytes are to be had: {error}"));
        return Outcome::Failure;
    }
    say(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Outcome::Good
}
