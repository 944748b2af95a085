//! Compiles what operators wrote into what requests meet.
//!
//! Every function takes a raw value apart without `..`, so that no key can be forgotten, and notes
//! what is wrong in [`Findings`] instead of stopping. Belongs here: required keys, references between
//! sections. Does not belong here: wording shared by several rules (`error`).

mod combinations;
mod credentials;
mod fallbacks;
mod forwarding;
mod options;
mod query;
mod resizers;
mod routes;
mod signatures;
mod upstreams;

use std::collections::{BTreeMap, BTreeSet};

use super::Environment;
use super::error::{ConfigError, ConfigWarning, Place, quote};
use super::raw::{RawPolicy, RawResizer, RawValue};
use crate::options::Options;
use crate::policy::Policy;
use crate::policy::routes::Routes;
use crate::policy::supply::Supply;
use crate::resizer::authority::AskedWith;
use crate::secret::Secret;

/// What was found wrong so far, and where secrets come from.
struct Findings<'e> {
    errors: Vec<ConfigError>,
    /// The keys seen so far, each with its place.
    keys: Vec<(Secret, Place)>,
    environment: Environment<'e>,
}

impl Findings<'_> {
    #[cold]
    #[inline(never)]
    fn note(&mut self, error: ConfigError) {
        self.errors.push(error);
    }

    #[cold]
    #[inline(never)]
    fn note_missing(&mut self, place: &Place, wanted: &str) {
        self.note(ConfigError::missing(place.clone(), wanted));
    }

    /// Notes a key that is used for something else already: whoever learns one would have both.
    fn unique_key(&mut self, place: &Place, key: &Secret) {
        if let Some((_, first)) = self.keys.iter().find(|(other, _)| other == key) {
            let found = format!("the same key as in {first}");
            self.note(ConfigError::new(place.clone(), found, "a key of its own"));
        }
        self.keys.push((key.clone(), place.clone()));
    }

    /// The value of a required key; its absence is noted.
    fn required<T>(&mut self, value: Option<T>, place: &Place, wanted: &str) -> Option<T> {
        if value.is_none() {
            self.note_missing(place, wanted);
        }
        value
    }
}

/// Compiles a whole document.
pub(super) fn compile(
    raw: RawPolicy,
    environment: Environment<'_>,
) -> Result<(Policy, Vec<ConfigWarning>), Vec<ConfigError>> {
    let mut findings = Findings { errors: Vec::new(), keys: Vec::new(), environment };
    let RawPolicy { schema: _, version, presets, routes, origins, resizer, gate, signing, fallbacks } = raw;
    let top = Place::default();
    version_of(&mut findings, &top.key("version"), version);

    let pushes = matches!(&resizer, Some(RawResizer::Imaginary(raw)) if raw.push.is_some());
    let resizer = findings
        .required(resizer, &top.key("resizer"), "the resizer, such as `{ \"imgproxy\": { … } }`")
        .and_then(|raw| resizers::resizer(&mut findings, &top.key("resizer"), raw));
    let dialect = resizer.as_ref().map(|(resizer, _)| resizer.dialect());
    let no_presets = BTreeMap::new();
    let raw = presets.unwrap_or_default();
    let presets = options::presets(&mut findings, &top.key("presets"), raw, &no_presets, dialect);

    let wanted = "an object with at least one origin";
    let raw = findings.required(origins, &top.key("origins"), wanted).unwrap_or_default();
    let names: Vec<String> = raw.keys().cloned().collect();
    let origins = upstreams::origins(&mut findings, &top.key("origins"), raw);

    let raw = fallbacks.unwrap_or_default();
    let images = fallbacks::images(&mut findings, &top.key("fallbacks"), raw);
    let wanted = "an array with at least one route";
    let raw = findings.required(routes.filter(|list| !list.is_empty()), &top.key("routes"), wanted);
    let keys =
        signing.map(|raw| signatures::keys(&mut findings, &top.key("signing"), raw)).unwrap_or_default();
    let keeps_hosts = resizer.as_ref().is_some_and(|(resizer, _)| resizer.authority == AskedWith::Kept);
    let known = routes::Known {
        origins: &names,
        presets: &presets,
        keys: &keys,
        images: &images,
        dialect,
        keeps_hosts,
    };
    let routes = routes::routes(&mut findings, &top.key("routes"), raw.unwrap_or_default(), &known);

    let place = top.key("resizer");
    if let Some((resizer, _)) = &resizer
        && !findings.errors.iter().any(|error| place.holds(error.place()))
    {
        combinations::check(&mut findings, resizer, &presets, &routes);
    }

    let place = top.key("gate");
    let gate = match gate {
        Some(_) if pushes => {
            let found = "a gate, which nobody asks where sources are pushed";
            findings.note(ConfigError::new(place, found, "no `gate`, or no `push` in `resizer`"));
            None
        }
        None if pushes => None,
        raw => {
            let raw = findings.required(raw, &place, "an object with `url` and `seal_key`");
            raw.and_then(|raw| upstreams::gate(&mut findings, &place, raw))
        }
    };
    for origin in
        origins.values().filter(|origin| gate.as_ref().is_some_and(|gate| gate.url == origin.url().server()))
    {
        let found = "the URL of the gate";
        let place = top.key("origins").key(origin.name()).key("url");
        findings.note(ConfigError::new(place, found, "the URL of a server of source images"));
    }

    let supplied = resizer.and_then(|(resizer, push)| {
        let supply = push.map(Supply::Push).or(gate.map(|gate| Supply::Gate(Box::new(gate))))?;
        Some((resizer, supply))
    });
    match supplied {
        Some((resizer, supply)) if findings.errors.is_empty() => {
            let policy = Policy { presets, routes: Routes::new(routes), origins, resizer, supply };
            let warnings = warnings_of(&policy);
            Ok((policy, warnings))
        }
        _ => Err(findings.errors),
    }
}

/// A document of a later version may mean something else by the same keys.
fn version_of(findings: &mut Findings<'_>, place: &Place, version: Option<RawValue>) {
    if let Some(RawValue { text, quoted }) = version
        && (quoted || text != "1")
    {
        findings.note(ConfigError::new(place.clone(), quote(&text), "the number 1, or nothing"));
    }
}

/// What is defined without use.
fn warnings_of(policy: &Policy) -> Vec<ConfigWarning> {
    let top = Place::default();
    let names_shared_preset =
        policy.routes.iter().any(|route| route.pattern.names_preset() && route.presets.is_none());
    let presets = policy.presets.keys().filter(|_| !names_shared_preset);
    let used: BTreeSet<&str> = policy.routes.iter().map(|route| route.origin.as_str()).collect();
    let unused = policy.origins.keys().filter(|name| !used.contains(name.as_str()));
    // In the order of their places.
    unused
        .map(|name| ConfigWarning::unused(top.key("origins").key(name)))
        .chain(presets.map(|name| ConfigWarning::unused(top.key("presets").key(name))))
        .collect()
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

/// A preset that extends others has the options of all of them.
type Presets = BTreeMap<String, Options>;
