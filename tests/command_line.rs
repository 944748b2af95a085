//! The command line: what `check`, `options`, `sign`, `verify` and `schema` print. (`explain` is in `tests/corpus`,
//! `replay` in `tests/replay.rs`, what shells see in `tests/shell.rs`.)

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::process::{Command, Output};

use pinhole::options::SPECS;
use pinhole::resizer::DIALECTS;
use serde_json::{Value, json};

const ENVIRONMENT: [(&str, &str); 4] = [
    ("PHOTOS_TOKEN", "Bearer canary"),
    ("THUMBOR_KEY", "canary-canary-canary-canary-canary"),
    ("PINHOLE_SEAL_KEY", "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"),
    ("SIGNING_KEY", "0ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba110"),
];

fn pinhole(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .unwrap()
}

#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = pinhole(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stderr, b"", "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_counts_the_variants_of_every_route() {
    let lines = printed(&["check", "tests/config/good/every-option.json"]);
    let wanted = "tests/config/good/every-option.json: valid, fingerprint 1455758248\n  \
        routes[0]          2 variants of each source  /images/(?<preset>[^/]+)/(?<source>.+)\n  \
        routes[1]         27 variants of each source  /strict/(?<preset>[^/]+)/(?<source>.+)\n  \
        routes[2]  unlimited variants of each source  /cdn-cgi/image/(?<options>[^/]+)/(?<source>.+)\n  \
        routes[3]          3 variants of each source  /signed/(?<source>.+)\n  \
        routes[4]           1 variant of each source  /signed-by-any/(?<source>.+)\n";
    assert_eq!(lines, wanted);
}

#[test]
fn options_are_a_table_of_all_options_and_all_resizers() {
    let table = printed(&["options"]);
    let (table, hint) = table.split_once("\n\n").unwrap();
    assert!(hint.contains("pinhole options RESIZER"));
    let mut lines = table.lines();
    let head = lines.next().unwrap();
    let columns: Vec<usize> = DIALECTS.iter().map(|dialect| head.find(dialect.name).unwrap()).collect();
    let cell = |name: &str, resizer: &str| {
        let line = table.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        let column = columns[DIALECTS.iter().position(|dialect| dialect.name == resizer).unwrap()];
        line.split_at(column).1.split("  ").next().unwrap().to_owned()
    };
    for (spec, line) in SPECS.iter().zip(lines) {
        assert!(line.starts_with(spec.name), "{line}");
        assert!(spec.aliases.iter().all(|alias| line.contains(alias)), "{line}");
        for dialect in DIALECTS {
            let has = cell(spec.name, dialect.name) != "no";
            assert_eq!(has, dialect.has(spec.option), "{}: {}", dialect.name, spec.name);
        }
    }
    for (name, resizer, want) in [
        ("width", "thumbor", "done by pinhole"),
        ("rotate", "imgproxy", "all"),
        ("blur", "thumbor", "up to 150"),
        ("metadata", "thumbor", "only none"),
        ("gravity", "imgproxy", "all but face"),
        ("anim", "imgproxy", "only false"),
        ("anim", "thumbor", "only false"),
        ("gamma", "thumbor", "no"),
        ("format", "thumbor", "all but baseline-jpeg"),
    ] {
        assert_eq!(cell(name, resizer), want, "{resizer}: {name}");
    }
}

#[test]
fn options_of_one_resizer_tell_values_notes_and_what_it_lacks() {
    for dialect in DIALECTS {
        let printed = printed(&["options", dialect.name]);
        let (options, lacks) = printed.split_once("\n\n").unwrap();
        for spec in &SPECS {
            let listed = options.lines().any(|line| line.starts_with(spec.name));
            assert_eq!(listed, dialect.has(spec.option), "{}: {}", dialect.name, spec.name);
            assert!(listed != lacks.contains(spec.name), "{}: {}", dialect.name, spec.name);
        }
        for (_, _, note) in dialect.options.iter() {
            assert!(options.contains(note), "{}: {note}", dialect.name);
        }
    }
    let thumbor = printed(&["options", "thumbor"]);
    assert!(thumbor.contains("a whole number from 0 to 250; here at most 150"), "{thumbor}");
    assert!(thumbor.contains("slow-connection-quality, scq"), "{thumbor}");
}

