//! `pinhole check`: says everything that is wrong with a policy, or that it is valid.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use pinhole::config::Loaded;
use pinhole::policy::Policy;
use serde_json::{Value, json};

use crate::screen::{Cell, FAINT, GOOD, NOTE, aligned, say, styled, tell, text};
use crate::{Errors, Outcome, compiled, read, refused};

/// Check a policy document: all errors at once, what is defined without use, and how many different
/// pictures each route can make of one source.
///
/// Secrets are taken from the environment, as in Envoy. Exit codes: 0 valid, 1 the file cannot be read, 3
/// invalid.
#[derive(clap::Args)]
pub struct Arguments {
    /// The policy document, JSON.
    #[arg(value_hint = ValueHint::FilePath)]
    policy: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let document = match read(&arguments.policy) {
        Ok(document) => document,
        Err(outcome) => return outcome,
    };
    match (compiled(&document), arguments.json) {
        (Ok(loaded), false) => {
            print_valid(&arguments.policy, &loaded);
            Outcome::Good
        }
        (Ok(loaded), true) => {
            say(format_args!("{:#}", json_of_valid(&loaded)));
            Outcome::Good
        }
        (Err(errors), false) => refused(&arguments.policy, &errors),
        (Err(errors), true) => {
            say(format_args!("{:#}", json_of_errors(&errors)));
            Outcome::InvalidPolicy
        }
    }
}

fn print_valid(path: &Path, loaded: &Loaded) {
    for warning in &loaded.warnings {
        tell(format_args!("{} {warning}", styled(NOTE, "warning:")));
    }
    let (path, fingerprint) = (path.display(), &loaded.fingerprint);
    say(format_args!("{path}: {}, fingerprint {fingerprint}", styled(GOOD, "valid")));
    variants(&loaded.policy).iter().for_each(|line| say(format_args!("  {line}")));
}

/// A line for each route: how many variants it can make of each source.
fn variants(policy: &Policy) -> Vec<String> {
    let count = |count| match count {
        u64::MAX => text("unlimited variants of each source").styled(NOTE),
        1 => text("1 variant of each source"),
        count => text(format_args!("{count} variants of each source")),
    };
    let row = |rule, of_each, path| -> Vec<Cell> {
        vec![text(rule), count(of_each).right(), text(path).styled(FAINT)]
    };
    let rows: Vec<_> = policy.variants().map(|route| row(route.rule, route.count, route.path)).collect();
    aligned(&rows)
}

fn json_of_valid(loaded: &Loaded) -> Value {
    let warnings = loaded.warnings.iter();
    let warnings: Vec<Value> = warnings
        .map(|warning| json!({ "place": warning.place().to_string(), "message": warning.message() }))
        .collect();
    let routes: Vec<Value> = loaded
        .policy
        .variants()
        .map(|route| {
            let count = (route.count != u64::MAX).then_some(route.count);
            json!({ "rule": route.rule.to_string(), "path": route.path, "variants": count })
        })
        .collect();
    json!({ "valid": true, "fingerprint": loaded.fingerprint, "warnings": warnings, "routes": routes })
}

fn json_of_errors(errors: &Errors) -> Value {
    let list: Vec<Value> = errors
        .errors
        .iter()
        .map(|error| {
            json!({ "place": error.place().to_string(), "found": error.found(), "wanted": error.wanted() })
        })
        .collect();
    json!({ "valid": false, "errors": list, "hints": errors.hints() })
}
