//! URLs of a resizer that pinhole has no file for, by a pattern of the operator's own.
//!
//! `/resize[/w_{width}][/h_{height}]/{fit}/q_{quality|80}/{source}`: what stands in braces is replaced by
//! the value of that option, percent-encoded; what stands in square brackets is left out where an option in
//! it has no value; `|` gives the text for none. INVARIANT: a placeholder's text has none of the pattern's
//! punctuation in it, so that no value can be read as anything but a value; the source is there exactly
//! once; an option that the pattern does not name is one that the resizer does not have, and none that
//! is asked for is lost with brackets that are left out.

mod pattern;

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Dialect, Row, SourceUrl, Support, escape_into};
use crate::options::value::Value;
use crate::options::{OptionName, Options};
use crate::transform::{Fit, Format, Transform};
pub use pattern::InvalidPattern;
use pattern::{Part, Pattern, Slot};

/// What a template can do at most; one in a policy has what its pattern names.
pub static DIALECT: Dialect = Dialect {
    name: "template",
    fits: super::listed(&[
        Fit::ScaleDown,
        Fit::Contain,
        Fit::Cover,
        Fit::Crop,
        Fit::AspectCrop,
        Fit::Pad,
        Fit::Squeeze,
        Fit::ScaleUp,
    ]),
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::BaselineJpeg, Format::Png]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    (OptionName::Gravity, Support::All, "each option as far as `path` names it"),
    (OptionName::Zoom, Support::All, ""),
    (OptionName::Trim, Support::All, ""),
    (OptionName::Rotate, Support::All, ""),
    (OptionName::Flip, Support::All, ""),
    (OptionName::Background, Support::All, ""),
    (OptionName::Blur, Support::All, ""),
    (OptionName::Sharpen, Support::All, ""),
    (OptionName::Brightness, Support::All, ""),
    (OptionName::Contrast, Support::All, ""),
    (OptionName::Gamma, Support::All, ""),
    (OptionName::Saturation, Support::All, ""),
    (OptionName::Anim, Support::All, ""),
    (OptionName::Metadata, Support::All, ""),
    (OptionName::Quality, Support::All, ""),
];

/// The resizer's own words for the words of options.
pub type Words = BTreeMap<OptionName, BTreeMap<&'static str, String>>;

/// A pattern with what it can do.
#[derive(Debug)]
pub struct Template {
    pattern: Pattern,
    words: Words,
    dialect: Dialect,
}

impl Template {
    /// Reads a pattern. Where `words` has an option, only those words of it are there, each under the name
    /// that the resizer has for it.
    pub fn new(pattern: &str, words: Words) -> Result<Template, InvalidPattern> {
        let pattern = Pattern::parse(pattern)?;
        let dialect = dialect_of(&pattern, &words);
        Ok(Template { pattern, words, dialect })
    }

    /// Whether the pattern has a place for an option.
    pub fn names(&self, option: OptionName) -> bool {
        self.pattern.slots().any(|slot| slot.option == option)
    }

    /// What it can do.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The path. `None` for what the pattern has no place for.
    pub fn path(&self, transform: &Transform, source: &SourceUrl) -> Option<String> {
        let asked = transform.to_options();
        let mut options = asked.clone();
        options.set(OptionName::Fit, Value::Word(transform.frame.fit().name()));
        let parts: Vec<&Part> = self.pattern.parts().iter().flat_map(|part| kept(part, &options)).collect();
        let has_place = |(option, _)| parts.iter().any(|part| part.is_place_of(option));
        if !asked.iter().all(has_place) {
            return None;
        }
        let mut path = String::new();
        parts.iter().try_for_each(|part| self.write(part, &options, source, &mut path))?;
        Some(path)
    }

    fn write(&self, part: &Part, options: &Options, source: &SourceUrl, path: &mut String) -> Option<()> {
        match part {
            Part::Text(text) => path.push_str(text),
            Part::Source { in_base64: true } => URL_SAFE_NO_PAD.encode_string(source.as_str(), path),
            Part::Source { in_base64: false } => source.escape_into(path),
            Part::Option(slot) => match (options.get(slot.option), &slot.otherwise) {
                (Some(value), _) => escape_into(&self.text_of(slot, value)?, path),
                (None, Some(otherwise)) => path.push_str(otherwise),
                (None, None) => return None,
            },
            Part::Group(_) => return None, // groups hold no groups
        }
        Some(())
    }

    fn text_of(&self, slot: &Slot, value: &Value) -> Option<String> {
        match (value, self.words.get(&slot.option)) {
            (Value::Word(word), Some(words)) => words.get(word).cloned(),
            (_, Some(_)) => None,
            (Value::Colour(colour), None) if slot.in_hex => Some(colour.digits()),
            (value, None) => Some(value.to_string()),
        }
    }
}

/// What is written of a part: all of it, or nothing of brackets where an option in them has no value.
fn kept<'p>(part: &'p Part, options: &Options) -> &'p [Part] {
    match part {
        Part::Group(parts) if !parts.iter().all(|part| has_text(part, options)) => &[],
        part => part.within(),
    }
}

