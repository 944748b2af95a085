//! Compiles routes: patterns, hosts, limits.

use super::fallbacks::{self, Images};
use super::signatures::{self, Keys};
use super::{Findings, Presets, options, query};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{List, RawReferrer, RawRoute, RawSources, Whole};
use crate::options::OptionName;
use crate::policy::host::HostPattern;
use crate::policy::pattern::{GROUPS, Pattern};
use crate::policy::route::{MAX_AGE, ReferrerRule, Route, SourceRule};
use crate::policy::variants;
use crate::request::path::SourcePath;
use crate::resizer::Dialect;

/// What the rest of the document defines.
pub(super) struct Known<'k> {
    /// Names, in their order.
    pub(super) origins: &'k [String],
    pub(super) presets: &'k Presets,
    pub(super) keys: &'k Keys,
    pub(super) images: &'k Images,
    pub(super) dialect: Option<&'k Dialect>,
    /// Whether the resizer is asked with the visitor's host.
    pub(super) keeps_hosts: bool,
}

pub(super) fn routes(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: List<RawRoute>,
    known: &Known<'_>,
) -> Vec<Route> {
    let routes = raw.into_iter().enumerate();
    routes.filter_map(|(index, raw)| route(findings, &place.index(index), raw?, known)).collect()
}

fn route(findings: &mut Findings<'_>, place: &Place, raw: RawRoute, known: &Known<'_>) -> Option<Route> {
    let RawRoute {
        path,
        hosts,
        origin,
        presets,
        query,
        default,
        limits,
        sources,
        signature,
        referrer,
        unresizable,
        fallback,
        max_age,
    } = raw;
    let dialect = known.dialect;
    let has_presets = presets.as_ref().map_or(!known.presets.is_empty(), |raw| !raw.is_empty());
    let presets =
        presets.map(|raw| options::presets(findings, &place.key("presets"), raw, known.presets, dialect));
    let wanted = "a regular expression such as `/images/(?<preset>[^/]+)/(?<source>.+)`";
    let pattern = findings
        .required(path, &place.key("path"), wanted)
        .and_then(|path| pattern_of(findings, &place.key("path"), &path, has_presets));
    if hosts.is_none() && known.keeps_hosts {
        let wanted = "the hosts that the resizer may be asked with, since its `authority` is `keep`";
        findings.note(ConfigError::missing(place.key("hosts"), wanted));
    }
    let hosts = hosts.map(|hosts| hosts_of(findings, &place.key("hosts"), hosts));
    let origin = findings.required(origin, &place.key("origin"), "the name of an origin");
    if let Some(name) = origin.as_ref().filter(|name| known.origins.binary_search(name).is_err()) {
        let defined = known.origins.iter().map(String::as_str);
        findings.note(ConfigError::undefined(place.key("origin"), name, "origins", defined));
    }
    let query = query::query(findings, &place.key("query"), query.unwrap_or_default(), dialect);
    let default = options::options(findings, &place.key("default"), default.unwrap_or_default(), dialect);
    let (bounds, most) = query::bounds(findings, &place.key("limits"), limits.unwrap_or_default());
    let sources = sources_of(findings, &place.key("sources"), sources.unwrap_or_default());
    let has_signature = signature.is_some();
    let signature = signature
        .and_then(|raw| signatures::signature(findings, &place.key("signature"), raw, known.keys, &query));
    let referrer = referrer.map(|raw| referrer_of(findings, &place.key("referrer"), raw));
    let pattern = pattern?;
    let names_preset = pattern.names_preset();
    let sides = [OptionName::Width, OptionName::Height];
    let has_side = sides.iter().any(|side| default.get(*side).is_some() || query.get(*side).is_some());
    if !names_preset && !has_side {
        let wanted = "a `preset` group in `path`, or a `width` or `height` in `default` or `query`";
        findings.note(ConfigError::new(place.clone(), "a route that no request can name a size for", wanted));
    }
    let fallback =
        fallback.and_then(|raw| fallbacks::fallback(findings, &place.key("fallback"), raw, known.images));
    let max_age = max_age.map_or(MAX_AGE, |Whole(seconds)| seconds);
    let unresizable = unresizable.unwrap_or_default();
    let origin = origin?;
    // A rule that could not be compiled must not leave the route open.
    if has_signature && signature.is_none() {
        return None;
    }
    let route = Route {
        hosts,
        pattern,
        origin,
        presets,
        query,
        default,
        bounds,
        sources,
        signature,
        referrer,
        unresizable,
        fallback,
        max_age,
    };
    if let Some(most) = most {
        let count = variants::count(&route, known.presets, dialect.map_or(&[], |dialect| &dialect.formats));
        if count > most {
            let place = place.key("limits").key("variants");
            let wanted = format!("at most {most}: allow fewer values, or raise the number");
            findings.note(ConfigError::new(place, format!("{count} variants of each source"), wanted));
        }
    }
    Some(route)
}

