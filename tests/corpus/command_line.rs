//! The command line: the corpus through `pinhole explain`, exit codes, and what is never printed.

use std::path::Path;
use std::process::{Command, Output};

use crate::file::{self, Case, ENVIRONMENT};
use serde_json::Value;

fn pinhole(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .expect("the binary runs")
}

/// Whether a case can be told by arguments: text, one of each pseudo-header, no body.
fn can_be_asked(case: &Case) -> bool {
    let request = &case.request;
    let texts = [&request.method, &request.authority, &request.path];
    let headers = request.headers.iter().flat_map(|(name, value)| [name, value]);
    let plain = texts.into_iter().chain(headers).all(|text| text.bytes().all(|b| (0x20..0x7f).contains(&b)));
    let named = request.headers.iter().all(|(name, value)| !name.starts_with(':') && value.trim() == value);
    plain && named && !request.body && request.path.starts_with('/') && !request.authority.contains('/')
}

#[test]
fn explain_tells_every_case_as_the_core_decides_it() {
    let mut asked = 0_usize;
    for (path, file) in file::files() {
        let policy = file::root().join(&file.policy).display().to_string();
        for case in file.cases.iter().filter(|case| can_be_asked(case)) {
            asked = asked.saturating_add(1);
            let url = format!("http://{}{}", case.request.authority, case.request.path);
            let headers: Vec<_> =
                case.request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let mut arguments = vec!["explain", "--json", "-X", &case.request.method, &policy, &url];
            arguments.extend(headers.iter().flat_map(|header| ["-H", header.as_str()]));
            let output = pinhole(&arguments);
            let context = format!("{}: {}: {output:?}", path.display(), case.name);
            let told: Value = serde_json::from_slice(&output.stdout).expect(&context);
            match (&case.served, &case.refused) {
                (Some(served), _) => {
                    assert_eq!(output.status.code(), Some(0), "{context}");
                    assert_eq!(told["rule"], *served.rule, "{context}");
                    assert_eq!(told["source"], *served.source, "{context}");
                    assert_eq!(told["canonical"], *served.canonical, "{context}");
                    assert_eq!(told["preset"].as_str(), served.preset.as_deref(), "{context}");
                    assert_eq!(told["origin"], *served.origin, "{context}");
                    assert_eq!(told["cache"], *served.cache, "{context}");
                    assert_eq!(told["vary"], *served.vary, "{context}");
                }
                (None, Some(reason)) => {
                    assert_eq!(output.status.code(), Some(2), "{context}");
                    assert_eq!(told["reason"], **reason, "{context}");
                }
                _ => panic!("{context}"),
            }
        }
    }
    assert!(asked > 100, "only {asked} cases can be asked");
}

#[test]
fn explain_masks_credentials() {
    for arguments in [
        &["explain", "envoy/policy.json", "/images/small/a.jpg"][..],
        &["explain", "--json", "envoy/policy.json", "/images/small/a.jpg"],
        &["check", "envoy/policy.json"],
    ] {
        let output = pinhole(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for (name, secret) in ENVIRONMENT {
            assert!(!printed.contains(secret), "{name} is in the output of {arguments:?}");
        }
    }
}

#[test]
fn exit_codes_tell_the_outcomes_apart() {
    for (arguments, code) in [
        (&["check", "envoy/policy.json"][..], 0),
        (&["--help"], 0),
        (&["explain", "envoy/policy.json", "/images/small/a.jpg"], 0),
        (&["check", "no/such/file.json"], 1),
        (&["explain", "envoy/policy.json", "images/small/a.jpg"], 1),
        (&["explain", "envoy/policy.json", "/a", "-H", "no colon"], 1),
        (&["nonsense"], 1),
        (&[], 1),
        (&["explain", "envoy/policy.json", "/images/huge/a.jpg"], 2),
        (&["check", "tests/config/bad/empty.json"], 3),
        (&["explain", "tests/config/bad/empty.json", "/a"], 3),
    ] {
        let output = pinhole(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[test]
fn check_warns_of_what_is_defined_without_use() {
    let policy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unused.json");
    let document = r#"{
        "presets": { "lonely": { "width": 100 } },
        "routes": [ { "path": "/(?<source>.+)", "origin": "used", "default": { "width": 100 } } ],
        "origins": { "used": { "url": "http://a", "cluster": "a" }, "idle": { "url": "http://b", "cluster": "b" } },
        "resizer": { "thumbor": { "cluster": "r", "authority": "r", "key": { "env": "THUMBOR_KEY" } } },
        "gate": { "url": "http://g", "seal_key": { "env": "PINHOLE_SEAL_KEY" } }
    }"#;
    std::fs::write(&policy, document).unwrap();
    let output = pinhole(&["check", &policy.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let warnings = "warning: origins.idle: defined, but no route uses it\n\
                    warning: presets.lonely: defined, but no route uses it\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), warnings);
}
