//! What visitors ask for, at random: options that a resizer has, and sources that mean something in one grammar or
//! another.

use std::collections::BTreeMap;

use pinhole::options::value::Number;
use pinhole::options::{OptionName, SPECS, Spec};
use proptest::prelude::*;

use super::subjects::Subject;

/// Values of the options that have no numbers.
pub const VALUES: &[(&str, &[&str])] = &[
    ("fit", &["scale-down", "contain", "cover", "crop", "aspect-crop", "pad", "squeeze", "scale-up"]),
    ("gravity", &["center", "left", "right", "top", "bottom", "auto", "face", "0.5x0.33", "0x1"]),
    ("trim", &["border", "0;1;20;300", "box:0;10;2000;1"]),
    ("rotate", &["0", "90", "180", "270"]),
    ("flip", &["h", "v", "hv"]),
    ("background", &["#ff8800", "#ffffff", "#1e1000", "#000000"]),
    ("anim", &["true", "false"]),
    ("metadata", &["copyright", "keep", "none"]),
    ("format", &["auto", "avif", "webp", "jpeg", "baseline-jpeg", "png"]),
];

/// A value of an option that a resizer has, made of `seed`.
fn value(subject: &Subject, spec: &Spec, seed: u32) -> Option<String> {
    let Some((least, most)) = spec.kind.bounds() else {
        let (_, values) = VALUES.iter().find(|(name, _)| *name == spec.name)?;
        let had: Vec<_> = values.iter().filter(|text| subject.has(spec, text)).collect();
        return had.get(usize::try_from(seed).ok()?.checked_rem(had.len())?).map(ToString::to_string);
    };
    let span = most.in_hundredths().checked_sub(least.in_hundredths())?.checked_add(1)?;
    let number = Number::hundredths(least.in_hundredths().checked_add(seed.checked_rem(span)?)?);
    Some(if spec.kind.is_whole() { number.floor().to_string() } else { number.to_string() })
}

/// Options, each by its place among all of them and a number to make a value of: a width, mostly with a height
/// and a fit, and some others.
pub fn chosen() -> impl Strategy<Value = Vec<(usize, u32)>> {
    let boxed = prop::option::weighted(0.7, (any::<u32>(), any::<u32>()));
    let others = prop::collection::vec((0..SPECS.len(), any::<u32>()), 0..9);
    (any::<u32>(), boxed, others).prop_map(|(width, boxed, others)| {
        let place = |option| SPECS.iter().position(|spec| spec.option == option).unwrap();
        let mut chosen = vec![(place(OptionName::Width), width)];
        if let Some((height, fit)) = boxed {
            chosen.extend([(place(OptionName::Height), height), (place(OptionName::Fit), fit)]);
        }
        chosen.extend(others);
        chosen
    })
}

/// The options segment of those that a resizer has.
pub fn segment(subject: &Subject, chosen: &[(usize, u32)]) -> String {
    let mut named = BTreeMap::new();
    for (place, seed) in chosen {
        let spec = SPECS.get(*place).unwrap();
        if subject.resizer.dialect().has(spec.option)
            && let Some(value) = value(subject, spec, *seed)
        {
            named.entry(spec.name).or_insert(value);
        }
    }
    let pairs = named.iter().map(|(name, value)| format!("{name}={}", value.replace('#', "%23")));
    pairs.collect::<Vec<_>>().join(",")
}

/// Parts of sources that mean something in one grammar or another.
const WORDS: &[&str] = &[
    "a",
    "é",
    "日本",
    " ",
    "+",
    "&",
    "=",
    ",",
    ":",
    "@",
    "~",
    "!",
    "$",
    "'",
    "(",
    ")",
    "*",
    "...",
    "fit-in",
    "smart",
    "filters:blur(9)",
    "plain",
    "@png",
    "unsafe",
    "300x200",
    "w_100",
    "url=",
    "&w=9",
    "rs:fit:9:9",
    "b64:",
    "http:",
];

/// A path below the origin, decoded.
pub fn source() -> impl Strategy<Value = String> {
    let name = prop::collection::vec(prop::sample::select(WORDS), 1..4).prop_map(|words| words.concat());
    prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
}

/// A text that no gate's URL and no token is.
pub fn hostile() -> impl Strategy<Value = String> {
    const OTHERS: &[&str] =
        &["%", "%2F", "%252F", "%zz", "?", "#", "/", "//", "../", "&url=", "a%20b", "{source}"];
    let part = prop_oneof![prop::sample::select(WORDS), prop::sample::select(OTHERS)];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// Percent-encodes a text but for letters, digits and the characters of `raw`.
pub fn escape(text: &str, raw: &str) -> String {
    let escaped = text.chars().map(|c| {
        if c.is_ascii_alphanumeric() || raw.contains(c) {
            return c.to_string();
        }
        c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
    });
    escaped.collect()
}
