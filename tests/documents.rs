//! What the documents say, held against what pinhole does: README.md and `envoy/*.md`.
//!
//! A block of code says by the words behind its language what becomes of it (`tests/README.md` has the rules):
//! policies are loaded, commands run and their output compared, tables of requests asked of the policy above them.
//! The same tables are asked of a real Envoy by `tests/live/test_migration.py`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by panicking"
)]

#[path = "documents/commands.rs"]
mod commands;
#[path = "documents/invariants.rs"]
mod invariants;
#[path = "documents/page.rs"]
mod page;
#[path = "documents/policies.rs"]
mod policies;
#[path = "documents/references.rs"]
mod references;
#[path = "documents/requests.rs"]
mod requests;
#[path = "documents/rotation.rs"]
mod rotation;