#[test]
fn an_unknown_resizer_is_told_the_known_ones() {
    let output = pinhole(&["options", "thumbr"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let wanted = "pinhole: RESIZER: found `thumbr` (did you mean `thumbor`?); wanted one of `imgproxy`, `thumbor`, `imagor`, `imaginary`, `weserv`, `ipx`, `cloudflare`, `template`\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), wanted);
    assert_eq!(output.stdout, b"");
}

#[track_caller]
fn json_of(arguments: &[&str], code: i32) -> Value {
    let output = pinhole(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn check_tells_the_same_as_json() {
    let told = json_of(&["check", "--json", "tests/config/good/every-option.json"], 0);
    assert_eq!((&told["valid"], &told["warnings"]), (&json!(true), &json!([])));
    assert_eq!(told["routes"][0]["variants"], 2);
    assert_eq!(told["routes"][2]["variants"], Value::Null, "unlimited");
    let told = json_of(&["check", "--json", "tests/config/bad/unknown-names.json"], 3);
    let printed = pinhole(&["check", "tests/config/bad/unknown-names.json"]).stderr;
    let lines: String = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let word = |key: &str| error[key].as_str().unwrap().to_owned();
            format!("error: {}: found {}; wanted {}\n", word("place"), word("found"), word("wanted"))
        })
        .collect();
    assert!(String::from_utf8(printed).unwrap().starts_with(&lines), "{lines}");
}

#[test]
fn options_tell_the_same_as_json() {
    let told = json_of(&["options", "--json"], 0);
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), SPECS.len());
    for (spec, told) in SPECS.iter().zip(told) {
        assert_eq!(told["name"], spec.name);
        for dialect in DIALECTS {
            assert_eq!(told["resizers"][dialect.name]["has"], dialect.has(spec.option), "{}", spec.name);
        }
    }
    let one = json_of(&["options", "thumbor", "--json"], 0);
    assert_eq!(one[0]["resizers"].as_object().unwrap().len(), 1);
}

#[test]
fn signing_and_verifying_tell_the_same_as_json() {
    let policy = "tests/config/good/every-option.json";
    let url = "http://img.example.com/signed/a.jpg";
    let signed = json_of(&["sign", policy, url, "--key", "k1", "--json"], 0);
    assert_eq!((&signed["refused_by"], &signed["reason"]), (&Value::Null, &Value::Null));
    let verified = json_of(&["verify", policy, signed["url"].as_str().unwrap(), "--json"], 0);
    assert_eq!((&verified["valid"], &verified["reason"]), (&json!(true), &Value::Null));
    let refused = json_of(&["verify", policy, url, "--json"], 2);
    assert_eq!((&refused["valid"], &refused["seconds"]), (&json!(false), &Value::Null));
    assert!(refused["reason"].is_string());
    let output = pinhole(&["sign", policy, url, "--key", "K1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("--key: found `K1` (did you mean `k1`?)"),
        "{output:?}"
    );
}

#[test]
fn a_mistyped_variable_is_told_the_one_that_is_set() {
    let output = Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .args(["check", "envoy/policy.json"])
        .env_clear()
        .envs(ENVIRONMENT.iter().filter(|(name, _)| *name != "THUMBOR_KEY").copied())
        .env("THUMBOR_KYE", "canary-canary-canary-canary-canary")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("\nhint: `THUMBOR_KEY` is not set; did you mean `THUMBOR_KYE`, which is?\n"),
        "{told}"
    );
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn explain_tells_what_a_refused_name_most_likely_meant() {
    let output = pinhole(&["explain", "envoy/policy.json", "/images/smal/a.jpg"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.ends_with("\nhint: unknown preset `smal`; did you mean `small`?\n"), "{told}");
    let told = json_of(&["explain", "envoy/policy.json", "/photos/a.jpg?widht=5", "--json"], 2);
    assert_eq!(told["hint"], "unknown option `widht`; did you mean `width`?");
}

#[test]
fn schema_prints_what_is_shipped() {
    let shipped = std::fs::read_to_string("envoy/policy.schema.json").unwrap();
    assert!(printed(&["schema"]) == shipped, "run: cargo run -- schema > envoy/policy.schema.json");
}
