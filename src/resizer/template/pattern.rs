//! Reading the pattern of a template into parts.
//!
//! Belongs here: what a pattern may hold. Does not belong here: what becomes of it for a picture.
//! INVARIANT: a parsed pattern begins with a slash, has the source once and outside of brackets, and has
//! places for width and height; every option outside of brackets has a text for its absence.

use crate::config::error::quote;
use crate::options::{OptionName, SPECS};

/// A pattern, taken apart.
#[derive(Debug)]
pub struct Pattern(Vec<Part>);

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// The source's URL.
    Source {
        /// In base64url without padding, or else percent-encoded.
        in_base64: bool,
    },
    /// The value of an option.
    Option(Slot),
    /// What is left out where an option in it has no value; holds no other group.
    Group(Vec<Part>),
}

impl Part {
    /// Whether the value of this option stands here.
    pub fn is_place_of(&self, option: OptionName) -> bool {
        matches!(self, Part::Option(slot) if slot.option == option)
    }

    /// What is in its brackets, or itself.
    pub fn within(&self) -> &[Part] {
        match self {
            Part::Group(parts) => parts,
            part => std::slice::from_ref(part),
        }
    }
}

/// The place of an option.
#[derive(Debug, PartialEq, Eq)]
pub struct Slot {
    /// The option.
    pub option: OptionName,
    /// The text where it has no value.
    pub otherwise: Option<String>,
    /// A colour without its `#`.
    pub in_hex: bool,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It does not begin with a slash.
    #[error("a slash at its beginning")]
    Slash,
    /// A character that is neither one of a URL nor the pattern's own punctuation.
    #[error("characters of a URL's path and query, without {}", quote(.0.encode_utf8(&mut [0; 4])))]
    Character(char),
    /// A brace or bracket without its counterpart, or within its like.
    #[error("every brace and bracket closed, and none within its like")]
    Unbalanced,
    /// A placeholder that does not exist.
    #[error("`{{source}}`, `{{source:base64}}`, or the long name of an option, without {}", quote(.0))]
    Unknown(String),
    /// No source, or two, or one in brackets.
    #[error("`{{source}}` once, outside of brackets")]
    Source,
    /// A side of the picture has no place.
    #[error("a place for `{{width}}` and one for `{{height}}`")]
    Size,
    /// An option that may have no value stands where there has to be one.
    #[error("brackets around `{{{0}}}`, or a text for its absence: `{{{0}|…}}`")]
    Absent(&'static str),
    /// Brackets around nothing that could be absent.
    #[error("an option without `|` in each pair of brackets")]
    Group,
}

/// What may stand between placeholders: RFC 3986 `pchar`, `/`, `?`; and for an absent value, `unreserved`.
const PUNCTUATION: &str = "-._~/:@!$&'()*+,;=?%";
const UNRESERVED: &str = "-._~";

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        if !text.starts_with('/') {
            return Err(InvalidPattern::Slash);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            rest = if first == '[' {
                let (inner, after) = closed(rest, '[', ']')?;
                parts.push(Part::Group(group(inner)?));
                after
            } else {
                let (part, after) = simple(rest)?;
                parts.push(part);
                after
            };
        }
        let pattern = Pattern(parts);
        pattern.check()?;
        Ok(pattern)
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The places of options, in brackets or not.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().flat_map(Part::within).filter_map(|part| match part {
            Part::Option(slot) => Some(slot),
            _ => None,
        })
    }

    fn check(&self) -> Result<(), InvalidPattern> {
        if self.0.iter().filter(|part| matches!(part, Part::Source { .. })).count() != 1 {
            return Err(InvalidPattern::Source);
        }
        if ![OptionName::Width, OptionName::Height]
            .iter()
            .all(|side| self.slots().any(|slot| slot.option == *side))
        {
            return Err(InvalidPattern::Size);
        }
        let bare = self.0.iter().find_map(|part| match part {
            // The fit always has a value.
            Part::Option(Slot { option, otherwise: None, .. }) if *option != OptionName::Fit => Some(option),
            _ => None,
        });
        bare.map_or(Ok(()), |option| Err(InvalidPattern::Absent(option.name())))
    }
}

/// What stands in brackets.
fn group(mut text: &str) -> Result<Vec<Part>, InvalidPattern> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let (part, after) = simple(text)?;
        parts.push(part);
        text = after;
    }
    if parts.iter().any(|part| matches!(part, Part::Source { .. })) {
        return Err(InvalidPattern::Source);
    }
    let may_be_absent = |part: &Part| matches!(part, Part::Option(Slot { otherwise: None, .. }));
    if parts.iter().any(may_be_absent) { Ok(parts) } else { Err(InvalidPattern::Group) }
}

