//! `pinhole check`: says everything that is wrong with a policy, or that it is valid.

use std::path::PathBuf;

use pinhole::policy::Policy;

use crate::{Outcome, load};

/// Check a policy document: all errors at once, what is defined without use, and how many different
/// pictures each route can make of one source.
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
            println!("{}: valid, fingerprint {}", arguments.policy.display(), loaded.fingerprint);
            variants(&loaded.policy).iter().for_each(|line| println!("  {line}"));
            Outcome::Good
        }
        Err(outcome) => outcome,
    }
}

/// A line for each route: how many variants it can make of each source.
fn variants(policy: &Policy) -> Vec<String> {
    let count = |count| match count {
        u64::MAX => "unlimited variants".to_owned(),
        1 => "1 variant".to_owned(),
        count => format!("{count} variants"),
    };
    let rows: Vec<_> =
        policy.variants().map(|route| (route.rule.to_string(), count(route.count), route.path)).collect();
    let rules = rows.iter().map(|(rule, _, _)| rule.len()).max().unwrap_or_default();
    let counts = rows.iter().map(|(_, count, _)| count.len()).max().unwrap_or_default();
    let line = |(rule, count, path): &(String, String, &str)| {
        format!("{rule:<rules$}  {count:>counts$} of each source  {path}")
    };
    rows.iter().map(line).collect()
}
