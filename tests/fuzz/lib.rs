//! The fuzz targets: what holds of every input, as plain functions of bytes.
//!
//! ```text
//! bytes ──[input]──▶ a request, an answer, a grant … ──[targets]──▶ a panic, where something does not hold
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`targets`] | the targets, one file for each kind |
//! | [`input`] | how bytes are read as headers, and headers written as bytes |
//! | [`policies`] | the policies that requests meet |
//! | [`seeds`] | the inputs to begin with, made of `tests/cases` and the other files of the tests |
//! | [`invariants`] | what holds of every decision and of every answer, which properties and corpora share |
//!
//! The files here are compiled twice: by libFuzzer's binaries (`libfuzzer.rs`, package `pinhole-fuzz`), and by the
//! test `fuzz` of pinhole (`main.rs`), which runs every target on a stable compiler. So nothing here may name either.
//! How to run them, and what becomes of a crash, is in `tests/README.md`.

#[path = "dialects.rs"]
pub mod dialects;
pub mod input;
#[path = "../invariants/mod.rs"]
pub mod invariants;
pub mod policies;
pub mod seeds;
pub mod targets;

pub use targets::{TARGETS, run};
