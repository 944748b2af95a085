//! The functions that `envoy/signed-urls.md` offers to those who sign, run as they stand there.
//!
//! Each code block is taken out of the document and run with the language's own tool against every
//! vector of `tests/signed-urls.json`. A tool that is not on `PATH` is named on stderr and skipped; a
//! block that is not in the document fails.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const DOCUMENT: &str = include_str!("../envoy/signed-urls.md");

/// The one code block of a language.
fn block(language: &str) -> &'static str {
    let start = format!("\n```{language}\n");
    let mut blocks = DOCUMENT.split(start.as_str()).skip(1);
    let after = blocks.next().unwrap_or_else(|| panic!("the document has no block of {language}"));
    assert_eq!(blocks.next(), None, "the document has two blocks of {language}");
    after.split_once("\n```\n").unwrap_or_else(|| panic!("the block of {language} does not end")).0
}

/// a directory for one language's files.
fn directory(language: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("signing").join(language);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// What `tool` prints about the vectors, or a line that says that it is absent.
fn run(tool: &str, arguments: &[&str], directory: &Path) -> Option<Value> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signed-urls.json");
    let mut command = Command::new(tool);
    // Without this, Go may want to download another version of itself.
    command.args(arguments).arg(vectors).current_dir(directory).env("GOTOOLCHAIN", "local");
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Not `eprintln!`, which is shown only where a test fails.
            let _ = writeln!(std::io::stderr(), "SKIPPED signing: {tool} is not on PATH");
            return None;
        }
        output => output.unwrap(),
    };
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[track_caller]
fn check(told: Option<Value>) {
    let Some(told) = told else { return };
    let vectors: Value = serde_json::from_str(include_str!("signed-urls.json")).unwrap();
    for (group, least) in [("signed", 12), ("refused", 8)] {
        let (vectors, told) = (vectors[group].as_array().unwrap(), told[group].as_array().unwrap());
        assert!(vectors.len() >= least && told.len() == vectors.len(), "{group}: {}", told.len());
        for (vector, told) in vectors.iter().zip(told) {
            assert_eq!(told, &vector["url"], "{}", vector["name"]);
        }
    }
}

#[test]
fn python() {
    let directory = directory("python");
    let source = [block("python"), "\n\n\n", include_str!("signing/driver.py")].concat();
    std::fs::write(directory.join("sign.py"), source).unwrap();
    check(run("python3", &["sign.py"], &directory));
}

#[test]
fn javascript() {
    let directory = directory("javascript");
    let source = [block("javascript"), "\n\n", include_str!("signing/driver.js")].concat();
    // The extension says that it is no ECMAScript module, whatever a package.json above may say.
    std::fs::write(directory.join("sign.cjs"), source).unwrap();
    check(run("node", &["sign.cjs"], &directory));
}

#[test]
fn go() {
    let directory = directory("go");
    std::fs::write(directory.join("sign.go"), block("go")).unwrap();
    std::fs::write(directory.join("driver.go"), include_str!("signing/driver.go")).unwrap();
    check(run("go", &["run", "sign.go", "driver.go"], &directory));
}
