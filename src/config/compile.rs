//! Compiles what operators wrote into what requests meet.
//!
//! Every function takes a raw value apart without `..`, so that no key can be forgotten, and notes
//! what is wrong in [`Findings`] instead of stopping. Belongs here: required keys, ranges that depend
//! on other keys, references between sections. Does not belong here: wording shared by several rules
//! (`error`).

mod routes;
mod upstreams;

use std::collections::BTreeMap;

use super::error::{ConfigError, ConfigWarning, Place, quote};
use super::raw::{RawOptions, RawPolicy};
use super::{Environment, Loaded};
use crate::policy::Policy;
use crate::resizer::Dialect;
use crate::transform::{Fit, FormatChoice, Options, name_in};

/// What was found wrong so far, and where secrets come from.
struct Findings<'e> {
    errors: Vec<ConfigError>,
    environment: Environment<'e>,
}

impl Findings<'_> {
    fn note(&mut self, error: ConfigError) {
        self.errors.push(error);
    }

    /// The value of a required key; its absence is noted.
    fn required<T>(&mut self, value: Option<T>, place: &Place, wanted: &str) -> Option<T> {
        if value.is_none() {
            self.note(ConfigError::missing(place.clone(), wanted));
        }
        value
    }
}

/// Compiles a whole document.
pub(super) fn compile(raw: RawPolicy, environment: Environment<'_>) -> Result<Loaded, Vec<ConfigError>> {
    let mut findings = Findings { errors: Vec::new(), environment };
    let RawPolicy { presets, routes, origins, resizer, gate } = raw;
    let top = Place::default();

    let resizer = findings
        .required(resizer, &top.key("resizer"), "the resizer, such as `{ \"imgproxy\": { … } }`")
        .and_then(|raw| upstreams::resizer(&mut findings, &top.key("resizer"), raw));
    let dialect = resizer.as_ref().map(|resizer| resizer.dialect());
    let presets = presets_of(&mut findings, &top.key("presets"), presets.unwrap_or_default(), dialect);

    let wanted = "an object with at least one origin";
    let raw = findings.required(origins, &top.key("origins"), wanted).unwrap_or_default();
    let names: Vec<String> = raw.keys().cloned().collect();
    let origins = upstreams::origins(&mut findings, &top.key("origins"), raw);

    let wanted = "an array with at least one route";
    let raw = findings.required(routes.filter(|list| !list.is_empty()), &top.key("routes"), wanted);
    let known = routes::Known { origins: &names, has_presets: !presets.is_empty(), dialect };
    let routes = routes::routes(&mut findings, &top.key("routes"), raw.unwrap_or_default(), &known);

    let gate = findings
        .required(gate, &top.key("gate"), "an object with `url` and `seal_key`")
        .and_then(|raw| upstreams::gate(&mut findings, &top.key("gate"), raw));

    let mut warnings = Vec::new();
    if !routes.iter().any(|route| route.pattern.capture_names().flatten().any(|name| name == "preset")) {
        warnings.extend(presets.keys().map(|name| ConfigWarning::unused(top.key("presets").key(name))));
    }
    let unused = names.iter().filter(|name| !routes.iter().any(|route| route.origin == **name));
    warnings.extend(unused.map(|name| ConfigWarning::unused(top.key("origins").key(name))));
    warnings.sort();

    match (resizer, gate) {
        (Some(resizer), Some(gate)) if findings.errors.is_empty() => {
            Ok(Loaded { policy: Policy { presets, routes, origins, resizer, gate }, warnings })
        }
        _ => Err(findings.errors),
    }
}

fn presets_of(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: BTreeMap<String, RawOptions>,
    dialect: Option<&Dialect>,
) -> BTreeMap<String, Options> {
    let mut presets = BTreeMap::new();
    for (name, raw) in raw {
        let place = place.key(&name);
        name_of(findings, &place, &name);
        let options = options_of(findings, &place, raw, dialect);
        if let Err(invalid) = options.frame() {
            let wanted = "a preset with `width`, `height` or both, as its `fit` needs";
            findings.note(ConfigError::new(place, invalid.to_string(), wanted));
        }
        presets.insert(name, options);
    }
    presets
}

/// Notes a name that could not stand in a path, a metric or a log line as it is.
fn name_of(findings: &mut Findings<'_>, place: &Place, name: &str) {
    let plain = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !plain {
        let wanted = "1 to 64 letters, digits, `-`, `_` and `.`, the first a letter or digit";
        findings.note(ConfigError::new(place.clone(), format!("the name {}", quote(name)), wanted));
    }
}

/// Options as they stand, each one that the resizer lacks noted.
fn options_of(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawOptions,
    dialect: Option<&Dialect>,
) -> Options {
    let RawOptions { width, height, fit, quality, format } = raw;
    let options = Options { width, height, fit, quality, format };
    let Some(dialect) = dialect else { return options };
    for option in options.named().filter(|option| !dialect.options.contains(option)) {
        let known: Vec<&str> = dialect.options.iter().map(|option| option.name()).collect();
        findings.note(lacking(place.key(option.name()), dialect, option.name(), &known));
    }
    fit_of(findings, &place.key("fit"), fit, dialect);
    format_of(findings, &place.key("format"), format, dialect);
    options
}

/// Notes a fit that the resizer lacks.
fn fit_of(findings: &mut Findings<'_>, place: &Place, fit: Option<Fit>, dialect: &Dialect) {
    if let Some(fit) = fit.filter(|fit| !dialect.fits.contains(fit)) {
        let known: Vec<&str> = dialect.fits.iter().map(|fit| name_in(Fit::NAMES, fit)).collect();
        findings.note(lacking(place.clone(), dialect, name_in(Fit::NAMES, &fit), &known));
    }
}

/// Notes a format that the resizer lacks.
fn format_of(findings: &mut Findings<'_>, place: &Place, format: Option<FormatChoice>, dialect: &Dialect) {
    let makes =
        |choice: &FormatChoice| choice.concrete().is_none_or(|format| dialect.formats.contains(&format));
    if let Some(format) = format.filter(|format| !makes(format)) {
        let known: Vec<&str> =
            FormatChoice::NAMES.iter().filter(|(_, choice)| makes(choice)).map(|(name, _)| *name).collect();
        findings.note(lacking(place.clone(), dialect, name_in(FormatChoice::NAMES, &format), &known));
    }
}

fn lacking(place: Place, dialect: &Dialect, name: &str, known: &[&str]) -> ConfigError {
    let found = format!("{}, which {} does not have", quote(name), dialect.name);
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    ConfigError::new(place, found, format!("one of {}", known.join(", ")))
}
