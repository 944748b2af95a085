//! One kind of URL that is served: how it is recognised, and which sources it gives.
//!
//! INVARIANT: prefixes and extensions of sources are compared segment by segment, so that `public` is not
//! `public-secret`.

use std::collections::BTreeMap;

use super::bounds::Bounds;
use super::host::HostPattern;
use super::pattern::{Found, Pattern};
use super::query::QueryLimits;
use super::rejection::Rejection;
use crate::config::raw::{AbsentReferrer, Unresizable};
use crate::fallback::Fallback;
use crate::options::Options;
use crate::request::path::{Path, SourcePath};
use crate::request::{Headers, single, values};
use crate::signature::{KeyRing, Terms};

/// How long caches may keep an answer where the route does not say, in seconds.
pub const MAX_AGE: u32 = 3600;

/// A route of the policy.
#[derive(Debug)]
pub struct Route {
    /// The hosts it serves; all of them if `None`.
    pub(crate) hosts: Option<Vec<HostPattern>>,
    /// The path, with the groups `source` and perhaps `preset` and `options`.
    pub(crate) pattern: Pattern,
    /// The name of the origin.
    pub(crate) origin: String,
    /// The presets it knows; those of the policy if `None`.
    pub(crate) presets: Option<BTreeMap<String, Options>>,
    /// The options a request may name.
    pub(crate) query: QueryLimits,
    /// Options that hold where neither request nor preset says anything.
    pub(crate) default: Options,
    /// Bounds of the picture.
    pub(crate) bounds: Bounds,
    /// Which sources may be asked for.
    pub(crate) sources: SourceRule,
    /// That only signed URLs are served.
    pub(crate) signature: Option<SignatureRule>,
    /// From which sites the picture may be shown.
    pub(crate) referrer: Option<ReferrerRule>,
    /// What is answered for a source that cannot be resized.
    pub(crate) unresizable: Unresizable,
    /// What is served where the picture cannot be had.
    pub(crate) fallback: Option<Fallback>,
    /// How long caches may keep an answer, in seconds.
    pub(crate) max_age: u32,
}

impl Route {
    /// What the route makes of a request, if it is one of its own.
    pub fn find<'r>(&self, host: &str, path: &'r Path) -> Option<Found<'r>> {
        if let Some(hosts) = &self.hosts
            && !hosts.iter().any(|pattern| pattern.matches(host))
        {
            return None;
        }
        self.pattern.find(path)
    }
}

/// Which sources a route gives: all of them where both lists are empty.
#[derive(Debug, Default)]
pub struct SourceRule {
    /// Directories, as segments.
    pub(crate) prefixes: Vec<SourcePath>,
    /// File name extensions in lower case.
    pub(crate) extensions: Vec<String>,
}

impl SourceRule {
    /// Checks a source.
    pub fn check(&self, source: &SourcePath) -> Result<(), Rejection> {
        let source = source.as_str();
        let below = |prefix: &SourcePath| {
            source.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let extension = extension_of(source);
        let placed = self.prefixes.is_empty() || self.prefixes.iter().any(below);
        let is_named = |other: &str| self.extensions.iter().any(|name| name.eq_ignore_ascii_case(other));
        let named = self.extensions.is_empty() || extension.is_some_and(is_named);
        if placed && named { Ok(()) } else { Err(Rejection::SourceNotAllowed) }
    }
}

/// What follows the last dot of the last segment.
fn extension_of(source: &str) -> Option<&str> {
    let name = source.rsplit('/').next()?;
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// Whether a source is a drawing by its name: no resizer makes a smaller one of it, and it may hold
/// scripts.
pub fn is_drawing(source: &SourcePath) -> bool {
    let is_one = |extension: &str| ["svg", "svgz"].iter().any(|name| name.eq_ignore_ascii_case(extension));
    extension_of(source.as_str()).is_some_and(is_one)
}

/// What is asked of the signatures of a route's URLs.
#[derive(Debug)]
pub struct SignatureRule {
    /// The keys that sign for it.
    pub ring: KeyRing,
    /// What a signature may leave free, and how long it may hold.
    pub terms: Terms,
}

/// From which sites a picture may be shown.
#[derive(Debug)]
pub struct ReferrerRule {
    /// The hosts of these sites.
    pub(crate) hosts: Vec<HostPattern>,
    /// What happens to a request that does not say where it comes from.
    pub(crate) absent: AbsentReferrer,
}

impl ReferrerRule {
    /// Checks the `referer` of a request.
    pub fn check(&self, headers: &Headers) -> Result<(), Rejection> {
        if values(headers, "referer").next().is_none() {
            return match self.absent {
                AbsentReferrer::Allow => Ok(()),
                AbsentReferrer::Reject => Err(Rejection::ReferrerNotAllowed),
            };
        }
        let host =
            single(headers, "referer").and_then(|value| std::str::from_utf8(value).ok()).and_then(host_of);
        let allowed = host.is_some_and(|host| self.hosts.iter().any(|pattern| pattern.matches(&host)));
        if allowed { Ok(()) } else { Err(Rejection::ReferrerNotAllowed) }
    }
}

/// The host of an absolute `http` or `https` URL.
fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    crate::request::parse_host(authority.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_compared_by_segments_and_extensions() {
        let rule = SourceRule {
            prefixes: vec![SourcePath::parse("public").unwrap(), SourcePath::parse("a/b").unwrap()],
            extensions: vec!["jpg".into(), "png".into()],
        };
        for (source, want) in [
            ("public/a.jpg", true),
            ("public/sub/a.JPG", true),
            ("a/b/c.png", true),
            ("public-secret/a.jpg", false),
            ("public.jpg", false),
            ("a/bc.jpg", false),
            ("public/a.gif", false),
            ("public/jpg", false),
            ("public/a.jpg/b", false),
        ] {
            assert_eq!(rule.check(&SourcePath::parse(source).unwrap()).is_ok(), want, "{source}");
        }
    }

    #[test]
    fn a_referrer_is_a_page_of_a_listed_host() {
        let hosts =
            vec![HostPattern::parse("example.com").unwrap(), HostPattern::parse("*.example.com").unwrap()];
        let rule = |absent| ReferrerRule { hosts: hosts.clone(), absent };
        let check = |values: &[&str], absent| {
            let headers: Vec<_> =
                values.iter().map(|v| ("referer".to_owned(), v.as_bytes().to_vec())).collect();
            rule(absent).check(&headers).is_ok()
        };
        for (value, want) in [
            ("https://example.com/page", true),
            ("https://www.example.com", true),
            ("http://Example.com:8080/?q", true),
            ("https://example.com.evil.org/", false),
            ("https://evil.org/example.com", false),
            ("https://example.com@evil.org/", false),
            ("ftp://example.com/", false),
            ("example.com", false),
            ("", false),
        ] {
            assert_eq!(check(&[value], AbsentReferrer::Allow), want, "{value}");
        }
        assert!(!check(&["https://example.com/", "https://example.com/"], AbsentReferrer::Allow));
        assert!(check(&[], AbsentReferrer::Allow) && !check(&[], AbsentReferrer::Reject));
    }
}
