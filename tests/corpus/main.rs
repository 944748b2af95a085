//! One corpus of requests, `tests/cases/*.json`, on two of its three hosts: the core and the command
//! line. The third, a real Envoy with a real resizer, runs in `tests/live`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test says what it expects by panicking")]

mod command_line;
mod core;
mod file;
mod replay;
