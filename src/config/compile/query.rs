//! Compiles what a request may ask for: the limit of each option, and the bounds of the picture.

use std::collections::BTreeMap;

use super::Findings;
use super::options::{option_named, supported, value};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{List, Otherwise, Over, RawLimit, RawLimits, RawQuery, RawValue, Whole};
use crate::options::OptionName;
use crate::options::kind::Kind;
use crate::options::value::{Number, Value};
use crate::policy::bounds::Bounds;
use crate::policy::limit::{Ladder, Limit};
use crate::policy::query::QueryLimits;
use crate::resizer::{Dialect, Support};

/// Compiles the limits of a query.
pub(super) fn query(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawQuery,
    dialect: Option<&Dialect>,
) -> QueryLimits {
    let RawQuery(members) = raw;
    let mut limits = BTreeMap::new();
    for (name, raw) in members {
        let place = place.key(&name);
        let Some(option) = option_named(findings, &place, &name) else { continue };
        if let Some(dialect) = dialect.filter(|dialect| !dialect.has(option)) {
            let found = format!("an option that {} does not have", dialect.name);
            findings.note(ConfigError::new(place, found, dialect.wanted(option)));
            continue;
        }
        if let Some(limit) = limit(findings, &place, option, raw, dialect) {
            limits.insert(option, limit);
        }
    }
    QueryLimits::new(limits)
}

fn limit(
    findings: &mut Findings<'_>,
    place: &Place,
    option: OptionName,
    raw: RawLimit,
    dialect: Option<&Dialect>,
) -> Option<Limit> {
    let RawLimit { min, under, max, over, one_of, otherwise } = raw;
    let kind = option.spec().kind;
    let mut mixed = |found: &str, wanted: &str| findings.note(ConfigError::new(place.clone(), found, wanted));
    if (min.is_some() || max.is_some()) && one_of.is_some() {
        mixed("both bounds and `one_of`", "one of the two");
        return None;
    }
    let one_of_only = kind.bounds().is_none();
    let is_side = matches!(kind, Kind::Side | Kind::Width);
    match (one_of_only, min.is_some() || max.is_some()) {
        (true, true) => mixed("bounds", "`one_of`: this option has no numbers"),
        (false, _) if one_of.is_none() && max.is_none() && is_side => {
            mixed("neither `max` nor `one_of`", "one of the two: there is no unlimited size");
            return None;
        }
        (true, false) if one_of.is_none() && matches!(kind, Kind::Colour | Kind::Trim) => {
            mixed("no `one_of`", "`one_of`: there are too many values to allow all of them");
            return None;
        }
        _ => {}
    }
    if otherwise.is_some() && one_of.is_none() {
        mixed("`else` without `one_of`", "`under` and `over` beside bounds, or `else` beside `one_of`");
    }
    if (over.is_some() || under.is_some()) && (one_of.is_some() || one_of_only) {
        mixed(
            "`under` or `over` without bounds",
            "`under` and `over` beside bounds, or `else` beside `one_of`",
        );
    }
    match one_of {
        Some(list) => {
            listed(findings, &place.key("one_of"), option, list, otherwise.unwrap_or_default(), dialect)
        }
        None if one_of_only => Some(every_word(option, dialect)),
        None => range(findings, place, option, (min, under), (max, over), dialect),
    }
}

/// The listed values.
fn listed(
    findings: &mut Findings<'_>,
    place: &Place,
    option: OptionName,
    list: List<RawValue>,
    otherwise: Otherwise,
    dialect: Option<&Dialect>,
) -> Option<Limit> {
    if list.is_empty() {
        findings.note(ConfigError::new(place.clone(), "no value", "at least one"));
        return None;
    }
    let (mut rungs, mut words) = (Vec::new(), Vec::new());
    for (index, raw) in list.iter().enumerate() {
        let place = place.index(index);
        let Some(parsed) = raw.as_ref().and_then(|raw| value(findings, &place, option, raw)) else {
            continue;
        };
        supported(findings, &place, option, &parsed, dialect);
        match parsed {
            Value::Number(number) => rungs.push(number),
            word => words.push(word),
        }
    }
    Some(Limit::OneOf { ladder: Ladder::new(rungs), words, otherwise })
}

