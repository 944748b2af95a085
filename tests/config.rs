//! Policy documents: a gallery of bad ones with their exact messages, the shipped ones, and JSON itself.
//!
//! `tests/config/bad/x.json` must print `tests/config/bad/x.err`, line by line, and nothing else.
//! After a wanted change of a message, `UPDATE_GALLERY=1 cargo test --test config` writes the `.err`
//! files anew; read the difference before you commit it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};

use pinhole::config;
use pinhole::config::tree::Tree;
use pinhole::policy::decision::Decision;

const SEAL_KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "PHOTOS_TOKEN" => "Bearer canary-token",
        "THUMBOR_KEY" => "canary-thumbor-key-canary-thumbor",
        "PINHOLE_SEAL_KEY" => SEAL_KEY,
        "IMAGOR_SECRET" | "WESERV_SECRET" => "canary-of-another-resizer",
        "IMAGINARY_KEY" => "canary-imaginary-key-canary-imaginary",
        "IMGPROXY_KEY" => "00112233445566778899aabbccddeeff",
        "IMGPROXY_SALT" => "0011223344000000000000000000cafe",
        "SIGNING_KEY" => "0ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba110",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.to_owned())
}

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|other| other == extension));
    files.sort();
    files
}

#[test]
fn every_bad_document_prints_its_messages() {
    let gallery = files("tests/config/bad", "json");
    assert!(gallery.len() >= 10, "the gallery is incomplete");
    for path in gallery {
        let document = std::fs::read(&path).unwrap();
        let errors = config::load(&document, &environment).expect_err(&path.display().to_string());
        let printed: String = errors.iter().map(|error| format!("{error}\n")).collect();
        assert!(!printed.contains("canary"), "{}: a secret is quoted:\n{printed}", path.display());
        let wanted = path.with_extension("err");
        if std::env::var_os("UPDATE_GALLERY").is_some() {
            std::fs::write(&wanted, &printed).unwrap();
        }
        let wanted = std::fs::read_to_string(&wanted).unwrap_or_default();
        assert_eq!(printed, wanted, "{}", path.display());
    }
}

#[test]
fn every_good_document_loads_without_a_warning() {
    let mut documents = files("envoy", "json");
    documents.retain(|path| !path.ends_with("policy.schema.json"));
    documents.extend(files("tests/config/good", "json"));
    assert!(documents.len() >= 3);
    for path in documents {
        let document = std::fs::read(&path).unwrap();
        match config::load(&document, &environment) {
            Ok(loaded) => assert_eq!(loaded.warnings, [], "{}", path.display()),
            Err(errors) => panic!("{}: {errors:#?}", path.display()),
        }
    }
}

#[test]
fn a_warning_is_one_line_with_its_place() {
    let whole = std::fs::read_to_string("tests/config/good/every-field.json").unwrap();
    let mut policy: serde_json::Value = serde_json::from_str(&whole).unwrap();
    policy["origins"]["spare"] = policy["origins"]["drawings"].clone();
    let warnings = config::load(policy.to_string().as_bytes(), &environment).unwrap().warnings;
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.to_string(), format!("origins.spare: {}", warning.message()));
    assert_eq!(warning.place().to_string(), "origins.spare");
}

/// A policy with this route, presets that all routes share, and this in the resizer's section.
fn small(route: &str, resizer: &str) -> String {
    format!(
        r#"{{ "presets": {{ "shared": {{ "width": 1 }} }},
            "routes": [{{ "path": "/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos" {route} }}],
            "origins": {{ "photos": {{ "url": "http://photos.internal", "cluster": "photos" }} }},
            "resizer": {{ "imaginary": {{ "cluster": "resizer", "authority": "imaginary.internal",
                                          "key": {{ "env": "IMAGINARY_KEY" }} {resizer} }} }} }}"#
    )
}

