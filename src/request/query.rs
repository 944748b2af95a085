//! The query of a request: named options, each at most once.
//!
//! Belongs here: taking the text apart. Does not belong here: which options exist and what their
//! values mean (`policy`). Names and values are decoded once, by the decoder in [`super::path`].

use super::path::{Part, decode};
use crate::policy::rejection::Rejection;

/// The decoded parameters of a query, no name twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// More parameters than options exist are not read.
const MOST_PARAMETERS: usize = 64;

impl Query {
    /// Takes a query apart: `name=value` joined by `&`. An empty query has no parameters; an empty
    /// parameter, a name without `=` and an empty name are malformed.
    pub fn parse(raw: Option<&str>) -> Result<Query, Rejection> {
        let Some(raw) = raw.filter(|raw| !raw.is_empty()) else { return Ok(Query::default()) };
        let mut parameters: Vec<(String, String)> = Vec::new();
        for parameter in raw.split('&') {
            let (name, value) = parameter.split_once('=').ok_or(Rejection::MalformedQuery)?;
            let name =
                decode(name, Part::Query).filter(|name| !name.is_empty()).ok_or(Rejection::MalformedQuery)?;
            let value = decode(value, Part::Query).ok_or(Rejection::MalformedQuery)?;
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(Rejection::RepeatedOption);
            }
            if parameters.len() >= MOST_PARAMETERS {
                return Err(Rejection::MalformedQuery);
            }
            parameters.push((name, value));
        }
        Ok(Query(parameters))
    }

    /// Takes out the value of the parameter `name`; the others stay in their order.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(index).1)
    }

    /// The name of the first parameter that a query has twice.
    pub fn repeated(raw: &str) -> Option<String> {
        let mut seen = std::collections::BTreeSet::new();
        let names = raw.split('&').filter_map(|parameter| decode(parameter.split_once('=')?.0, Part::Query));
        names.take(MOST_PARAMETERS).into_iter().find(|name| !seen.insert(name.clone()))
    }

    /// The parameters, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_apart() {
        let query = Query::parse(Some("width=300&format=webp")).unwrap();
        assert_eq!(query.iter().collect::<Vec<_>>(), [("width", "300"), ("format", "webp")]);
        assert_eq!(Query::parse(None), Ok(Query::default()));
        assert_eq!(Query::parse(Some("")), Ok(Query::default()));
    }

    #[test]
    fn a_parameter_is_taken_out_once_and_the_others_stay() {
        let mut query = Query::parse(Some("a=1&b=2&c=")).unwrap();
        assert_eq!(query.take("b").as_deref(), Some("2"));
        assert_eq!(query.take("b"), None);
        assert_eq!(query.take("A"), None);
        assert_eq!(query, Query::parse(Some("a=1&c=")).unwrap());
    }

    #[test]
    fn a_name_occurs_once_in_any_spelling() {
        for (raw, name) in [
            ("width=1&width=2", "width"),
            ("width=1&%77idth=2", "width"),
            ("a=&a=", "a"),
            ("b=1&a=1&a=2&b=2", "a"),
        ] {
            assert_eq!(Query::parse(Some(raw)), Err(Rejection::RepeatedOption), "{raw}");
            assert_eq!(Query::repeated(raw).as_deref(), Some(name), "{raw}");
        }
        assert_eq!(Query::repeated("a=1&b=1"), None);
    }

    #[test]
    fn anything_unclear_is_malformed() {
        for raw in [
            "width", "=1", "a=1&", "&a=1", "a=1&&b=2", "a=%", "a=%zz", "a=%00", "a=b c", "a=b+c", "a=é",
            "a=#",
        ] {
            assert_eq!(Query::parse(Some(raw)), Err(Rejection::MalformedQuery), "{raw}");
        }
    }
}
