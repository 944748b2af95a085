//! A second pinhole for paths and sizes: slow, obvious, and written from the documents (`envoy/policy.md`, "paths" and
//! "sizes"), not from `src`. The real one is held against it on every case, on published URLs, and on requests made of
//! what attacks are made of. Nothing of `src` is used here but the door that is asked.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by panicking"
)]

mod compare;
mod document;
mod hostile;
mod path;
mod size;

#[path = "../corpus/file.rs"]
#[expect(dead_code, reason = "what becomes of a case is for the second pinhole to say")]
mod file;
