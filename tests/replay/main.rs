//! `pinhole replay`: the same requests in every format, what cannot be read, signed URLs, and long logs.
//!
//! `tests/logs/` has the formats, each as its server's documentation has it, all with the same seven requests
//! and one line that is none. Their readers have properties of their own beside them; the corpus as a log is in
//! `tests/corpus/replay.rs`, and logs that Envoy wrote in `tests/live/test_replay.py`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by panicking")]

mod formats;
mod judging;
mod long;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const POLICY: &str = "tests/cases/policies/basic.json";

/// Starts a replay without any variable: it needs no secret.
fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .arg("replay")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn replay(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = start(arguments);
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn told(arguments: &[&str], input: &[u8], code: i32) -> Value {
    let output = replay(&[arguments, &["--json"]].concat(), input);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn in_tmp(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