#[test]
fn presets_that_no_route_shares_are_a_warning() {
    let warnings = |route| {
        let loaded = config::load(small(route, r#", "push": {}"#).as_bytes(), &environment).unwrap();
        loaded.warnings.iter().map(|warning| warning.place().to_string()).collect::<Vec<_>>()
    };
    assert!(warnings("").is_empty());
    assert_eq!(warnings(r#", "presets": { "own": { "width": 2 } }"#), ["presets.shared"]);
}

#[test]
fn an_error_has_its_parts_and_a_word_has_nothing_behind_it() {
    let route = r#", "query": { "width": { "max": 9, "over": { "clamp": 1 } } }"#;
    let errors = config::load(small(route, r#", "push": {}"#).as_bytes(), &environment).err().unwrap();
    let [error] = errors.as_slice() else { panic!("{errors:#?}") };
    assert_eq!(error.place().to_string(), "routes[0].query.width.over");
    assert!(!error.found().is_empty() && !error.wanted().is_empty());
    assert_eq!(
        error.to_string(),
        format!("{}: found {}; wanted {}", error.place(), error.found(), error.wanted())
    );
}

#[test]
fn what_cannot_be_read_hides_no_error_behind_it() {
    let errors = config::load(br#"{ "resizer": { "thumbor": 5 }, "gate": 7, "version": "x" }"#, &environment);
    let places: Vec<_> = errors.err().unwrap().iter().map(|error| error.place().to_string()).collect();
    for place in ["resizer.thumbor", "gate", "version"] {
        assert!(places.iter().any(|other| other == place), "{place}: {places:?}");
    }
}

#[test]
fn what_is_pushed_has_limits_where_none_is_written() {
    let policy = config::load(small("", r#", "push": {}"#).as_bytes(), &environment).unwrap().policy;
    let headers = [(":method", "GET"), (":authority", "img.example.com"), (":path", "/shared/a.jpg")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let Decision::Forward(forward) = policy.decide(&headers, true, None) else { panic!("refused") };
    let limits = forward.push.unwrap().limits;
    assert_eq!((limits.source_bytes, limits.origin_seconds, limits.resizer_seconds), (16_777_216, 10, 20));
}

#[test]
fn every_recipe_for_an_origin_loads() {
    let recipes = include_str!("../envoy/origins.md");
    let whole = std::fs::read_to_string("tests/config/good/every-field.json").unwrap();
    let any = |_: &str| Some("00112233445566778899aabbccddeeff".to_owned());
    let mut count = 0_usize;
    for recipe in recipes.split("```json\n").skip(1) {
        let recipe = recipe.split_once("\n```").unwrap().0;
        let mut policy: serde_json::Value = serde_json::from_str(&whole).unwrap();
        let origin: serde_json::Value = serde_json::from_str(recipe).unwrap();
        policy["origins"]["drawings"] = origin;
        let environment = |name: &str| match name {
            "PINHOLE_SEAL_KEY" => environment(name),
            "AZURE_SAS" => Some("sv=2022-11-02&sr=c&sp=r&sig=a%2Bb%3D".to_owned()),
            "AZURE_KEY" => Some("Y2FuYXJ5LWNhbmFyeS1jYW5hcnk=".to_owned()),
            _ => any(name),
        };
        let loaded = config::load(policy.to_string().as_bytes(), &environment);
        assert!(loaded.is_ok(), "{recipe}\n{loaded:#?}");
        count = count.saturating_add(1);
    }
    assert_eq!(count, 9, "the recipes of envoy/origins.md");
}

#[test]
fn debug_output_of_a_policy_shows_no_secret_and_no_origin() {
    for path in files("tests/config/good", "json") {
        let document = std::fs::read(&path).unwrap();
        let shown = format!("{:?}", config::load(&document, &environment).unwrap());
        for hidden in ["canary", SEAL_KEY, "hidden", "secret.example.com", "0011223344"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    }
}

#[test]
fn json_is_read_as_the_published_suite_says() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora/json/test_parsing");
    let Ok(entries) = std::fs::read_dir(&suite) else {
        // Not `println!`, which cargo shows of failing tests only.
        let _ = writeln!(std::io::stderr(), "SKIPPED JSON's published suite: {} is absent", suite.display());
        return;
    };
    let mut count = 0_usize;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let parsed = Tree::parse(&std::fs::read(&path).unwrap()).is_ok();
        match name.as_bytes().first() {
            Some(b'y') => assert!(parsed, "{name} must parse"),
            Some(b'n') => assert!(!parsed, "{name} must not parse"),
            _ => {}
        }
        count = count.saturating_add(1);
    }
    assert!(count > 300, "only {count} files");
}
