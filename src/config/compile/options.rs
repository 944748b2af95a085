//! Compiles presets and defaults: options with their values, each one that the resizer has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Presets, name_of};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{RawOptions, RawValue, Table};
use crate::options::value::Value;
use crate::options::{OptionName, Options, SPECS};
use crate::resizer::Dialect;
use crate::transform::Transform;

/// The key of a preset that names another one.
const EXTENDS: &str = "extends";

/// Compiles a table of presets. A preset may extend another one of the table, or one of `outer`.
pub(super) fn presets(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Table<RawOptions>,
    outer: &Presets,
    dialect: Option<&Dialect>,
) -> Presets {
    let mut own: BTreeMap<String, (Options, Option<String>)> = BTreeMap::new();
    for (name, RawOptions(mut members)) in raw {
        let place = place.key(&name);
        name_of(findings, &place, &name);
        let extends = members.remove(EXTENDS).map(|value| value.text);
        let options = options(findings, &place, RawOptions(members), dialect);
        own.insert(name, (options, extends));
    }
    let mut presets = Presets::new();
    for name in own.keys() {
        let place = place.key(name);
        match extended(name, &own, outer) {
            Ok(options) => {
                frame_of(findings, &place, &options);
                presets.insert(name.clone(), options);
            }
            Err(Broken::Cycle) => {
                let wanted = "a preset that does not extend this one in turn";
                findings.note(ConfigError::new(place.key(EXTENDS), "a circle", wanted));
            }
            Err(Broken::Undefined { of, name: other }) if of == *name => {
                let defined: BTreeSet<&str> = own.keys().chain(outer.keys()).map(String::as_str).collect();
                findings.note(ConfigError::undefined(place.key(EXTENDS), &other, "presets", defined));
            }
            // Reported at the preset that names it.
            Err(Broken::Undefined { .. }) => {}
        }
    }
    presets
}

/// Why a preset cannot be put together.
enum Broken {
    Cycle,
    Undefined { of: String, name: String },
}

/// The options of a preset with those of all that it extends.
fn extended(
    name: &str,
    own: &BTreeMap<String, (Options, Option<String>)>,
    outer: &Presets,
) -> Result<Options, Broken> {
    let mut options = Options::default();
    let mut current = name.to_owned();
    // As many steps as there are presets, or there is a circle.
    for _ in 0..=own.len() {
        let Some((these, extends)) = own.get(&current) else { break };
        options = options.or(these);
        let Some(next) = extends else { return Ok(options) };
        // A preset may extend the outer one that it stands in front of.
        match (own.contains_key(next) && *next != current, outer.get(next)) {
            (false, None) if *next == current => return Err(Broken::Cycle),
            (true, _) => current.clone_from(next),
            (false, Some(base)) => return Ok(options.or(base)),
            (false, None) => return Err(Broken::Undefined { of: current, name: next.clone() }),
        }
    }
    Err(Broken::Cycle)
}

/// Notes a preset that says no size, or too little for its fit.
fn frame_of(findings: &mut Findings<'_>, place: &Place, options: &Options) {
    let mut sized = options.clone();
    if sized.word(OptionName::Width) == Some("auto") {
        sized.set(OptionName::Width, Value::Number(crate::options::value::whole(1)));
    }
    if let Err(invalid) = Transform::new(sized, None) {
        let wanted = "a preset with `width`, `height` or both, as its `fit` needs";
        findings.note(ConfigError::new(place.clone(), invalid.to_string(), wanted));
    }
}

/// Compiles options; each that does not exist, or that the resizer lacks, is noted.
pub(super) fn options(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawOptions,
    dialect: Option<&Dialect>,
) -> Options {
    let RawOptions(members) = raw;
    let mut options = Options::default();
    for (name, raw) in members {
        let place = place.key(&name);
        let Some(option) = option_named(findings, &place, &name) else { continue };
        let Some(value) = value(findings, &place, option, &raw) else { continue };
        supported(findings, &place, option, &value, dialect);
        options.set(option, value);
    }
    options
}

/// The option of that name. The policy uses long names only, so that a reader finds each in one place.
pub(super) fn option_named(findings: &mut Findings<'_>, place: &Place, name: &str) -> Option<OptionName> {
    let found = SPECS.iter().find(|spec| spec.name == name).map(|spec| spec.option);
    if found.is_none() {
        let known: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
        let meant = SPECS.iter().find(|spec| spec.aliases.contains(&name));
        findings.note(match meant {
            Some(spec) => ConfigError::new(place.clone(), "a short name", format!("`{}`", spec.name)),
            None => ConfigError::unknown_key(place.clone(), name, &known),
        });
    }
    found
}

/// The value of an option, if it is of the option's kind.
pub(super) fn value(
    findings: &mut Findings<'_>,
    place: &Place,
    option: OptionName,
    raw: &RawValue,
) -> Option<Value> {
    let kind = option.spec().kind;
    let RawValue { text, quoted } = raw;
    let parsed = kind.parse(text);
    let is_number =
        matches!(parsed, Some(Value::Number(_))) && text.starts_with(|first: char| first.is_ascii_digit());
    if is_number && *quoted {
        findings.note(ConfigError::new(place.clone(), format!("the string {}", quote(text)), "a number"));
        return None;
    }
    if parsed.is_none() {
        let found = match (kind.words().as_slice(), quoted) {
            ([], _) | (_, false) => quote(text),
            (words, true) => ConfigError::word(text, words),
        };
        findings.note(ConfigError::new(place.clone(), found, kind.to_string()));
    }
    parsed
}

/// Notes a value that the resizer lacks.
pub(super) fn supported(
    findings: &mut Findings<'_>,
    place: &Place,
    option: OptionName,
    value: &Value,
    dialect: Option<&Dialect>,
) {
    let Some(dialect) = dialect.filter(|dialect| !dialect.has_value(option, value)) else { return };
    let found = if dialect.has(option) {
        format!("{}, which {} does not have", quote(&value.to_string()), dialect.name)
    } else {
        format!("an option that {} does not have", dialect.name)
    };
    findings.note(ConfigError::new(place.clone(), found, dialect.wanted(option)));
}
