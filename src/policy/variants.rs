//! How many different pictures can be made of one source: known when the policy loads.
//!
//! The count is an upper bound, of what the edge can send to the resizer: every value that every
//! option can have, times each other. INVARIANT: it is never less than what any number of requests can
//! reach, so that it bounds caches, storage and bills.

use std::collections::BTreeMap;

use super::Policy;
use super::decision::Rule;
use super::limit::Limit;
use super::route::Route;
use crate::hints::BREAKPOINTS;
use crate::negotiate::CANDIDATES;
use crate::options::value::Value;
use crate::options::{OptionName, Options};
use crate::transform::Format;

/// What one route can make of each of its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteVariants<'p> {
    /// The route.
    pub rule: Rule,
    /// Its path, as in the policy document.
    pub path: &'p str,
    /// How many variants, at most; see [`count`].
    pub count: u64,
}

impl Policy {
    /// The variants of every route, in the order of the document.
    pub fn variants(&self) -> impl Iterator<Item = RouteVariants<'_>> {
        let formats = &self.resizer.dialect().formats;
        self.routes.iter().enumerate().map(move |(index, route)| RouteVariants {
            rule: Rule::Route(index),
            path: route.pattern.as_str(),
            count: count(route, &self.presets, formats),
        })
    }
}

/// The number of variants of one source that a route can make, at most; `u64::MAX` stands for more
/// than can be counted. `presets` are those of the policy, `formats` those of the resizer.
pub fn count(route: &Route, presets: &BTreeMap<String, Options>, formats: &[Format]) -> u64 {
    let names_preset = route.pattern.names_preset();
    let table = route.presets.as_ref().unwrap_or(presets);
    // The group of a pattern may be optional: then there are requests without a preset as well.
    let alone = Options::default();
    let bases = table.values().filter(|_| names_preset).chain([&alone]);
    let of_base = |base: &Options| of_options(route, &base.clone().or(&route.default), formats);
    bases.map(of_base).fold(0, u64::saturating_add)
}

/// The variants of one preset, with what requests may change of it.
fn of_options(route: &Route, base: &Options, formats: &[Format]) -> u64 {
    let candidates = CANDIDATES.iter().filter(|format| formats.contains(format)).count();
    let candidates = u64::try_from(candidates).unwrap_or(u64::MAX).max(1);
    let of_value = |option: OptionName, word: Option<&str>| match (option, word) {
        (OptionName::Format, Some("auto")) => candidates,
        (OptionName::Width, Some("auto")) => u64::try_from(BREAKPOINTS.len()).unwrap_or(u64::MAX),
        // The quality of a fast connection, or that of a slow one.
        (OptionName::SlowConnectionQuality, _) => 2,
        _ => 1,
    };
    // How many there are where the request does not name the option. A picture without any side is not
    // served, so a side that only the request can name has none.
    let [width, height] = [OptionName::Width, OptionName::Height];
    let has = |option| base.get(option).is_some() || route.query.get(option).is_some();
    if !has(width) && !has(height) {
        return 0;
    }
    let of_base = |option| match option {
        OptionName::Width if base.get(width).is_none() && !has(height) => 0,
        OptionName::Height if base.get(height).is_none() && !has(width) => 0,
        option => of_value(option, base.word(option)),
    };
    let limited = route.query.iter().map(|(option, limit)| {
        let asked = limit.count(option.spec().kind);
        // Words such as `auto` stand for several values; the base's own value is one more.
        let several = match option {
            OptionName::Format => candidates,
            OptionName::SlowConnectionQuality => 2,
            // Of the listed widths, or of the usual ones if none is listed.
            OptionName::Width if route.query.breakpoints().is_empty() && allows_auto(limit) => {
                of_value(OptionName::Width, Some("auto"))
            }
            _ => 0,
        };
        asked.saturating_add(several).saturating_add(of_base(option))
    });
    let fixed = base
        .iter()
        .filter(|(option, _)| route.query.get(*option).is_none())
        .map(|(option, _)| of_base(option));
    limited.chain(fixed).fold(1, u64::saturating_mul)
}

fn allows_auto(limit: &Limit) -> bool {
    matches!(limit, Limit::OneOf { words, .. } if words.contains(&Value::Word("auto")))
}

#[cfg(test)]
mod tests {
    use crate::config;

    /// The variants of a route with these keys, in a policy with a preset.
    fn variants(keys: &str) -> u64 {
        let document = format!(
            r#"{{ "presets": {{ "small": {{ "width": 300 }} }},
              "routes": [{{ "path": "/first/(?<source>.+)", "origin": "o", "default": {{ "width": 1 }} }},
                         {{ "path": "/second/(?<source>.+)", "origin": "o", {keys} }}],
              "origins": {{ "o": {{ "url": "http://o", "cluster": "o" }} }},
              "resizer": {{ "imgproxy": {{ "cluster": "r", "authority": "r", "key": {{ "value": "00112233445566778899aabbccddeeff" }},
                                          "salt": {{ "value": "0011223344000000000000000000cafe" }} }} }},
              "gate": {{ "url": "http://g", "seal_key":
                {{ "value": "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00" }} }} }}"#
        );
        let policy = config::load(document.as_bytes(), &|_| None)
            .unwrap_or_else(|errors| panic!("{errors:#?}"))
            .policy;
        let routes: Vec<_> =
            policy.variants().map(|route| (route.rule.to_string(), route.path, route.count)).collect();
        let [first, second] = routes.as_slice() else { panic!("{routes:?}") };
        assert_eq!(*first, ("routes[0]".to_owned(), "/first/(?<source>.+)", 1));
        assert_eq!((second.0.as_str(), second.1), ("routes[1]", "/second/(?<source>.+)"));
        second.2
    }

    #[test]
    fn every_value_of_every_option_counts() {
        for (keys, want) in [
            (r#""default": { "width": 9 }"#, 1),
            (r#""default": { "width": 9, "format": "auto" }"#, 3),
            (r#""default": { "width": 9, "format": "webp" }"#, 1),
            (r#""default": { "width": "auto" }"#, 4),
            (r#""default": { "width": 9, "quality": 80, "slow-connection-quality": 40 }"#, 2),
            (r#""query": { "width": { "one_of": [1, 2] } }"#, 2),
            (r#""query": { "height": { "one_of": [1, 2] } }"#, 2),
            (r#""query": { "width": { "one_of": [1, 2] } }, "default": { "width": 9 }"#, 3),
            (r#""query": { "height": { "one_of": [1, 2] } }, "default": { "height": 9 }"#, 3),
            // Each may be absent, as long as the other is there.
            (r#""query": { "width": { "one_of": [1, 2] }, "height": { "one_of": [1, 2] } }"#, 9),
            (r#""query": { "width": { "one_of": [1, 2] } }, "default": { "height": 9 }"#, 3),
            (r#""query": { "width": { "one_of": ["auto"] } }"#, 5),
            (r#""query": { "width": { "one_of": ["auto", 1, 2] } }"#, 3),
            (r#""query": { "format": { "one_of": ["auto"] } }, "default": { "width": 9 }"#, 5),
            (r#""query": { "slow-connection-quality": { "one_of": [40] } }, "default": { "width": 9 }"#, 5),
        ] {
            assert_eq!(variants(keys), want, "{keys}");
        }
    }
}
