//! The schema of options: their values, presets and limits, from the table [`SPECS`].
//!
//! Does not belong here: what is not about an option (`schema` itself).

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::demands::NAME;
use super::merge;
use crate::options::kind::{COLOURS, GRAVITIES, Kind, QUALITIES};
use crate::options::value::Number;
use crate::options::{SPECS, Spec};

/// A table of presets.
pub(super) fn presets() -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": { "$ref": "#/$defs/Preset" },
    })
}

/// A preset: options, and the name of another one.
pub(super) fn preset() -> Value {
    let mut properties = options();
    let about = "The name of a preset whose options hold where this one says nothing.";
    let extends = json!({ "type": "string", "pattern": NAME, "description": about });
    properties.insert("extends".to_owned(), extends);
    json!({
        "description": "Options under a name: `width`, `height` or both, its own or those of the preset that it extends.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "anyOf": [{ "required": ["width"] }, { "required": ["height"] }, { "required": ["extends"] }],
    })
}

/// The options as members of an object.
pub(super) fn options() -> Map<String, Value> {
    let property = |spec: &Spec| (spec.name.to_owned(), reference_to(spec));
    SPECS.iter().map(property).collect()
}

/// The names that `free` may list.
pub(super) fn names_and_short_names() -> Vec<&'static str> {
    SPECS.iter().flat_map(|spec| [spec.name].into_iter().chain(spec.aliases.iter().copied())).collect()
}

/// The name of the definition with the values of an option.
pub(super) fn definition_of(spec: &Spec) -> String {
    format!("option.{}", spec.name)
}

fn reference_to(spec: &Spec) -> Value {
    json!({ "$ref": format!("#/$defs/{}", definition_of(spec)) })
}

/// The values of an option, with what it does.
pub(super) fn value_of(spec: &Spec) -> Value {
    let mut about = format!("{}. {}.", capitalised(spec.about), capitalised(&spec.kind.to_string()));
    if let Some(neutral) = &spec.neutral {
        about.push_str(&format!(" Without it: `{neutral}`."));
    }
    let mut schema = match spec.kind {
        Kind::Side | Kind::Whole { .. } | Kind::Decimal { .. } => number_of(spec.kind),
        Kind::Width => json!({ "anyOf": [number_of(spec.kind), { "const": "auto" }] }),
        Kind::Quality => json!({ "anyOf": [number_of(spec.kind), { "enum": names(QUALITIES) }] }),
        Kind::Words(words) => {
            json!({ "enum": words.iter().flat_map(|word| spellings(word)).collect::<Vec<_>>() })
        }
        Kind::Colour => json!({
            "type": "string",
            "anyOf": [
                { "enum": names(COLOURS) },
                { "pattern": "^#[0-9A-Fa-f]{6}$" },
                { "pattern": "^[Rr][Gg][Bb]\\([0-9]{1,3},[0-9]{1,3},[0-9]{1,3}\\)$" },
                // Names are the same in capitals; which of them are names is not looked at.
                { "pattern": "^[A-Za-z]*[A-Z][A-Za-z]*$" },
            ],
        }),
        Kind::Gravity => {
            let fraction = r"(0(\.[0-9]{1,3})?|1(\.0(0[0-4]?)?)?)";
            let point = format!("^{fraction}x{fraction}$");
            json!({ "type": "string", "anyOf": [{ "enum": GRAVITIES }, { "pattern": point }] })
        }
        Kind::Trim => {
            let pixels = "(0|[1-9][0-9]{0,4})";
            let four = format!("^(box:)?{pixels}(;{pixels}){{3}}$");
            json!({ "type": "string", "anyOf": [{ "enum": spec.kind.words() }, { "pattern": four }] })
        }
    };
    merge(&mut schema, json!({ "description": about }));
    schema
}

/// The numbers of a kind that has some.
pub(super) fn number_of(kind: Kind) -> Value {
    let Some((least, most)) = kind.bounds() else { return json!(false) };
    let name = if kind.is_whole() { "integer" } else { "number" };
    json!({ "type": name, "minimum": json_number(least), "maximum": json_number(most) })
}

fn json_number(number: Number) -> Value {
    match number.in_hundredths() % 100 {
        0 => json!(number.floor()),
        _ => json!(number.as_f64()),
    }
}

/// How the policy can write a word: numbers and booleans also without quotation marks.
fn spellings(word: &str) -> Vec<Value> {
    let word = word.split_once('=').map_or(word, |(alias, _)| alias);
    let bare = serde_json::from_str(word).ok().filter(|value: &Value| value.is_u64() || value.is_boolean());
    bare.into_iter().chain([json!(word)]).collect()
}

fn names<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The limit of an option: what `limit` says of all options, less what is not for this one.
pub(super) fn limit_of(spec: &Spec, limit: &Schema) -> Value {
    let mut schema = limit.clone().to_value();
    let bounds = ["min", "under", "max", "over"];
    let one_of = json!({ "type": "array", "minItems": 1, "items": reference_to(spec) });
    let not_with_one_of: Map<String, Value> =
        bounds.iter().map(|key| ((*key).to_owned(), json!(false))).collect();
    let about = format!("Which values a request may ask for: {}.", spec.about);
    merge(
        &mut schema,
        json!({
            "description": about,
            "properties": { "one_of": one_of },
            "dependentRequired": { "else": ["one_of"] },
        }),
    );
    if spec.kind.bounds().is_some() {
        let bound = match spec.kind {
            Kind::Quality => reference_to(spec),
            kind => number_of(kind),
        };
        let exclusive = json!({ "one_of": { "properties": not_with_one_of } });
        merge(
            &mut schema,
            json!({ "properties": { "min": bound, "max": bound }, "dependentSchemas": exclusive }),
        );
    } else if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|key, _| !bounds.contains(&key.as_str()));
    }
    match spec.kind {
        Kind::Side | Kind::Width => {
            let any: Vec<Value> =
                ["max", "one_of", "min"].iter().map(|key| json!({ "required": [key] })).collect();
            merge(&mut schema, json!({ "anyOf": any }));
        }
        Kind::Colour | Kind::Trim => merge(&mut schema, json!({ "required": ["one_of"] })),
        _ => {}
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_written_bare_where_json_can() {
        assert_eq!(spellings("360=0"), [json!(360), json!("360")]);
        assert_eq!(spellings("true"), [json!(true), json!("true")]);
        assert_eq!(spellings("cover"), [json!("cover")]);
    }
}
