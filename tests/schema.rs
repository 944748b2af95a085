//! The JSON Schema of policy documents and the page `envoy/policy.md`: complete, and as shipped.
//!
//! What the schema accepts and refuses is tested by `tests/live/test_schema.py`, with a validator.

#![expect(clippy::panic, reason = "a test says what it expects by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pinhole::config::{self, schema};
use pinhole::options::SPECS;
use pinhole::resizer::DIALECTS;
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Each property of the schema with the place of the object that has it.
fn properties(schema: &Value) -> Vec<(String, Value)> {
    fn walk(place: &str, schema: &Value, found: &mut Vec<(String, Value)>) {
        let members = |key: &str| schema.get(key).and_then(Value::as_object).into_iter().flatten();
        for (name, property) in members("properties").filter(|(_, property)| property.is_object()) {
            found.push((format!("{place}/{name}"), property.clone()));
            walk(&format!("{place}/{name}"), property, found);
        }
        for (name, definition) in members("$defs") {
            walk(name, definition, found);
        }
        for choice in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            walk(place, choice, found);
        }
    }
    let mut found = Vec::new();
    walk("", schema, &mut found);
    found
}

#[test]
fn the_shipped_schema_is_the_generated_one() {
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema::document()).unwrap());
    let shipped = text_of("envoy/policy.schema.json");
    assert!(generated == shipped, "run: cargo run -- schema > envoy/policy.schema.json");
    for hint in ["/tmp", "/home", "/work", "crates", "github"] {
        assert!(!shipped.contains(hint), "{hint} is in the schema");
    }
}

#[test]
fn every_property_is_described() {
    let schema = schema::document().to_value();
    let properties = properties(&schema);
    assert!(properties.len() > 100, "only {} properties", properties.len());
    for (place, property) in properties {
        let referred = property["$ref"].as_str().and_then(|to| schema.pointer(to.strip_prefix('#')?));
        let described = |part: &Value| part["description"].as_str().is_some_and(|text| text.len() > 10);
        assert!(described(&property) || referred.is_some_and(described), "{place}: {property}");
    }
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert!(definition["description"].is_string(), "{name} has no description");
        let is_object = definition["type"] == "object";
        assert!(!is_object || definition["additionalProperties"] == false, "{name} takes unknown keys");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn every_option_is_in_presets_defaults_and_queries() {
    let schema = schema::document().to_value();
    for spec in &SPECS {
        for definition in ["Preset", "Options", "Query"] {
            let property = &schema["$defs"][definition]["properties"][spec.name];
            assert!(property.is_object(), "{definition} has no {}", spec.name);
        }
        let about = schema["$defs"][format!("option.{}", spec.name)]["description"].as_str().unwrap();
        assert!(about.to_lowercase().contains(&spec.about.to_lowercase()), "{about}");
    }
}

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn the_good_documents_set_every_key_and_the_page_names_it() {
    let mut set = BTreeSet::new();
    for file in std::fs::read_dir(path("tests/config/good")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        keys(&serde_json::from_str(&text).unwrap(), &mut set);
    }
    let page = text_of("envoy/policy.md");
    for (place, _) in properties(&schema::document().to_value()) {
        let name = place.rsplit('/').next().unwrap();
        let option = SPECS.iter().find(|spec| spec.name == name);
        let nobody_has = |spec: &pinhole::options::Spec| DIALECTS.iter().all(|other| !other.has(spec.option));
        assert!(set.contains(name) || option.is_some_and(nobody_has), "{place} is in no good document");
        let named = page.contains(&format!("`{name}`")) || page.contains(&format!("\n## {name}\n"));
        assert!(named || option.is_some(), "{place} is not in envoy/policy.md");
    }
}

#[test]
fn every_example_of_the_page_loads() {
    let page = text_of("envoy/policy.md");
    let base: Value = serde_json::from_str(&text_of("envoy/policy-imgproxy.json")).unwrap();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 12, "only {} examples", examples.len());
    // A key of its own for each name, in hexadecimal digits.
    let key = |name: &str| Some(name.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect());
    for example in examples {
        let mut document = base.clone();
        let laid_over: Value =
            serde_json::from_str(example).unwrap_or_else(|error| panic!("{error}:\n{example}"));
        for (key, value) in laid_over.as_object().unwrap() {
            document[key] = value.clone();
        }
        let loaded = config::load(document.to_string().as_bytes(), &key);
        if let Err(errors) = loaded {
            panic!("{errors:#?}\n{example}");
        }
    }
}
