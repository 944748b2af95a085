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