/// Every word of the option that the resizer has.
fn every_word(option: OptionName, dialect: Option<&Dialect>) -> Limit {
    let words = option.spec().kind.words().into_iter().map(Value::Word);
    let has = |value: &Value| dialect.is_none_or(|dialect| dialect.has_value(option, value));
    Limit::OneOf {
        ladder: Ladder::default(),
        words: words.filter(has).collect(),
        otherwise: Otherwise::Reject,
    }
}

/// Numbers between two bounds; those of the option itself, and of the resizer, where none is written.
fn range(
    findings: &mut Findings<'_>,
    place: &Place,
    option: OptionName,
    (min, under): (Option<RawValue>, Option<Over>),
    (max, over): (Option<RawValue>, Option<Over>),
    dialect: Option<&Dialect>,
) -> Option<Limit> {
    let mut number = |key: &str, raw: Option<RawValue>| -> Option<Option<Number>> {
        let Some(raw) = raw else { return Some(None) };
        match value(findings, &place.key(key), option, &raw)? {
            Value::Number(number) => {
                supported(findings, &place.key(key), option, &Value::Number(number), dialect);
                Some(Some(number))
            }
            word => {
                let found = quote(&word.to_string());
                findings.note(ConfigError::new(place.key(key), found, "a number"));
                None
            }
        }
    };
    let (least, most) = (number("min", min)?, number("max", max)?);
    let (kind_least, kind_most) = option.spec().kind.bounds()?;
    let resizer_most = match dialect.and_then(|dialect| dialect.support(option)) {
        Some(Support::UpTo(most)) => (*most).min(kind_most),
        _ => kind_most,
    };
    let (least, most) = (least.unwrap_or(kind_least), most.unwrap_or(resizer_most));
    if least > most {
        findings.note(ConfigError::new(
            place.clone(),
            format!("`min` {least} above `max` {most}"),
            "the reverse",
        ));
    }
    Some(Limit::Range { least, under: under.unwrap_or_default(), most, over: over.unwrap_or_default() })
}

/// Compiles the bounds of the picture. Beside them, the largest number of variants.
pub(super) fn bounds(findings: &mut Findings<'_>, place: &Place, raw: RawLimits) -> (Bounds, Option<u64>) {
    let RawLimits { width, height, area, over, aspect_ratios, variants } = raw;
    // Both are sides without `auto`, which `height` is the option for.
    let mut side =
        |key: &str, raw: Option<RawValue>| match value(findings, &place.key(key), OptionName::Height, &raw?)?
        {
            Value::Number(number) => Some(number.floor()),
            word => {
                findings.note(ConfigError::new(place.key(key), quote(&word.to_string()), "a number"));
                None
            }
        };
    let width = side("width", width);
    let height = side("height", height);
    let mut ratios = Vec::new();
    for (index, ratio) in aspect_ratios.into_iter().flatten().enumerate() {
        let Some(ratio) = ratio else { continue };
        match ratio.split_once(':').and_then(|(across, down)| Some((ratio_side(across)?, ratio_side(down)?)))
        {
            Some(ratio) => ratios.push(ratio),
            None => {
                let place = place.key("aspect_ratios").index(index);
                findings.note(ConfigError::new(place, quote(&ratio), "width and height such as `3:2`"));
            }
        }
    }
    let area = area.map(|Whole(area)| area);
    let variants = variants.map(|Whole(count)| u64::from(count));
    (Bounds { width, height, area, over: over.unwrap_or_default(), ratios }, variants)
}

fn ratio_side(text: &str) -> Option<u32> {
    text.parse().ok().filter(|side| (1..=1000).contains(side) && !text.starts_with(['+', '0']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_of_a_ratio_is_a_plain_number_up_to_a_thousand() {
        for (text, want) in
            [("1", Some(1)), ("1000", Some(1000)), ("1001", None), ("0", None), ("+5", None), ("05", None)]
        {
            assert_eq!(ratio_side(text), want, "{text}");
        }
    }
}