/// A placeholder or a piece of text, and what follows it.
fn simple(text: &str) -> Result<(Part, &str), InvalidPattern> {
    if text.starts_with('{') {
        let (inner, after) = closed(text, '{', '}')?;
        return Ok((placeholder(inner)?, after));
    }
    let end = text.find(['{', '}', '[', ']']).unwrap_or(text.len());
    let (piece, after) = text.split_at_checked(end).filter(|_| end > 0).ok_or(InvalidPattern::Unbalanced)?;
    plain(piece, PUNCTUATION)?;
    Ok((Part::Text(piece.to_owned()), after))
}

/// What is between the brace or bracket at the beginning and its counterpart, and what follows that.
fn closed(text: &str, open: char, close: char) -> Result<(&str, &str), InvalidPattern> {
    let (inner, after) =
        text.strip_prefix(open).and_then(|rest| rest.split_once(close)).ok_or(InvalidPattern::Unbalanced)?;
    if inner.contains(open) { Err(InvalidPattern::Unbalanced) } else { Ok((inner, after)) }
}

fn placeholder(text: &str) -> Result<Part, InvalidPattern> {
    let unknown = || InvalidPattern::Unknown(text.chars().take(32).collect());
    match text {
        "source" => return Ok(Part::Source { in_base64: false }),
        "source:base64" => return Ok(Part::Source { in_base64: true }),
        _ => {}
    }
    let (name, otherwise) = match text.split_once('|') {
        Some((name, otherwise)) => (name, Some(otherwise)),
        None => (text, None),
    };
    let (name, in_hex) = match name.strip_suffix(":hex") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let spec = SPECS.iter().find(|spec| spec.name == name).ok_or_else(unknown)?;
    // pinhole itself turns these into others; and only a colour has hexadecimal digits.
    let is_folded = matches!(spec.option, OptionName::Dpr | OptionName::SlowConnectionQuality);
    if is_folded || (in_hex && spec.option != OptionName::Background) {
        return Err(unknown());
    }
    plain(otherwise.unwrap_or_default(), UNRESERVED)?;
    Ok(Part::Option(Slot { option: spec.option, otherwise: otherwise.map(str::to_owned), in_hex }))
}

/// Checks that a text has letters, digits and this punctuation only.
fn plain(text: &str, punctuation: &str) -> Result<(), InvalidPattern> {
    let other = text.chars().find(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c));
    other.map_or(Ok(()), |other| Err(InvalidPattern::Character(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, want) in [
            ("", InvalidPattern::Slash),
            ("x{width|0}{height|0}{source}", InvalidPattern::Slash),
            ("/{width|0}x{height|0}", InvalidPattern::Source),
            ("/{width|0}x{height|0}/{source}/{source}", InvalidPattern::Source),
            ("/{width|0}x{height|0}[/{source}/{quality}]", InvalidPattern::Source),
            ("/{width|0}/{source}", InvalidPattern::Size),
            ("/{width|0}/{quality|80}/{source}", InvalidPattern::Size),
            ("/{height|0}/{quality|80}/{source}", InvalidPattern::Size),
            ("/{width}x{height|0}/{source}", InvalidPattern::Absent("width")),
            ("/{width|0}x{height|0}[/q]/{source}", InvalidPattern::Group),
            ("/{width|0}x{height|0}[/{quality|80}]/{source}", InvalidPattern::Group),
            ("/{width|0}x{height|0}[/q_{quality}/{source}", InvalidPattern::Unbalanced),
            ("/{width|0}x{height|0}]/{source}", InvalidPattern::Unbalanced),
            ("/{width|0}x{height|0}/{source", InvalidPattern::Unbalanced),
            ("/{width|0}x{height|0}[[{quality}]]/{source}", InvalidPattern::Unbalanced),
            ("/{{width|0}}x{height|0}/{source}", InvalidPattern::Unbalanced),
            ("/{w}x{height|0}/{source}", InvalidPattern::Unknown("w".into())),
            ("/{width|0}x{height|0}/{dpr|1}/{source}", InvalidPattern::Unknown("dpr|1".into())),
            ("/{width:hex|0}x{height|0}/{source}", InvalidPattern::Unknown("width:hex|0".into())),
            ("/{width|0}x{height|0}/{source:hex}", InvalidPattern::Unknown("source:hex".into())),
            ("/{width|0}x{height|0} /{source}", InvalidPattern::Character(' ')),
            ("/{width|0}x{height|0}#/{source}", InvalidPattern::Character('#')),
            ("/é/{width|0}x{height|0}/{source}", InvalidPattern::Character('é')),
            ("/{width|/..}x{height|0}/{source}", InvalidPattern::Character('/')),
        ] {
            assert_eq!(Pattern::parse(text).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn a_message_stays_on_its_line() {
        for (text, want) in [("/{a\nb}", "`a\u{fffd}b`"), ("/a\n", "`\u{fffd}`")] {
            let message = Pattern::parse(text).unwrap_err().to_string();
            assert!(message.ends_with(want), "{message:?}");
        }
    }

    #[test]
    fn the_fit_always_has_a_value() {
        assert!(Pattern::parse("/{fit}/{width|0}x{height|0}/{source}").is_ok());
    }
}
