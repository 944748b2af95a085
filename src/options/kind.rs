//! Kinds of values, and their one parser, for requests and for the policy document alike.
//!
//! INVARIANT: [`Kind::parse`] gives only values in the kind's range. Does not belong here: what a
//! route allows beyond the kind (`policy::limit`), and what a resizer has of it (`resizer`).

use std::fmt;

use super::value::{Colour, Number, Trim, Value, whole};

/// Which values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1 to [`MOST_PIXELS`].
    Side,
    /// A side, or `auto`.
    Width,
    /// A whole number between two bounds.
    Whole {
        /// The least.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// A number between two bounds.
    Decimal {
        /// The least.
        least: Number,
        /// The largest.
        most: Number,
    },
    /// 1 to 100, or a name for one of these.
    Quality,
    /// One of these words; `a=b` reads `a` as `b`.
    Words(&'static [&'static str]),
    /// A colour.
    Colour,
    /// A side of the picture, `auto`, `face`, `center`, or a point.
    Gravity,
    /// What is cut off.
    Trim,
}

/// The largest width and height in pixels (Cloudflare's largest dimension).
pub const MOST_PIXELS: u32 = 12_000;

/// The best quality.
const MOST_QUALITY: u32 = 100;

/// Names for qualities. Cloudflare does not document their numbers; these are ours.
pub const QUALITIES: &[(&str, u32)] = &[("high", 90), ("medium-high", 80), ("medium-low", 65), ("low", 50)];

/// The words of a gravity.
pub const GRAVITIES: &[&str] = &["center", "left", "right", "top", "bottom", "auto", "face"];

/// The colours that can be named: the sixteen of CSS 1 and `transparent`'s usual stand-ins.
pub const COLOURS: &[(&str, [u8; 3])] = &[
    ("aqua", [0, 255, 255]),
    ("black", [0, 0, 0]),
    ("blue", [0, 0, 255]),
    ("fuchsia", [255, 0, 255]),
    ("gray", [128, 128, 128]),
    ("green", [0, 128, 0]),
    ("grey", [128, 128, 128]),
    ("lime", [0, 255, 0]),
    ("maroon", [128, 0, 0]),
    ("navy", [0, 0, 128]),
    ("olive", [128, 128, 0]),
    ("orange", [255, 165, 0]),
    ("purple", [128, 0, 128]),
    ("red", [255, 0, 0]),
    ("silver", [192, 192, 192]),
    ("teal", [0, 128, 128]),
    ("white", [255, 255, 255]),
    ("yellow", [255, 255, 0]),
];

impl Kind {
    /// The bounds of the numbers of this kind, if it has numbers.
    pub fn bounds(self) -> Option<(Number, Number)> {
        match self {
            Kind::Side | Kind::Width => Some((whole(1), whole(MOST_PIXELS))),
            Kind::Whole { least, most } => Some((whole(least), whole(most))),
            Kind::Decimal { least, most } => Some((least, most)),
            Kind::Quality => Some((whole(1), whole(MOST_QUALITY))),
            Kind::Words(_) | Kind::Colour | Kind::Gravity | Kind::Trim => None,
        }
    }

    /// Whether only whole numbers are of this kind.
    pub fn is_whole(self) -> bool {
        !matches!(self, Kind::Decimal { .. })
    }

