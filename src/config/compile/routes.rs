//! Compiles routes: patterns, hosts, limits.

use regex::bytes::{Regex, RegexBuilder};

use super::{Findings, fit_of, format_of, options_of};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{List, MaxAge, Otherwise, Over, RawNumbers, RawQuery, RawRoute, RawWords};
use crate::policy::limit::{Ladder, NumberLimit};
use crate::policy::route::{MAX_AGE, QueryLimits, Route};
use crate::resizer::Dialect;
use crate::transform::{Pixels, Quality};

/// What the rest of the document defines.
pub(super) struct Known<'k> {
    pub(super) origins: &'k [String],
    pub(super) has_presets: bool,
    pub(super) dialect: Option<&'k Dialect>,
}

/// The groups that a pattern can have.
const GROUPS: [&str; 2] = ["source", "preset"];

/// A compiled pattern may not need more memory than this, in bytes.
const MOST_PATTERN_MEMORY: usize = 1 << 20;

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
    let RawRoute { path, hosts, origin, query, default, max_age } = raw;
    let wanted = "a regular expression such as `/images/(?<preset>[^/]+)/(?<source>.+)`";
    let pattern = findings
        .required(path, &place.key("path"), wanted)
        .and_then(|path| pattern_of(findings, &place.key("path"), &path, known));
    let hosts = hosts.map(|hosts| hosts_of(findings, &place.key("hosts"), hosts));
    let origin = findings.required(origin, &place.key("origin"), "the name of an origin");
    if let Some(name) = origin.as_ref().filter(|name| !known.origins.contains(name)) {
        let defined = known.origins.iter().map(String::as_str);
        findings.note(ConfigError::undefined(place.key("origin"), name, "origins", defined));
    }
    let query = query_of(findings, &place.key("query"), query.unwrap_or_default(), known.dialect);
    let default = options_of(findings, &place.key("default"), default.unwrap_or_default(), known.dialect);
    let pattern = pattern?;
    let names_preset = pattern.capture_names().flatten().any(|name| name == "preset");
    let has_side = default.width.is_some() || default.height.is_some() || query.has_side();
    if !names_preset && !has_side {
        let wanted = "a `preset` group in `path`, or a `width` or `height` in `default` or `query`";
        findings.note(ConfigError::new(place.clone(), "a route that no request can name a size for", wanted));
    }
    let max_age = max_age.map_or(MAX_AGE, |MaxAge(seconds)| seconds);
    Some(Route { hosts, pattern, origin: origin?, query, default, max_age })
}

fn pattern_of(findings: &mut Findings<'_>, place: &Place, path: &str, known: &Known<'_>) -> Option<Regex> {
    let compile = |pattern: &str| {
        RegexBuilder::new(pattern)
            .unicode(false)
            .size_limit(MOST_PATTERN_MEMORY)
            .dfa_size_limit(MOST_PATTERN_MEMORY)
            .build()
    };
    // Alone first: `a)|(?:b` is no expression, but would become one between the anchors.
    let pattern = match compile(path).and_then(|_| compile(&format!(r"\A(?:{path})\z"))) {
        Ok(pattern) => pattern,
        Err(error) => {
            let message = error.to_string();
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
    let groups: Vec<&str> = pattern.capture_names().flatten().collect();
    if let Some(other) = groups.iter().find(|name| !GROUPS.contains(name)) {
        findings.note(ConfigError::unknown_word(place.clone(), other, &GROUPS));
    }
    if !groups.contains(&"source") {
        findings.note(ConfigError::new(place.clone(), "no group `source`", "a group `(?<source>…)`"));
    }
    if groups.contains(&"preset") && !known.has_presets {
        findings.note(ConfigError::new(
            place.clone(),
            "a group `preset`",
            "presets in `presets`, which defines none",
        ));
    }
    Some(pattern)
}

fn hosts_of(findings: &mut Findings<'_>, place: &Place, raw: List<String>) -> Vec<String> {
    if raw.is_empty() {
        let wanted = "at least one host, or no `hosts` to serve all of them";
        findings.note(ConfigError::new(place.clone(), "an empty array", wanted));
    }
    let mut hosts = Vec::new();
    for (index, host) in raw.into_iter().enumerate() {
        let Some(host) = host else { continue };
        let plain = !host.is_empty()
            && host.len() <= 253
            && host.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            });
        if plain {
            hosts.push(host.to_ascii_lowercase());
        } else {
            let wanted = "a host name without port, such as `img.example.com`";
            findings.note(ConfigError::new(place.index(index), quote(&host), wanted));
        }
    }
    hosts
}

