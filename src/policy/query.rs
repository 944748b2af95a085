//! What a request asks for: the options of its query and of its options segment, within the limits
//! of the route.
//!
//! INVARIANT: an option that the route does not list, one that is named twice (by whichever of its
//! names, in whichever place) and one with a value that is not of its kind is a refusal, never ignored.

use std::collections::BTreeMap;

use super::limit::Limit;
use super::rejection::Rejection;
use crate::options::value::{Number, Value, whole};
use crate::options::{OptionName, Options};
use crate::transform::device_pixels;

/// The options that a request may name, each with its limit. Empty means none.
#[derive(Debug, Default)]
pub struct QueryLimits(BTreeMap<OptionName, Limit>);

/// Why an option is refused: the reason, the option if the route lists it, and its name in the request.
pub type Refused = (Rejection, Option<OptionName>, String);

/// What a request asks for: its options, and by which of their names it called them.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    options: Options,
    names: BTreeMap<OptionName, String>,
}

impl Asked {
    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn refused(&self, rejection: Rejection, option: OptionName) -> Refused {
        let name = self.names.get(&option).cloned().unwrap_or_else(|| option.name().to_owned());
        (rejection, Some(option), name)
    }
}

impl QueryLimits {
    /// Takes the limits.
    pub fn new(limits: BTreeMap<OptionName, Limit>) -> QueryLimits {
        QueryLimits(limits)
    }

    /// The limit of an option.
    pub fn get(&self, option: OptionName) -> Option<&Limit> {
        self.0.get(&option)
    }

    /// All options with their limits.
    pub fn iter(&self) -> impl Iterator<Item = (OptionName, &Limit)> {
        self.0.iter().map(|(option, limit)| (*option, limit))
    }

    /// Reads options. The limits of width and height are not applied yet: they count device pixels,
    /// and whether the request or the preset says how many those are is known later.
    pub fn read<'n>(&self, named: impl Iterator<Item = (&'n str, &'n str)>) -> Result<Asked, Refused> {
        let mut asked = Asked::default();
        for (name, text) in named {
            let unknown = || (Rejection::UnknownOption, None, name.to_owned());
            let option = OptionName::named(name).ok_or_else(unknown)?;
            let limit = self.0.get(&option).ok_or_else(unknown)?;
            if asked.names.insert(option, name.to_owned()).is_some() {
                return Err(asked.refused(Rejection::RepeatedOption, option));
            }
            let value = option.spec().kind.parse_asked(text);
            let value = value.ok_or_else(|| asked.refused(Rejection::MalformedOption, option))?;
            let value = match option {
                OptionName::Width | OptionName::Height if value != Value::Word("auto") => value,
                _ => limit.apply(&value).map_err(|rejection| asked.refused(rejection, option))?,
            };
            asked.options.set(option, value);
        }
        Ok(asked)
    }

    /// Turns the sides in `options` into device pixels, and applies the limits of width and height to
    /// those that the request has a hand in: by naming the side, or the pixel ratio. A width that client
    /// hints chose (`hinted`) counts device pixels already, and is one that the policy lists.
    pub fn limit_sides(&self, asked: &Asked, hinted: bool, options: &mut Options) -> Result<(), Refused> {
        let one = Number::hundredths(100);
        let dpr = options.number(OptionName::Dpr).unwrap_or(one);
        options.take(OptionName::Dpr);
        for option in [OptionName::Width, OptionName::Height] {
            let Some(side) = options.number(option).filter(|_| !(hinted && option == OptionName::Width))
            else {
                continue;
            };
            let side = Value::Number(whole(device_pixels(side, Some(dpr))));
            let scaled = dpr != one && asked.options.get(OptionName::Dpr).is_some();
            let side = match self.0.get(&option) {
                Some(limit) if scaled || asked.options.get(option).is_some() => {
                    let named = if asked.options.get(option).is_some() { option } else { OptionName::Dpr };
                    limit.apply(&side).map_err(|rejection| asked.refused(rejection, named))?
                }
                _ => side,
            };
            options.set(option, side);
        }
        Ok(())
    }

    /// The widths that `width=auto` chooses from; empty where the policy lists none.
    pub fn breakpoints(&self) -> Vec<u32> {
        match self.0.get(&OptionName::Width) {
            Some(Limit::OneOf { ladder, words, .. }) if words.contains(&Value::Word("auto")) => {
                ladder.rungs().iter().map(|rung| rung.floor()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Takes an options segment apart: `name=value` joined by commas, those between parentheses excepted.
pub fn split_segment(segment: &str) -> Result<Vec<(&str, &str)>, Rejection> {
    let mut depth = 0_u32;
    let pieces = segment.split(|character| {
        match character {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    let named = pieces.map(|piece| piece.split_once('=').filter(|(name, _)| !name.is_empty()));
    named.collect::<Option<_>>().ok_or(Rejection::MalformedQuery)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::{Otherwise, Over};
    use crate::policy::limit::Ladder;

    fn limits() -> QueryLimits {
        let over = Over::Clamp;
        let range = |most| Limit::Range { least: whole(1), under: over, most: whole(most), over };
        QueryLimits::new(BTreeMap::from([
            (OptionName::Width, range(1000)),
            (OptionName::Dpr, range(2)),
            (
                OptionName::Fit,
                Limit::OneOf { ladder: Ladder::default(), words: vec![], otherwise: Otherwise::Reject },
            ),
        ]))
    }

    fn read(text: &str) -> Result<String, Refused> {
        let asked = limits().read(split_segment(text).unwrap().into_iter())?;
        let mut options = asked.options().clone();
        limits().limit_sides(&asked, false, &mut options)?;
        Ok(options.to_string())
    }

    #[test]
    fn limits_of_sides_count_device_pixels() {
        assert_eq!(read("w=400,dpr=2"), Ok("width=800".into()));
        assert_eq!(read("w=800,dpr=2"), Ok("width=1000".into()));
        assert_eq!(read("dpr=3,w=100"), Ok("width=200".into()));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (text, rejection, name) in [
            ("Width=1", Rejection::UnknownOption, "Width"),
            ("quality=80", Rejection::UnknownOption, "quality"),
            ("width=", Rejection::MalformedOption, "width"),
            ("w=1,width=1", Rejection::RepeatedOption, "width"),
            ("fit=covr", Rejection::MalformedOption, "fit"),
            ("width=auto", Rejection::ValueNotAllowed, "width"),
        ] {
            let refused = read(text).unwrap_err();
            assert_eq!((refused.0, refused.2.as_str()), (rejection, name), "{text}");
        }
    }

    #[test]
    fn a_segment_is_split_at_its_commas() {
        let named = split_segment("width=300,background=rgb(240,40,145),trim=1;2;3;4").unwrap();
        assert_eq!(named, [("width", "300"), ("background", "rgb(240,40,145)"), ("trim", "1;2;3;4")]);
        for text in ["", "width", "width=1,", ",width=1", "=1"] {
            assert_eq!(split_segment(text), Err(Rejection::MalformedQuery), "{text}");
        }
    }
}
