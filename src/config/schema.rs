//! The JSON Schema of the policy document (draft 2020-12), for editors: `pinhole schema` prints it.
//!
//! Keys, types and descriptions come from the types of [`raw`](super::raw), options and their values
//! from [`SPECS`], and what only the `compile` module demands from [`demands`]. INVARIANT: what the
//! schema refuses, `pinhole check` refuses as well, but for spellings that nobody needs: numbers that
//! are beyond a bound by less than their rounding, a number as the name in `extends`. What it cannot
//! see (references, secrets, what a resizer lacks) is listed in `tests/live/test_schema.py`. Native
//! builds only.

mod options;

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::raw::{RawLimit, RawOptions, RawPolicy, RawQuery, RawValue, Whole};
use crate::options::SPECS;
use crate::options::kind::Kind;
use options::{
    definition_of, limit_of, names_and_short_names, number_of, options, preset, presets, value_of,
};

/// Names of presets and origins.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
/// Names of keys.
const KEY_NAME: &str = "^[A-Za-z0-9_-]{1,32}$";
/// Host names, and `*.` before one.
const HOST: &str = r"^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$";
/// Names of Envoy's clusters.
const CLUSTER: &str = "^[!-~]{1,256}$";
/// Header names: RFC 9110 5.6.2, without `*`.
const HEADER_NAME: &str = "^[!#$%&'+.^_`|~0-9A-Za-z-]+$";
/// An authority without user information; what else it may not be is the business of `pinhole check`.
const AUTHORITY: &str = r"^[^@/?#\s]+$";

/// The schema of the whole document.
pub fn document() -> Schema {
    let mut schema = of_types();
    for (name, demand) in demands() {
        if let Some(part) = schema.pointer_mut(&pointer_to(name)) {
            merge(part, demand);
        }
    }
    schema
}

/// What types and options say by themselves.
fn of_types() -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
    let mut generator = settings.into_generator();
    for spec in &SPECS {
        generator.definitions_mut().insert(definition_of(spec), value_of(spec));
    }
    generator.definitions_mut().insert("Preset".to_owned(), preset());
    generator.into_root_schema_for::<RawPolicy>()
}

/// Where a definition is; the whole document where the name is empty.
fn pointer_to(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("/$defs/{name}") }
}

/// What the `compile` module demands beyond keys and types, by the name of the definition.
fn demands() -> [(&'static str, Value); 28] {
    // Of the ways to sign, one at most.
    let ways =
        ["aws", "azure_shared_key", "azure_sas", "secure_auth", "cloudflare_access", "basic", "bearer"];
    let pairs = ways.iter().enumerate().flat_map(|(index, one)| {
        ways.iter().skip(index.saturating_add(1)).map(move |other| json!({ "required": [one, other] }))
    });
    let two_ways: Vec<Value> = pairs.collect();
    let secrets = json!({ "minProperties": 1, "propertyNames": { "pattern": KEY_NAME } });
    let resizer = |keys: &[&str]| {
        json!({
            "required": keys,
            "properties": { "cluster": { "pattern": CLUSTER }, "authority": { "pattern": AUTHORITY } },
        })
    };
    [
        (
            "",
            json!({
                "$id": "urn:pinhole:policy:1",
                "title": "Policy of pinhole",
                "required": ["routes", "origins", "resizer", "gate"],
                "properties": {
                    "version": { "type": "integer", "const": 1 },
                    "presets": presets(),
                    "routes": { "minItems": 1 },
                    "origins": { "minProperties": 1, "propertyNames": { "pattern": NAME } },
                },
            }),
        ),
        (
            "Route",
            json!({
                "required": ["path", "origin"],
                "properties": {
                    "path": { "pattern": r"\(\?P?<source>" },
                    "hosts": { "minItems": 1, "items": { "pattern": HOST } },
                    "presets": presets(),
                },
            }),
        ),
        (
            "Limits",
            json!({
                "properties": {
                    "width": number_of(Kind::Side),
                    "height": number_of(Kind::Side),
                    "aspect_ratios": { "items": { "pattern": "^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$" } },
                },
            }),
        ),
        (
            "Sources",
            json!({
                "properties": {
                    "prefixes": { "minItems": 1, "items": { "pattern": "^[^/]" } },
                    "extensions": { "minItems": 1, "items": { "pattern": "^[A-Za-z0-9]+$" } },
                },
            }),
        ),
        ("Signing", json!({ "required": ["keys"], "properties": { "keys": secrets } })),
        (
            "Signature",
            json!({
                "required": ["max_life"],
                "properties": {
                    "keys": { "minItems": 1, "items": { "pattern": KEY_NAME } },
                    "free": { "items": { "enum": names_and_short_names() } },
                },
            }),
        ),
        (
            "Referrer",
            json!({
                "required": ["hosts"],
                "properties": { "hosts": { "minItems": 1, "items": { "pattern": HOST } } },
            }),
        ),
        (
            "Origin",
            json!({
                "required": ["url", "cluster"],
                "properties": { "url": { "pattern": r"^https?://[^?#\s]+$" }, "cluster": { "pattern": CLUSTER } },
            }),
        ),
        (
            "Credentials",
            json!({
                "minProperties": 1,
                "not": { "anyOf": two_ways },
                "properties": {
                    "set": { "minProperties": 1, "propertyNames": { "pattern": HEADER_NAME } },
                    "forward": { "minItems": 1, "items": { "pattern": HEADER_NAME } },
                    "cookies": { "minItems": 1, "items": { "pattern": "^[A-Za-z0-9!#$%&'+.^_`|~-]{1,128}$" } },
                },
            }),
        ),
        (
            "Aws",
            json!({
                "required": ["access_key_id", "secret_access_key", "region"],
                "properties": { "region": { "pattern": "^[a-z0-9-]{1,64}$" } },
            }),
        ),
        (
            "AzureSharedKey",
            json!({
                "required": ["account", "key"],
                "properties": { "account": { "pattern": "^[a-z0-9]{3,24}$" } },
            }),
        ),
        ("SecureAuth", json!({ "required": ["application_id", "application_key"] })),
        ("CloudflareAccess", json!({ "required": ["client_id", "client_secret"] })),
        ("Basic", json!({ "required": ["user", "password"] })),
        (
            "Secret",
            json!({
                "oneOf": [{ "required": ["env"] }, { "required": ["value"] }],
                "properties": { "env": { "minLength": 1 }, "value": { "minLength": 1 } },
            }),
        ),
        ("Imgproxy", resizer(&["cluster", "authority", "key", "salt"])),
        ("Thumbor", resizer(&["cluster", "authority", "key"])),
        ("Imagor", resizer(&["cluster", "authority", "secret"])),
        ("Imaginary", resizer(&["cluster", "authority", "key"])),
        ("Weserv", resizer(&["cluster", "authority"])),
        ("Ipx", resizer(&["cluster", "authority"])),
        ("Cloudflare", resizer(&["cluster", "authority"])),
        ("Template", resizer(&["cluster", "authority", "path"])),
        (
            "Gate",
            json!({
                "required": ["url", "seal_key"],
                "properties": { "url": { "pattern": r"^https?://[^/?#\s]+/?$" } },
            }),
        ),
        ("PrivateSources", json!({ "default": "no-store" })),
        ("Over", json!({ "default": "reject" })),
        ("Otherwise", json!({ "default": "reject" })),
        ("AbsentReferrer", json!({ "default": "reject" })),
    ]
}

impl JsonSchema for RawOptions {
    fn schema_name() -> Cow<'static, str> {
        "Options".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = Map::new();
        schema.insert("description".to_owned(), json!("Options of a picture and their values."));
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(options()));
        schema.insert("additionalProperties".to_owned(), json!(false));
        schema.into()
    }
}