fn has_text(part: &Part, options: &Options) -> bool {
    match part {
        Part::Option(slot) => slot.otherwise.is_some() || options.get(slot.option).is_some(),
        Part::Text(_) | Part::Source { .. } | Part::Group(_) => true,
    }
}

/// What a resizer has that is asked by this pattern.
fn dialect_of(pattern: &Pattern, words: &Words) -> Dialect {
    let is_named = |option| pattern.slots().any(|slot| slot.option == option);
    let has_word = |option, word: &str| words.get(&option).is_none_or(|words| words.contains_key(word));
    let fits = Fit::NAMES.iter().filter(|(name, fit)| match is_named(OptionName::Fit) {
        true => has_word(OptionName::Fit, name),
        // A resizer that is not told never enlarges: the one fit that pinhole has by default.
        false => *fit == Fit::ScaleDown,
    });
    let formats = Format::NAMES
        .iter()
        .filter(|(name, _)| is_named(OptionName::Format) && has_word(OptionName::Format, name));
    let options = DIALECT.options.iter().filter(|(option, _, _)| is_named(*option));
    let support = |option| match words.get(option) {
        Some(words) => Support::Words(words.keys().copied().collect()),
        None => Support::All,
    };
    Dialect {
        name: DIALECT.name,
        fits: fits.map(|(_, fit)| *fit).collect(),
        formats: formats.map(|(_, format)| *format).collect(),
        options: options.map(|(option, _, _)| (*option, support(option), "")).collect::<Cow<'_, _>>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resizer::tests::transform;

    fn words(option: OptionName, pairs: &[(&'static str, &str)]) -> Words {
        Words::from([(option, pairs.iter().map(|(word, text)| (*word, (*text).to_owned())).collect())])
    }

    #[track_caller]
    fn check(pattern: &str, words: Words, options: &str, want: Option<&str>) {
        let template = Template::new(pattern, words).unwrap();
        let source = SourceUrl::new("http://gate", "token");
        assert_eq!(template.path(&transform(options), &source).as_deref(), want, "{pattern} {options}");
    }

    #[test]
    fn placeholders_become_values_and_brackets_go_where_there_is_none() {
        let pattern = "/r[/w_{width}][/h_{height}]/{fit}/q_{quality|80}[,bg:{background:hex}]/{source}";
        for (options, want) in [
            ("width=300", "/r/w_300/scale-down/q_80/http%3A%2F%2Fgate%2Ftoken"),
            (
                "width=300,height=200,fit=cover,quality=5",
                "/r/w_300/h_200/cover/q_5/http%3A%2F%2Fgate%2Ftoken",
            ),
            ("height=7,background=red", "/r/h_7/scale-down/q_80,bg:ff0000/http%3A%2F%2Fgate%2Ftoken"),
        ] {
            check(pattern, Words::new(), options, Some(want));
        }
        let pattern = "/{width|0}x{height|0}[/{background}]?src={source:base64}";
        check(
            pattern,
            Words::new(),
            "width=1,background=red",
            Some("/1x0/%23ff0000?src=aHR0cDovL2dhdGUvdG9rZW4"),
        );
    }

    #[test]
    fn an_option_is_not_lost_with_the_brackets_that_it_stands_in() {
        let pattern = "/r[/{width}x{height}][/w_{width}][/{fit}_{gravity}]/{source:base64}";
        for (options, want) in [
            ("width=3", Some("/r/w_3/aHR0cDovL2dhdGUvdG9rZW4")),
            ("height=2", None),
            ("width=3,height=2", Some("/r/3x2/w_3/aHR0cDovL2dhdGUvdG9rZW4")),
            ("width=3,height=2,fit=cover", None),
            (
                "width=3,height=2,fit=cover,gravity=left",
                Some("/r/3x2/w_3/cover_left/aHR0cDovL2dhdGUvdG9rZW4"),
            ),
        ] {
            check(pattern, Words::new(), options, want);
        }
    }

    #[test]
    fn words_are_the_resizers_own() {
        let own = words(OptionName::Fit, &[("scale-down", "in/side"), ("cover", "fill")]);
        let pattern = "/{fit}/{width|0}/{height|0}/{source:base64}";
        let want = "/in%2Fside/3/0/aHR0cDovL2dhdGUvdG9rZW4";
        check(pattern, own.clone(), "width=3", Some(want));
        check(pattern, own.clone(), "width=3,height=2,fit=pad", None);
        let template = Template::new(pattern, own).unwrap();
        assert_eq!(template.dialect().fits.as_ref(), [Fit::ScaleDown, Fit::Cover]);
        assert!(!template.dialect().has(OptionName::Format) && !template.dialect().has(OptionName::Gravity));
    }

    #[test]
    fn without_a_place_for_the_fit_there_is_only_the_one_that_never_enlarges() {
        let template = Template::new("/{width|0}/{height|0}/{source}", Words::new()).unwrap();
        assert_eq!(template.dialect().fits.as_ref(), [Fit::ScaleDown]);
    }
}
