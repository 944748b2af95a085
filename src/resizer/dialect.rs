//! What a resizer can do, as data: the table that policies are checked against and that `pinhole options`
//! prints.
//!
//! Does not belong here: how any of it is spelled. INVARIANT: what a table does not list, its resizer is never
//! asked for.

use std::borrow::Cow;

use crate::options::OptionName;
use crate::options::value::{Number, Trim, Value};
use crate::transform::{Fit, Format};

/// Which values of an option a resizer has.
#[derive(Debug, Clone)]
pub enum Support {
    /// All of them.
    All,
    /// Numbers up to this one.
    UpTo(Number),
    /// These words; `point` stands for all points, `box` for all boxes.
    Words(Cow<'static, [&'static str]>),
}

impl Support {
    /// These words only.
    pub(super) const fn words(words: &'static [&'static str]) -> Support {
        Support::Words(listed(words))
    }
}

/// What a resizer can do.
#[derive(Debug)]
pub struct Dialect {
    /// Its name, as in the policy.
    pub name: &'static str,
    /// The fits it has.
    pub fits: Cow<'static, [Fit]>,
    /// The formats it writes.
    pub formats: Cow<'static, [Format]>,
    /// The other options it has, each with a note where it differs from what Cloudflare documents; and the
    /// fit, if there is a note on it.
    pub options: Cow<'static, [Row]>,
}

/// An option that a resizer has, which values of it, and a note.
pub type Row = (OptionName, Support, &'static str);

/// A part of a dialect that is known when this is compiled.
pub(super) const fn listed<T: Clone>(items: &'static [T]) -> Cow<'static, [T]> {
    Cow::Borrowed(items)
}

/// Options that pinhole itself turns into others before a resizer is asked.
pub const BY_PINHOLE: &[OptionName] =
    &[OptionName::Width, OptionName::Height, OptionName::Dpr, OptionName::SlowConnectionQuality];

impl Dialect {
    /// Whether there is any value of this option that the resizer has.
    pub fn has(&self, option: OptionName) -> bool {
        match option {
            OptionName::Fit => !self.fits.is_empty(),
            OptionName::Format => !self.formats.is_empty(),
            option => BY_PINHOLE.contains(&option) || self.support(option).is_some(),
        }
    }

    /// Which values of an option it has that is neither a fit nor a format.
    pub fn support(&self, option: OptionName) -> Option<&Support> {
        self.options.iter().find(|(other, _, _)| *other == option).map(|(_, support, _)| support)
    }

    /// Whether the resizer has this value of this option.
    pub fn has_value(&self, option: OptionName, value: &Value) -> bool {
        if BY_PINHOLE.contains(&option) {
            return true;
        }
        match (option, value) {
            (OptionName::Fit, Value::Word(word)) => self.fits.iter().any(|fit| fit.name() == *word),
            // The format where a visitor's `accept` names none of the others.
            (OptionName::Format, Value::Word("auto")) => self.formats.contains(&Format::Jpeg),
            (OptionName::Format, Value::Word(word)) => {
                self.formats.iter().any(|format| format.name() == *word)
            }
            (option, value) => self.support(option).is_some_and(|support| {
                // What means the same as nothing is never told to a resizer.
                support.covers(value) || option.spec().neutral.as_ref() == Some(value)
            }),
        }
    }

    /// The values of an option that the resizer has, for an error message.
    pub fn wanted(&self, option: OptionName) -> String {
        let listed =
            |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match (option, self.support(option)) {
            (OptionName::Fit, _) => {
                format!("one of {}", listed(&self.fits.iter().map(|fit| fit.name()).collect::<Vec<_>>()))
            }
            (OptionName::Format, _) if !self.formats.is_empty() => {
                let names: Vec<&str> = self.formats.iter().map(|format| format.name()).collect();
                format!("one of `auto`, {}", listed(&names))
            }
            (_, Some(Support::Words(words))) => format!("one of {}", listed(words)),
            (_, Some(Support::UpTo(most))) => format!("at most {most}"),
            (_, Some(Support::All)) => option.spec().kind.to_string(),
            (_, None) => format!("an option that {} has (see `pinhole options {}`)", self.name, self.name),
        }
    }
}

impl Support {
    fn covers(&self, value: &Value) -> bool {
        match (self, value) {
            (Support::All, _) => true,
            (Support::UpTo(most), Value::Number(number)) => number <= most,
            (Support::UpTo(_), _) => false,
            (Support::Words(words), value) => {
                let word = match value {
                    Value::Word(word) => word,
                    Value::Point(..) => "point",
                    Value::Trim(Trim::Border) => "border",
                    Value::Trim(Trim::Box(_)) => "box",
                    Value::Trim(Trim::Edges(_)) => "edges",
                    Value::Number(_) | Value::Colour(_) => return false,
                };
                words.contains(&word)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DIALECTS;
    use super::*;

    #[test]
    fn what_is_wanted_is_what_the_table_has() {
        let formats = |dialect: &Dialect| dialect.wanted(OptionName::Format);
        for dialect in DIALECTS {
            let named = formats(dialect).starts_with("one of `auto`, `");
            assert_eq!(named, !dialect.formats.is_empty(), "{}: {}", dialect.name, formats(dialect));
            let all = dialect.formats.iter().all(|format| formats(dialect).contains(format.name()));
            assert!(all, "{}: {}", dialect.name, formats(dialect));
        }
    }
}
