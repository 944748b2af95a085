//! The side of a resizer whose URLs follow a pattern: the pattern is turned round, into an expression that
//! takes a path apart.

use regex::Regex;

use super::reading::{Options, Reading, base64_text, unescape};

/// The resizer's own words: option, pinhole's word, the resizer's.
pub type Words = &'static [(&'static str, &'static str, &'static str)];

/// What a value looks like, encoded.
const VALUE: &str = "[A-Za-z0-9._~%-]+";

/// What a resizer with this pattern does for a path.
pub fn read(path: &str, pattern: &str, words: Words) -> Option<Reading> {
    let (expression, places) = expression_of(pattern);
    let found = expression.captures(path)?;
    let mut reading = Reading::default();
    for (found, place) in found.iter().skip(1).zip(places) {
        let Some(text) = found.map(|found| found.as_str()) else { continue };
        let (name, otherwise) =
            place.split_once('|').map_or((place, None), |(name, text)| (name, Some(text)));
        match name {
            "source" => reading.source = Some(unescape(text)?),
            "source:base64" => reading.source = Some(base64_text(text)?),
            _ if Some(text) == otherwise => {}
            name => {
                let text = unescape(text)?;
                let (name, text) = match name.strip_suffix(":hex") {
                    Some(name) => (name, format!("#{text}")),
                    None => (name, text),
                };
                let own = words.iter().filter(|(option, _, _)| *option == name).collect::<Vec<_>>();
                let text = match own.as_slice() {
                    [] => text,
                    own => own.iter().find(|(_, _, own)| *own == text)?.1.to_owned(),
                };
                if (name, text.as_str()) != ("fit", "scale-down") {
                    reading.set(name, text)?;
                }
            }
        }
    }
    (reading.options.contains_key("width") || reading.options.contains_key("height")).then_some(reading)
}

/// What a decision is for such a resizer: a text for the absence of a value may be a value too.
pub fn fold(options: &mut Options, pattern: &str) {
    for place in pattern.split(['{', '}']).skip(1).step_by(2) {
        if let Some((name, otherwise)) = place.split_once('|') {
            super::reading::drop_if(options, name, otherwise);
        }
    }
}

/// The expression that a path of this pattern matches, and what its groups stand for, in order.
fn expression_of(pattern: &str) -> (Regex, Vec<&str>) {
    let mut expression = String::new();
    let mut places = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = rest.strip_prefix(first).unwrap();
        match first {
            '[' => expression.push_str("(?:"),
            ']' => expression.push_str(")?"),
            '{' => {
                let (place, after) = rest.split_once('}').unwrap();
                places.push(place);
                expression.push_str(&format!("({VALUE})"));
                rest = after;
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    (Regex::new(&format!(r"\A{expression}\z")).unwrap(), places)
}
