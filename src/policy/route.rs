//! One kind of URL that is served: how it is recognised, and what its query may ask for.
//!
//! INVARIANT: a pattern is matched against the whole decoded path, at both ends; a parameter of the
//! query that the route does not list is a refusal, never ignored.

use regex::bytes::Regex;

use super::limit::{NumberLimit, parse_number};
use super::rejection::Rejection;
use crate::request::path::Path;
use crate::request::query::Query;
use crate::transform::{Fit, FormatChoice, OptionName, Options, Pixels, Quality};

/// How long caches may keep an answer where the route does not say, in seconds.
pub const MAX_AGE: u32 = 3600;

/// A route of the policy.
#[derive(Debug)]
pub struct Route {
    /// The hosts it serves, in lower case; all of them if `None`.
    pub(crate) hosts: Option<Vec<String>>,
    /// The path, anchored at both ends, with the groups `source` and perhaps `preset`.
    pub(crate) pattern: Regex,
    /// The name of the origin.
    pub(crate) origin: String,
    /// The options a request may name.
    pub(crate) query: QueryLimits,
    /// Options that hold where neither request nor preset says anything.
    pub(crate) default: Options,
    /// How long caches may keep an answer, in seconds.
    pub(crate) max_age: u32,
}

/// What a pattern found in a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'r> {
    /// The name of a preset, if the pattern has that group and it took part.
    pub preset: Option<&'r str>,
    /// The source.
    pub source: &'r str,
}

impl Route {
    /// What the route makes of a request, if it is one of its own.
    pub fn find<'r>(&self, host: &str, path: &'r Path) -> Option<Found<'r>> {
        if let Some(hosts) = &self.hosts
            && !hosts.iter().any(|other| other == host)
        {
            return None;
        }
        let groups = self.pattern.captures(path.as_str().as_bytes())?;
        // Bytes, because the pattern may end a group within a character: then the route is not taken.
        let group = |name| groups.name(name).map(|group| std::str::from_utf8(group.as_bytes()));
        let preset = group("preset").transpose().ok()?;
        let source = group("source")?.ok()?;
        Some(Found { preset, source })
    }
}

/// The options that a route's query may name, each with its limit. Empty means none.
#[derive(Debug, Default)]
pub struct QueryLimits {
    /// Limit of the width.
    pub(crate) width: Option<NumberLimit>,
    /// Limit of the height.
    pub(crate) height: Option<NumberLimit>,
    /// Limit of the quality.
    pub(crate) quality: Option<NumberLimit>,
    /// The fits that may be named.
    pub(crate) fit: Vec<Fit>,
    /// The formats that may be named.
    pub(crate) format: Vec<FormatChoice>,
}

impl QueryLimits {
    /// Whether a request can name a side of the picture.
    pub fn has_side(&self) -> bool {
        self.width.is_some() || self.height.is_some()
    }

    /// The options that a query asks for, within the limits. The error names the option, if the name
    /// is that of one.
    pub fn read(&self, query: &Query) -> Result<Options, (Rejection, Option<OptionName>)> {
        let mut options = Options::default();
        for (name, value) in query.iter() {
            let option = OptionName::named(name).ok_or((Rejection::UnknownOption, None))?;
            self.read_option(option, value, &mut options).map_err(|rejection| (rejection, Some(option)))?;
        }
        Ok(options)
    }

    fn read_option(&self, option: OptionName, value: &str, options: &mut Options) -> Result<(), Rejection> {
        match option {
            OptionName::Width => options.width = Pixels::new(within(self.width.as_ref(), value)?),
            OptionName::Height => options.height = Pixels::new(within(self.height.as_ref(), value)?),
            OptionName::Quality => options.quality = Quality::new(within(self.quality.as_ref(), value)?),
            OptionName::Fit => options.fit = Some(one_of(&self.fit, Fit::NAMES, value)?),
            OptionName::Format => options.format = Some(one_of(&self.format, FormatChoice::NAMES, value)?),
        }
        Ok(())
    }
}

/// A number of a request, within the limit of its option.
fn within(limit: Option<&NumberLimit>, value: &str) -> Result<u32, Rejection> {
    let limit = limit.ok_or(Rejection::UnknownOption)?;
    limit.apply(parse_number(value)?)
}

/// A word of a request, if it is one of those allowed.
fn one_of<T: Copy + PartialEq>(allowed: &[T], names: &[(&str, T)], value: &str) -> Result<T, Rejection> {
    if allowed.is_empty() {
        return Err(Rejection::UnknownOption);
    }
    let (_, word) = names.iter().find(|(name, _)| *name == value).ok_or(Rejection::MalformedOption)?;
    allowed.contains(word).then_some(*word).ok_or(Rejection::ValueNotAllowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::raw::Over;

    fn limits() -> QueryLimits {
        QueryLimits {
            width: Some(NumberLimit::UpTo { max: 1000, over: Over::Clamp }),
            format: vec![FormatChoice::Auto, FormatChoice::Webp],
            ..QueryLimits::default()
        }
    }

    fn read(raw: &str) -> Result<Options, (Rejection, Option<OptionName>)> {
        limits().read(&Query::parse(Some(raw)).unwrap())
    }

    #[test]
    fn listed_options_are_read_within_their_limits() {
        let options = read("width=5000&format=webp").unwrap();
        assert_eq!((options.width, options.format), (Pixels::new(1000), Some(FormatChoice::Webp)));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        use OptionName::{Format, Quality, Width};
        for (raw, want) in [
            ("w=1", (Rejection::UnknownOption, None)),
            ("Width=1", (Rejection::UnknownOption, None)),
            ("quality=80", (Rejection::UnknownOption, Some(Quality))),
            ("width=", (Rejection::MalformedOption, Some(Width))),
            ("width=3e2", (Rejection::MalformedOption, Some(Width))),
            ("format=jpeg", (Rejection::ValueNotAllowed, Some(Format))),
            ("format=bmp", (Rejection::MalformedOption, Some(Format))),
        ] {
            assert_eq!(read(raw), Err(want), "{raw}");
        }
    }

    #[test]
    fn a_group_that_splits_a_character_is_no_match() {
        let route = Route {
            hosts: None,
            pattern: regex::bytes::RegexBuilder::new(r"\A(?:/(?<source>.).*)\z")
                .unicode(false)
                .build()
                .unwrap(),
            origin: "photos".into(),
            query: QueryLimits::default(),
            default: Options::default(),
            max_age: MAX_AGE,
        };
        assert_eq!(route.find("a", &Path::parse("/%C3%A9").unwrap()), None);
        assert!(route.find("a", &Path::parse("/ab").unwrap()).is_some());
    }
}