    /// The words of this kind, each once.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Kind::Words(words) => words.iter().copied().filter(|word| !word.contains('=')).collect(),
            Kind::Gravity => GRAVITIES.to_vec(),
            Kind::Trim => vec!["border"],
            Kind::Width => vec!["auto"],
            _ => Vec::new(),
        }
    }

    /// Reads a value that a request asks for. A number may be larger than any of this kind: the limit
    /// of the option refuses it then, or cuts it down.
    pub fn parse_asked(self, text: &str) -> Option<Value> {
        match (self.bounds(), Number::parse(text)) {
            (Some((_, most)), Some(number)) if number > most && !(self.is_whole() && text.contains('.')) => {
                Some(Value::Number(number))
            }
            _ => self.parse(text),
        }
    }

    /// Reads a value.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Kind::Width if text == "auto" => Some(Value::Word("auto")),
            Kind::Quality => match QUALITIES.iter().find(|(name, _)| *name == text) {
                Some((_, quality)) => Some(Value::Number(whole(*quality))),
                None => self.parse_number(text),
            },
            Kind::Side | Kind::Width | Kind::Whole { .. } | Kind::Decimal { .. } => self.parse_number(text),
            Kind::Words(words) => words.iter().find_map(|word| match word.split_once('=') {
                Some((alias, word)) => (alias == text).then_some(Value::Word(word)),
                None => (*word == text).then_some(Value::Word(word)),
            }),
            Kind::Colour => parse_colour(text).map(Value::Colour),
            Kind::Gravity => match GRAVITIES.iter().find(|word| **word == text) {
                Some(word) => Some(Value::Word(word)),
                None => parse_point(text),
            },
            Kind::Trim => parse_trim(text).map(Value::Trim),
        }
    }

    fn parse_number(self, text: &str) -> Option<Value> {
        let number = Number::parse(text).filter(|_| !(self.is_whole() && text.contains('.')))?;
        let (least, most) = self.bounds()?;
        (least..=most).contains(&number).then_some(Value::Number(number))
    }
}

/// What a request or the policy has to write for a value of this kind.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted =
            |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match self {
            Kind::Side => write!(f, "a whole number of pixels from 1 to {MOST_PIXELS}"),
            Kind::Width => write!(f, "a whole number of pixels from 1 to {MOST_PIXELS}, or `auto`"),
            Kind::Whole { least, most } => write!(f, "a whole number from {least} to {most}"),
            Kind::Decimal { least, most } => write!(f, "a number from {least} to {most}"),
            Kind::Quality => {
                let names: Vec<&str> = QUALITIES.iter().map(|(name, _)| *name).collect();
                write!(f, "a whole number from 1 to {MOST_QUALITY}, or one of {}", quoted(&names))
            }
            Kind::Words(_) => write!(f, "one of {}", quoted(&self.words())),
            Kind::Colour => f.write_str("a colour such as `#ff8800`, `rgb(255,136,0)` or `white`"),
            Kind::Gravity => write!(f, "one of {}, or a point such as `0.5x0.33`", quoted(GRAVITIES)),
            Kind::Trim => f.write_str(
                "`border`, pixels as `top;right;bottom;left`, or a box as `box:left;top;width;height`",
            ),
        }
    }
}

fn parse_colour(text: &str) -> Option<Colour> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == lower) {
        return Some(Colour(*colour));
    }
    if let Some(digits) = lower.strip_prefix('#') {
        let bytes = crate::seal::decode_hex(digits.as_bytes())?;
        return <[u8; 3]>::try_from(bytes).ok().map(Colour);
    }
    let parts = lower.strip_prefix("rgb(")?.strip_suffix(')')?;
    let mut colour = [0; 3];
    let mut numbers = parts.split(',');
    for slot in &mut colour {
        *slot = u8::try_from(small_number(numbers.next()?, 255)?).ok()?;
    }
    numbers.next().is_none().then_some(Colour(colour))
}

fn parse_point(text: &str) -> Option<Value> {
    let (x, y) = text.split_once('x')?;
    let fraction = |text: &str| Number::parse(text).filter(|number| *number <= whole(1));
    Some(Value::Point(fraction(x)?, fraction(y)?))
}

fn parse_trim(text: &str) -> Option<Trim> {
    if text == "border" {
        return Some(Trim::Border);
    }
    let (is_box, numbers) = match text.strip_prefix("box:") {
        Some(numbers) => (true, numbers),
        None => (false, text),
    };
    let mut sides = [0; 4];
    let mut numbers = numbers.split(';');
    for slot in &mut sides {
        *slot = small_number(numbers.next()?, MOST_PIXELS)?;
    }
    numbers.next().is_none().then_some(())?;
    let [.., width, height] = sides;
    match is_box {
        true => (width > 0 && height > 0).then_some(Trim::Box(sides)),
        false => Some(Trim::Edges(sides)),
    }
}

