//! Values of options, and the one spelling of each ([`fmt::Display`]).
//!
//! INVARIANT: two texts that mean the same parse to equal values. Numbers are plain decimal: no sign,
//! no exponent, no blanks, no digits but `0` to `9`, no leading zeros. Does not belong here: which
//! values an option takes ([`super::kind`]).

use std::fmt;

/// A number that is not negative, exact to hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u32);

/// A whole number below a million.
pub const fn whole(number: u32) -> Number {
    Number(number.saturating_mul(100))
}

impl Number {
    /// 0.
    pub const ZERO: Number = Number(0);

    /// So many hundredths.
    pub const fn hundredths(count: u32) -> Number {
        Number(count)
    }

    /// The number in hundredths.
    pub const fn in_hundredths(self) -> u32 {
        self.0
    }

    /// The number without its fraction.
    pub fn floor(self) -> u32 {
        self.0 / 100
    }

    /// The number as a float, for resizers that compute with other units.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Plain decimal: up to seven digits before the point, one to three after it, the third one rounded
    /// away (browsers report pixel ratios such as 2.625).
    pub fn parse(text: &str) -> Option<Number> {
        let (before, after) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(before, 7) || !digits(after, 3) || (before.starts_with('0') && before.len() > 1) {
            return None;
        }
        let scale = match after.len() {
            1 => 100,
            2 => 10,
            _ => 1,
        };
        let thousandths = after.parse::<u32>().ok()?.saturating_mul(scale);
        let hundredths = thousandths.saturating_add(5) / 10;
        Some(Number(before.parse::<u32>().ok()?.saturating_mul(100).saturating_add(hundredths)))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:02}", self.0 % 100);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}", self.floor()),
            fraction => write!(f, "{}.{fraction}", self.floor()),
        }
    }
}

/// A colour, red, green and blue from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Its six hexadecimal digits.
    pub fn digits(self) -> String {
        let Colour([red, green, blue]) = self;
        format!("{red:02x}{green:02x}{blue:02x}")
    }
}

/// What is cut off before anything else is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trim {
    /// A border of one colour, found by the resizer.
    Border,
    /// So many pixels at the top, right, bottom and left.
    Edges([u32; 4]),
    /// All but the box at left and top, with width and height, in pixels.
    Box([u32; 4]),
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A number.
    Number(Number),
    /// One of the words of its kind.
    Word(&'static str),
    /// A colour.
    Colour(Colour),
    /// A point of the picture, as fractions of its width and height.
    Point(Number, Number),
    /// What is cut off.
    Trim(Trim),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Word(word) => f.write_str(word),
            Value::Colour(colour) => write!(f, "#{}", colour.digits()),
            Value::Point(x, y) => write!(f, "{x}x{y}"),
            Value::Trim(Trim::Border) => f.write_str("border"),
            Value::Trim(Trim::Edges([top, right, bottom, left])) => {
                write!(f, "{top};{right};{bottom};{left}")
            }
            Value::Trim(Trim::Box([left, top, width, height])) => {
                write!(f, "box:{left};{top};{width};{height}")
            }
        }
    }
}
