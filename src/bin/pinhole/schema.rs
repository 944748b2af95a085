//! `pinhole schema`: the JSON Schema of the policy document.

use crate::Outcome;
use crate::screen::{failed, say};

/// Print the JSON Schema of policy documents, for editors.
///
/// It is shipped as envoy/policy.schema.json. A policy names it with `"$schema"`.
#[derive(clap::Args)]
pub struct Arguments {}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments {} = arguments;
    match serde_json::to_string_pretty(&pinhole::config::schema::document()) {
        Ok(text) => {
            say(text);
            Outcome::Good
        }
        Err(error) => {
            failed(error);
            Outcome::Failure
        }
    }
}
