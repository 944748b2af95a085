//! What visitors ask for, at random: options, and sources that mean something in one grammar or another.

use pinhole::options::{OptionName, SPECS};
use proptest::prelude::*;

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
