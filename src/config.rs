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
pub mod raw;
mod reader;
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
    /// What is defined without use.
    pub warnings: Vec<ConfigWarning>,
}

/// Loads a policy document. The errors are sorted by place and never empty.
pub fn load(document: &[u8], environment: Environment<'_>) -> Result<Loaded, Vec<ConfigError>> {
    let tree = Tree::parse(document).map_err(|error| vec![ConfigError::syntax(&error)])?;
    let (raw, mut errors): (RawPolicy, _) = reader::read(tree);
    let compiled = match compile::compile(raw, environment) {
        Ok(loaded) if errors.is_empty() => return Ok(loaded),
        Ok(_) => Vec::new(),
        Err(compiled) => compiled,
    };
    // What could not be read counts as absent when compiling: whatever that makes incomplete was
    // reported already.
    let related = |a: &ConfigError, b: &ConfigError| a.place().holds(b.place()) || b.place().holds(a.place());
    let fresh = |error: &ConfigError| !errors.iter().any(|other| related(error, other));
    let mut compiled: Vec<_> = compiled.into_iter().filter(fresh).collect();
    errors.append(&mut compiled);
    errors.sort();
    errors.dedup();
    errors.truncate(MOST_ERRORS);
    Err(errors)
}