fn pattern_of(findings: &mut Findings<'_>, place: &Place, path: &str, has_presets: bool) -> Option<Pattern> {
    let pattern = match Pattern::parse(path) {
        Ok(pattern) => pattern,
        Err(message) => {
            let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ").trim();
            let found = format!("{}: {reason}", quote(path));
            findings.note(ConfigError::new(
                place.clone(),
                found,
                "a regular expression in the syntax of Rust's `regex`",
            ));
            return None;
        }
    };
    let groups: Vec<&str> = pattern.groups().collect();
    if let Some(other) = groups.iter().find(|name| !GROUPS.contains(name)) {
        findings.note(ConfigError::unknown_word(place.clone(), other, &GROUPS));
    }
    if !groups.contains(&"source") {
        findings.note(ConfigError::new(place.clone(), "no group `source`", "a group `(?<source>…)`"));
    }
    if groups.contains(&"preset") && !has_presets {
        findings.note(ConfigError::new(
            place.clone(),
            "a group `preset`",
            "presets in `presets`, which defines none",
        ));
    }
    Some(pattern)
}

fn hosts_of(findings: &mut Findings<'_>, place: &Place, raw: List<String>) -> Vec<HostPattern> {
    if raw.is_empty() {
        let wanted = "at least one host, or no `hosts` to serve all of them";
        findings.note(ConfigError::new(place.clone(), "an empty array", wanted));
    }
    let mut hosts = Vec::new();
    for (index, host) in raw.into_iter().enumerate() {
        let Some(host) = host else { continue };
        match HostPattern::parse(&host) {
            Some(pattern) => hosts.push(pattern),
            None => {
                let wanted = "a host name without port, such as `img.example.com` or `*.example.com`";
                findings.note(ConfigError::new(place.index(index), quote(&host), wanted));
            }
        }
    }
    hosts
}

fn referrer_of(findings: &mut Findings<'_>, place: &Place, raw: RawReferrer) -> ReferrerRule {
    let RawReferrer { hosts, absent } = raw;
    let hosts = findings.required(hosts, &place.key("hosts"), "an array with at least one host");
    let hosts = hosts.map(|hosts| hosts_of(findings, &place.key("hosts"), hosts)).unwrap_or_default();
    ReferrerRule { hosts, absent: absent.unwrap_or_default() }
}

fn sources_of(findings: &mut Findings<'_>, place: &Place, raw: RawSources) -> SourceRule {
    let RawSources { prefixes, extensions } = raw;
    let mut rule = SourceRule::default();
    for (index, prefix) in prefixes.iter().flatten().enumerate() {
        let Some(prefix) = prefix else { continue };
        match SourcePath::parse(prefix.strip_suffix('/').unwrap_or(prefix)) {
            Ok(prefix) => rule.prefixes.push(prefix),
            Err(_) => {
                let wanted = "a directory below the origin's base path, such as `public/2024`";
                findings.note(ConfigError::new(place.key("prefixes").index(index), quote(prefix), wanted));
            }
        }
    }
    for (index, extension) in extensions.iter().flatten().enumerate() {
        let Some(extension) = extension else { continue };
        if !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            rule.extensions.push(extension.to_ascii_lowercase());
        } else {
            let wanted = "letters and digits, without the dot, such as `jpg`";
            findings.note(ConfigError::new(place.key("extensions").index(index), quote(extension), wanted));
        }
    }
    for (key, list) in [("prefixes", &prefixes), ("extensions", &extensions)] {
        if list.as_ref().is_some_and(|list| list.is_empty()) {
            findings.note(ConfigError::new(
                place.key(key),
                "an empty array",
                "at least one, or none of the key",
            ));
        }
    }
    rule
}
