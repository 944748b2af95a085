//! From the bytes of a policy document to a [`Policy`]: parse, read, compile.
//!
//! ```text
//! bytes ──[tree]──▶ Tree ──[reader]──▶ Raw ──[compile]──▶ Policy
//! ```
//!
//! INVARIANT: a document with any error gives no policy; all errors are reported, each with its
//! place, what was found there and what is wanted. Does not belong here: what happens to requests.

mod compile;
pub mod error;
mod fingerprint;
pub mod raw;
mod reader;
#[cfg(not(target_arch = "wasm32"))]
pub mod schema;
pub mod tree;

use crate::policy::Policy;

use error::{ConfigError, ConfigWarning, MOST_ERRORS};
use raw::RawPolicy;
use tree::Tree;

/// Where `{ "env": "NAME" }` is looked up.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A policy, and what its operator should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// The number by which the document is known, whatever its spelling; see [`fingerprint`].
    pub fingerprint: u32,
    /// What is defined without use.
    pub warnings: Vec<ConfigWarning>,
}

/// Loads a policy document. The errors are sorted by place and never empty.
pub fn load(document: &[u8], environment: Environment<'_>) -> Result<Loaded, Vec<ConfigError>> {
    let tree = Tree::parse(document).map_err(|error| vec![ConfigError::syntax(&error)])?;
    let fingerprint = fingerprint::of(&tree);
    let (raw, mut errors): (RawPolicy, _) = reader::read(tree);
    let compiled = match compile::compile(raw, environment) {
        Ok((policy, warnings)) if errors.is_empty() => return Ok(Loaded { policy, fingerprint, warnings }),
        Ok(_) => Vec::new(),
        Err(compiled) => compiled,
    };
    // What could not be read counts as absent when compiling, and so does what could not be compiled:
    // whatever that makes incomplete was reported already, further in.
    let places: Vec<_> = errors.iter().chain(&compiled).map(|error| error.place().clone()).collect();
    let holds_another =
        |error: &ConfigError| places.iter().any(|place| place != error.place() && error.place().holds(place));
    let unread =
        |error: &ConfigError| errors.iter().any(|other: &ConfigError| other.place().holds(error.place()));
    let mut compiled: Vec<_> =
        compiled.into_iter().filter(|error| !holds_another(error) && !unread(error)).collect();
    errors.append(&mut compiled);
    errors.sort();
    errors.dedup();
    errors.truncate(MOST_ERRORS);
    Err(errors)
}