impl JsonSchema for RawQuery {
    fn schema_name() -> Cow<'static, str> {
        "Query".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let limit = RawLimit::json_schema(generator);
        let properties: Map<String, Value> =
            SPECS.iter().map(|spec| (spec.name.to_owned(), limit_of(spec, &limit))).collect();
        let mut schema = Map::new();
        schema.insert(
            "description".to_owned(),
            json!("The options that a request may name, each with its limit."),
        );
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.insert("additionalProperties".to_owned(), json!(false));
        schema.into()
    }
}

/// Any value: whoever uses the type says which ones.
impl JsonSchema for RawValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RawValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Map::from_iter([("type".to_owned(), json!(["number", "string", "boolean"]))]).into()
    }
}

impl<const LEAST: u32, const MOST: u32> JsonSchema for Whole<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Whole_from_{LEAST}_to_{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let members = [("type", json!("integer")), ("minimum", json!(LEAST)), ("maximum", json!(MOST))];
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
    }
}

/// Takes out what serde allows and the policy does not (`null`), and the line breaks of comments.
fn tidy(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<String> = text.split("\n\n").map(|part| part.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n").replace(['<', '>'], "");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| *name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            only.into_iter().for_each(|(key, value)| {
                schema.insert(key, value);
            });
        }
    }
}

/// Puts the members of one object into another, and those of their members, at every depth. A
/// reference takes the place of all but the description.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            if from.contains_key("$ref") {
                into.retain(|key, _| key == "description");
            }
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_demand_is_made_of_a_key_that_exists() {
        let schema = of_types();
        for (name, demand) in demands() {
            let part = schema.pointer(&pointer_to(name)).unwrap_or_else(|| panic!("no definition `{name}`"));
            let no_keys = Map::new();
            let constrained = demand["properties"].as_object().unwrap_or(&no_keys).keys().cloned();
            let required = demand["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for key in constrained.chain(required.map(str::to_owned)) {
                assert!(part["properties"].get(&key).is_some(), "{name} has no key `{key}`");
            }
        }
    }

    #[test]
    fn merging_keeps_what_is_not_named_but_beside_a_reference() {
        let mut schema = json!({ "type": "array", "items": { "type": "string" }, "description": "x" });
        merge(&mut schema, json!({ "items": { "pattern": "a" } }));
        assert_eq!(schema["items"], json!({ "type": "string", "pattern": "a" }));
        merge(&mut schema, json!({ "$ref": "#/$defs/Over" }));
        assert_eq!(schema, json!({ "$ref": "#/$defs/Over", "description": "x" }));
    }
}
