//! Compiles presets and defaults: options with their values, each one that the resizer has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Presets, name_of};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{RawOptions, RawValue, Table};
use crate::options::value::Value;
use crate::options::{OptionName, Options, SPECS, Spec};
use crate::resizer::Dialect;
use crate::transform::Frame;

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
    let mut extends: Extends = BTreeMap::new();
    let compiled = raw.into_iter().map(|(name, RawOptions(mut members))| {
        let place = place.key(&name);
        name_of(findings, &place, &name);
        if let Some(index) = members.iter().position(|(key, _)| key == EXTENDS) {
            extends.insert(name.clone(), members.swap_remove(index).1.text);
        }
        let options = options(findings, &place, RawOptions(members), dialect);
        (name, options)
    });
    let mut presets: Presets = compiled.collect();
    let merged: Vec<_> =
        extends.keys().map(|name| (name, extended(name, &presets, &extends, outer))).collect();
    let defined = || presets.keys().chain(outer.keys()).map(String::as_str).collect::<BTreeSet<&str>>();
    for (name, merged) in &merged {
        let place = || place.key(name).key(EXTENDS);
        match merged {
            Err(Broken::Cycle) => {
                let wanted = "a preset that does not extend this one in turn";
                findings.note(ConfigError::new(place(), "a circle", wanted));
            }
            Err(Broken::Undefined { of, name: other }) if of == *name => {
                findings.note(ConfigError::undefined(place(), other, "presets", defined()));
            }
            // Reported at the preset that names it.
            Ok(_) | Err(Broken::Undefined { .. }) => {}
        }
    }
    for (name, merged) in merged {
        match merged {
            Ok(options) => presets.insert(name.clone(), options),
            Err(_) => presets.remove(name),
        };
    }
    for (name, options) in &presets {
        frame_of(findings, place, name, options);
    }
    presets
}

/// Which presets extend others, and which.
type Extends = BTreeMap<String, String>;

/// Why a preset cannot be put together.
enum Broken {
    Cycle,
    Undefined { of: String, name: String },
}

/// The options of a preset with those of all that it extends.
fn extended(name: &str, own: &Presets, extends: &Extends, outer: &Presets) -> Result<Options, Broken> {
    let mut options: Option<Options> = None;
    let mut current = name;
    // As many steps as there are presets, or there is a circle.
    for _ in 0..=own.len() {
        let Some(these) = own.get(current) else { break };
        let merged = match options {
            None => these.clone(),
            Some(options) => options.or(these),
        };
        let Some(next) = extends.get(current) else { return Ok(merged) };
        // A preset may extend the outer one that it stands in front of.
        match (own.contains_key(next) && next != current, outer.get(next)) {
            (false, None) if next == current => return Err(Broken::Cycle),
            (true, _) => current = next,
            (false, Some(base)) => return Ok(merged.or(base)),
            (false, None) => return Err(Broken::Undefined { of: current.to_owned(), name: next.clone() }),
        }
        options = Some(merged);
    }
    Err(Broken::Cycle)
}

/// Notes a preset that says no size, or too little for its fit.
fn frame_of(findings: &mut Findings<'_>, place: &Place, name: &str, options: &Options) {
    let frame = if options.word(OptionName::Width) == Some("auto") {
        let mut sized = options.clone();
        sized.set(OptionName::Width, Value::Number(crate::options::value::whole(1)));
        Frame::of(&sized)
    } else {
        Frame::of(options)
    };
    if let Err(invalid) = frame {
        let wanted = "a preset with `width`, `height` or both, as its `fit` needs";
        findings.note(ConfigError::new(place.key(name), invalid.to_string(), wanted));
    }
}

/// An option with nothing wrong in it. Only what is wrong needs a place, which is dear to put together for each of
/// thousands of presets.
fn good(name: &str, raw: &RawValue, dialect: Option<&Dialect>) -> Option<(OptionName, Value)> {
    let option = spec_named(name)?.option;
    let value = valid(option, raw)?;
    dialect.is_none_or(|dialect| dialect.has_value(option, &value)).then_some((option, value))
}

/// Compiles options; each that does not exist, or that the resizer lacks, is noted.
pub(super) fn options(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawOptions,
    dialect: Option<&Dialect>,
) -> Options {
    let RawOptions(members) = raw;
    let mut options = Options::with_capacity(members.len());
    for (name, raw) in members {
        if let Some((option, value)) = good(&name, &raw, dialect) {
            options.set(option, value);
            continue;
        }
        let place = place.key(&name);
        let Some(option) = option_named(findings, &place, &name) else { continue };
        let Some(value) = value(findings, &place, option, &raw) else { continue };
        supported(findings, &place, option, &value, dialect);
        options.set(option, value);
    }
    options
}

fn spec_named(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == name)
}

/// The option of that name. The policy uses long names only, so that a reader finds each in one place.
pub(super) fn option_named(findings: &mut Findings<'_>, place: &Place, name: &str) -> Option<OptionName> {
    let found = spec_named(name).map(|spec| spec.option);
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

/// The value of an option, if it is of the option's kind and a number is written as one.
fn valid(option: OptionName, raw: &RawValue) -> Option<Value> {
    let RawValue { text, quoted } = raw;
    option.spec().kind.parse(text).filter(|value| !(*quoted && is_written_number(value, text)))
}

/// Whether a number is written in digits, not by a name.
fn is_written_number(value: &Value, text: &str) -> bool {
    matches!(value, Value::Number(_)) && text.starts_with(|first: char| first.is_ascii_digit())
}

/// The value of an option; what is wrong with it is noted.
pub(super) fn value(
    findings: &mut Findings<'_>,
    place: &Place,
    option: OptionName,
    raw: &RawValue,
) -> Option<Value> {
    let valid = valid(option, raw);
    if valid.is_none() {
        let kind = option.spec().kind;
        let RawValue { text, quoted } = raw;
        // Only quotation marks are wrong.
        findings.note(if kind.parse(text).is_some() {
            ConfigError::new(place.clone(), format!("the string {}", quote(text)), "a number")
        } else {
            let found = match (kind.words().as_slice(), quoted) {
                ([], _) | (_, false) => quote(text),
                (words, true) => ConfigError::word(text, words),
            };
            ConfigError::new(place.clone(), found, kind.to_string())
        });
    }
    valid
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
