//! The JSON Schema of the policy document (draft 2020-12), for editors: `pinhole schema` prints it.
//!
//! Keys, types and descriptions come from the types of [`raw`](super::raw), options and their values
//! from [`SPECS`], and what only the `compile` module demands from [`demands`](mod@demands). INVARIANT: what the
//! schema refuses, `pinhole check` refuses as well, but for spellings that nobody needs: numbers that
//! are beyond a bound by less than their rounding, a number as the name in `extends`. What it cannot
//! see (references, secrets, what a resizer lacks) is listed in `tests/live/test_schema.py`. Native
//! builds only.

mod demands;
mod options;

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::raw::{RawLimit, RawOptions, RawPolicy, RawQuery, RawValue, Whole};
use crate::options::SPECS;
use options::{definition_of, limit_of, options, preset, value_of};

/// The schema of the whole document.
pub fn document() -> Schema {
    let mut schema = of_types();
    for (name, demand) in demands::all() {
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
        for (name, demand) in demands::all() {
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
