//! What visitors ask for: options that a resizer has, as they stand in a request.

use std::collections::BTreeMap;

use pinhole::options::value::Number;
use pinhole::options::{SPECS, Spec};

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