fn query_of(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawQuery,
    dialect: Option<&Dialect>,
) -> QueryLimits {
    let RawQuery { width, height, fit, quality, format } = raw;
    let fit = words_of(findings, &place.key("fit"), fit, |findings, place, fit| {
        dialect.inspect(|dialect| fit_of(findings, place, Some(fit), dialect));
    });
    let format = words_of(findings, &place.key("format"), format, |findings, place, format| {
        dialect.inspect(|dialect| format_of(findings, place, Some(format), dialect));
    });
    QueryLimits {
        width: width.and_then(|raw| numbers_of(findings, &place.key("width"), raw, None, Pixels::get)),
        height: height.and_then(|raw| numbers_of(findings, &place.key("height"), raw, None, Pixels::get)),
        quality: quality.and_then(|raw| {
            numbers_of(findings, &place.key("quality"), raw, Some(Quality::MOST), Quality::get)
        }),
        fit,
        format,
    }
}

/// The limit of a number. `most` is the largest number where none is written; without it, one must be.
fn numbers_of<T: Copy>(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawNumbers<T>,
    most: Option<u32>,
    number: fn(T) -> u32,
) -> Option<NumberLimit> {
    let RawNumbers { max, over, one_of, otherwise } = raw;
    let mixed = |found: &str, wanted: &str| ConfigError::new(place.clone(), found, wanted);
    match (max.map(number).or(most.filter(|_| one_of.is_none())), one_of) {
        (Some(_), Some(_)) => {
            findings.note(mixed("both `max` and `one_of`", "one of the two"));
            None
        }
        (None, None) => {
            findings.note(mixed("neither `max` nor `one_of`", "one of the two: there is no unlimited size"));
            None
        }
        (Some(max), None) => {
            if otherwise.is_some() {
                findings
                    .note(mixed("`else` without `one_of`", "`over` beside `max`, or `else` beside `one_of`"));
            }
            Some(NumberLimit::UpTo { max, over: over.unwrap_or(Over::Reject) })
        }
        (None, Some(list)) => {
            if over.is_some() {
                findings
                    .note(mixed("`over` without `max`", "`over` beside `max`, or `else` beside `one_of`"));
            }
            let ladder = Ladder::new(list.into_iter().flatten().map(number).collect());
            if ladder.is_none() {
                findings.note(ConfigError::new(place.key("one_of"), "no number", "at least one"));
            }
            Some(NumberLimit::OneOf { ladder: ladder?, otherwise: otherwise.unwrap_or(Otherwise::Reject) })
        }
    }
}

/// The words of a list, each checked.
fn words_of<T: Copy>(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Option<RawWords<T>>,
    check: impl Fn(&mut Findings<'_>, &Place, T),
) -> Vec<T> {
    let Some(RawWords { one_of }) = raw else { return Vec::new() };
    let place = place.key("one_of");
    let words = one_of.unwrap_or_default();
    if words.is_empty() {
        findings.note(ConfigError::new(place.clone(), "no word", "at least one"));
    }
    for (index, word) in words.iter().enumerate() {
        if let Some(word) = word {
            check(findings, &place.index(index), *word);
        }
    }
    words.into_iter().flatten().collect()
}