/// A whole number from 0 to `most`.
fn small_number(text: &str, most: u32) -> Option<u32> {
    let number = Number::parse(text).filter(|_| !text.contains('.'))?;
    Some(number.floor()).filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use crate::options::{OptionName, SPECS};

    #[track_caller]
    fn check(option: OptionName, text: &str, want: Option<&str>) {
        let value = option.spec().kind.parse(text).map(|value| value.to_string());
        assert_eq!(value.as_deref(), want, "{}={text}", option.name());
        if let Some(canonical) = value {
            let again = option.spec().kind.parse(&canonical).map(|value| value.to_string());
            assert_eq!(again, Some(canonical), "the canonical form is stable");
        }
    }

    #[test]
    fn sides_are_plain_decimal() {
        for (text, want) in [("1", Some("1")), ("12000", Some("12000")), ("auto", Some("auto"))] {
            check(OptionName::Width, text, want);
        }
        for text in [
            "",
            "0",
            "00",
            "01",
            "+1",
            "-1",
            "1.0",
            "1e3",
            "0x10",
            "NaN",
            "Infinity",
            "１００",
            "١٠٠",
            " 100",
            "100 ",
            "100px",
            "100000",
            "12001",
            "4294967297",
            "18446744073709551617",
            "1_000",
            "100,200",
            "100\0",
            "٣",
            "²",
        ] {
            check(OptionName::Width, text, None);
            check(OptionName::Height, text, None);
        }
        check(OptionName::Height, "auto", None);
    }

    #[test]
    fn decimals_are_exact_to_hundredths() {
        for (text, want) in [
            ("0", Some("0")),
            ("1", Some("1")),
            ("1.0", Some("1")),
            ("0.5", Some("0.5")),
            ("0.50", Some("0.5")),
            ("2.625", Some("2.63")),
            ("10", Some("10")),
            ("10.01", None),
            ("1.", None),
            (".5", None),
            ("1.2345", None),
            ("00.5", None),
            ("-0.5", None),
            ("1e1", None),
            ("1,5", None),
        ] {
            check(OptionName::Brightness, text, want);
        }
        check(OptionName::Dpr, "0", None);
        check(OptionName::Dpr, "2.01", None);
    }

    #[test]
    fn words_and_their_other_spellings() {
        check(OptionName::Format, "jpg", Some("jpeg"));
        check(OptionName::Format, "baseline-jpeg", Some("baseline-jpeg"));
        check(OptionName::Format, "gif", None);
        check(OptionName::Format, "jpg=jpeg", None);
        check(OptionName::Rotate, "360", Some("0"));
        check(OptionName::Rotate, "45", None);
        check(OptionName::Flip, "vh", Some("hv"));
        check(OptionName::Quality, "medium-low", Some("65"));
        check(OptionName::Quality, "101", None);
    }

    #[test]
    fn colours_points_and_trims() {
        for (option, text, want) in [
            (OptionName::Background, "#FF8800", Some("#ff8800")),
            (OptionName::Background, "White", Some("#ffffff")),
            (OptionName::Background, "rgb(240,40,145)", Some("#f02891")),
            (OptionName::Background, "rgb(256,0,0)", None),
            (OptionName::Background, "rgb(1,2,3,4)", None),
            (OptionName::Background, "#fff", None),
            (OptionName::Gravity, "face", Some("face")),
            (OptionName::Gravity, "0.50x1", Some("0.5x1")),
            (OptionName::Gravity, "1.1x0", None),
            (OptionName::Gravity, "0.5", None),
            (OptionName::Trim, "border", Some("border")),
            (OptionName::Trim, "20;30;20;0", Some("20;30;20;0")),
            (OptionName::Trim, "box:1;2;3;4", Some("box:1;2;3;4")),
            (OptionName::Trim, "box:1;2;0;4", None),
            (OptionName::Trim, "box:1;2;3;0", None),
            (OptionName::Trim, "1;2;3", None),
            (OptionName::Trim, "1;2;3;4;5", None),
            (OptionName::Trim, "1;2;3;-4", None),
        ] {
            check(option, text, want);
        }
    }

    #[test]
    fn every_word_that_is_listed_is_one() {
        for spec in &SPECS {
            for word in spec.kind.words() {
                assert!(spec.kind.parse(word).is_some(), "{}={word}", spec.name);
            }
        }
        assert_eq!(OptionName::Width.spec().kind.words(), ["auto"]);
        assert_eq!(OptionName::Trim.spec().kind.words(), ["border"]);
        assert!(OptionName::Height.spec().kind.words().is_empty());
    }
}
