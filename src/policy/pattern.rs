//! The paths of a route: a regular expression with groups, ready to be asked.
//!
//! Belongs here: what a pattern finds in one path, and what every path that it matches begins with. Does not
//! belong here: which of several routes is taken (see [`super::routes`]). INVARIANT: a pattern is matched
//! against the whole decoded path, at both ends, in time linear in its length.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use crate::request::path::Path;

/// The groups that a pattern can have.
pub const GROUPS: [&str; 3] = ["source", "preset", "options"];

/// A compiled pattern may not need more memory than this, in bytes.
const MOST_MEMORY: usize = 1 << 20;

/// The pattern of a route.
#[derive(Debug)]
pub struct Pattern {
    /// As in the policy document.
    text: String,
    /// Anchored at both ends.
    regex: Regex,
    /// What every path begins with that matches.
    prefix: Vec<u8>,
    source: Option<usize>,
    preset: Option<usize>,
    options: Option<usize>,
}

/// What a pattern found in a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'r> {
    /// The name of a preset, if the pattern has that group and it took part.
    pub preset: Option<&'r str>,
    /// Options, in Cloudflare's notation.
    pub options: Option<&'r str>,
    /// The source.
    pub source: &'r str,
}

impl Pattern {
    /// Compiles an expression. The error is `regex`'s, of several lines.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        // Alone first: `a)|(?:b` is no expression, but would become one between the anchors.
        let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
        let alone = parser.parse(text).map_err(|error| error.to_string())?;
        let regex = RegexBuilder::new(&format!(r"\A(?:{text})\z"))
            .unicode(false)
            .size_limit(MOST_MEMORY)
            .dfa_size_limit(MOST_MEMORY)
            .build()
            .map_err(|error| error.to_string())?;
        let mut prefix = Vec::new();
        leading(&alone, &mut prefix);
        let group = |name| regex.capture_names().position(|other| other == Some(name));
        let (source, preset, options) = (group("source"), group("preset"), group("options"));
        Ok(Pattern { text: text.to_owned(), regex, prefix, source, preset, options })
    }

    /// The expression, as in the policy document.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What every path that it matches begins with.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The names of its groups.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.regex.capture_names().flatten()
    }

    /// Whether it has a group that names a preset.
    pub fn names_preset(&self) -> bool {
        self.preset.is_some()
    }

    /// What it finds in a path, if it matches all of it.
    pub fn find<'r>(&self, path: &'r Path) -> Option<Found<'r>> {
        let groups = self.regex.captures(path.as_str().as_bytes())?;
        // Bytes, because the pattern may end a group within a character: then the route is not taken.
        let group = |index: Option<usize>| {
            let group = index.and_then(|index| groups.get(index));
            group.map(|group| std::str::from_utf8(group.as_bytes())).transpose()
        };
        let (preset, options) = (group(self.preset).ok()?, group(self.options).ok()?);
        let source = group(self.source).ok()??;
        Some(Found { preset, options, source })
    }
}

/// Appends what every match begins with; says whether that is the whole of every match.
fn leading(expression: &Hir, prefix: &mut Vec<u8>) -> bool {
    match expression.kind() {
        // Of no length, such as `^`: the next part begins at the same place.
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            prefix.extend_from_slice(&literal.0);
            true
        }
        HirKind::Capture(group) => leading(&group.sub, prefix),
        HirKind::Concat(parts) => parts.iter().all(|part| leading(part, prefix)),
        HirKind::Class(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_splits_a_character_is_no_match() {
        let pattern = Pattern::parse("/(?<source>.).*").unwrap();
        assert_eq!(pattern.find(&Path::parse("/%C3%A9").unwrap()), None);
        assert!(pattern.find(&Path::parse("/ab").unwrap()).is_some());
    }

    #[test]
    fn a_prefix_ends_where_matches_begin_to_differ() {
        for (text, want) in [
            ("/images/(?<preset>[^/]+)/(?<source>.+)", "/images/"),
            ("^/a/(?<source>.+)$", "/a/"),
            ("/a/(?<source>b/.+)", "/a/b/"),
            (r"/a\.b(?:c)(?<source>.+)", "/a.bc"),
            ("/ab?(?<source>.+)", "/a"),
            ("/ab+(?<source>.+)", "/a"),
            ("/(?:a|b)/(?<source>.+)", "/"),
            ("/a/(?<source>.+)|/a/b", ""),
            ("(?i)/a/(?<source>.+)", "/"),
            ("/é/(?<source>.+)", "/é/"),
            ("(?<source>.+)", ""),
        ] {
            let pattern = Pattern::parse(text).unwrap();
            assert_eq!(std::str::from_utf8(pattern.prefix()), Ok(want), "{text}");
        }
    }
}
