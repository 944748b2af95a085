//! Validators of an answer, and requests that make use of them (RFC 9110 8.8 and 13).
//!
//! An upstream's `etag` tells what server made it, and often a hash of the original: it never goes on. A tag of
//! ours stands for it, an HMAC of the upstream's under a key of the deployment, which a visitor can send back
//! and nobody can read. `last-modified` goes on, written anew, only where the policy shows it. INVARIANT: no byte of
//! an upstream's validator is in ours but a date that parsed as one; what nobody may keep has no validator.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::raw::LastModified;
use crate::request::{Headers, single, values};
use crate::secret::Secret;

/// The longest tag of an upstream that is read, and the longest list of a visitor, in bytes.
const MOST_BYTES: usize = 1024;

/// How many bytes of the MAC are a tag: 128 bits.
const TAG: usize = 16;

/// Makes tags out of an upstream's.
#[derive(Clone)]
pub struct EtagKey(Hmac<Sha256>);

impl EtagKey {
    /// Derives the key from one of the deployment's.
    pub fn derive(key: &[u8]) -> Option<EtagKey> {
        let key = Secret::derive(key, b"pinhole etag v1")?;
        <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok().map(EtagKey)
    }

    /// The tag that stands for an upstream's tag of this variant of a picture.
    fn rekey(&self, variant: &str, upstream: &str) -> Option<String> {
        let mut mac = self.0.clone();
        mac.update(&u64::try_from(variant.len()).ok()?.to_be_bytes());
        mac.update(variant.as_bytes());
        mac.update(upstream.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes().get(..TAG)?))
    }
}

impl std::fmt::Debug for EtagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EtagKey(…)")
    }
}

/// How closely a tag holds to the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// As the upstream says.
    Upstream,
    /// Weak: the tag is that of the source, and the picture was made of it.
    Weak,
}

/// What identifies the state of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    tag: Option<String>,
    weak: bool,
    last_modified: Option<SystemTime>,
}

impl Validators {
    /// Those of an upstream's answer that go on, in our own words.
    pub fn of(
        headers: &Headers,
        key: &EtagKey,
        variant: &str,
        strength: Strength,
        shown: LastModified,
    ) -> Validators {
        let (weak, tag) = match single(headers, "etag").and_then(opaque_tag) {
            Some((weak, tag)) => (weak || strength == Strength::Weak, key.rekey(variant, tag)),
            None => (false, None),
        };
        let date = single(headers, "last-modified").filter(|_| shown == LastModified::Show);
        Validators { tag, weak, last_modified: date.and_then(parse_date) }
    }

    /// The headers that tell them.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let weak = if self.weak { "W/" } else { "" };
        let tag = self.tag.as_ref().map(|tag| ("etag", format!("{weak}\"{tag}\"")));
        let date = self.last_modified.map(|date| ("last-modified", httpdate::fmt_http_date(date)));
        tag.into_iter().chain(date)
    }
}

/// What a request says it has already (RFC 9110 13.1). Ranges are not served, so `if-range` has no meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It has whatever there is: `if-none-match: *`.
    Any,
    /// It has answers with these tags.
    Tags(Vec<String>),
    /// It has the answer of that time.
    Since(SystemTime),
}

impl Condition {
    /// Reads a request. What is not well formed counts as absent: then the whole picture is sent.
    pub fn of(headers: &Headers) -> Condition {
        if values(headers, "if-none-match").next().is_some() {
            // RFC 9110 13.1.3: with it, `if-modified-since` is not looked at.
            return tags(headers).unwrap_or_default();
        }
        single(headers, "if-modified-since").and_then(parse_date).map_or(Condition::None, Condition::Since)
    }

    /// Whether the request has an answer with these validators already.
    pub fn is_met(&self, validators: &Validators) -> bool {
        match (self, validators) {
            (Condition::Any, Validators { tag, .. }) => tag.is_some(),
            (Condition::Tags(tags), Validators { tag: Some(tag), .. }) => tags.contains(tag),
            (Condition::Since(since), Validators { last_modified: Some(date), .. }) => date <= since,
            _ => false,
        }
    }
}

/// The tags of `if-none-match`, compared weakly (RFC 9110 8.8.3.2): without their `W/`.
fn tags(headers: &Headers) -> Option<Condition> {
    let mut tags = Vec::new();
    let mut bytes = 0_usize;
    for value in values(headers, "if-none-match") {
        bytes = bytes.saturating_add(value.len());
        if bytes > MOST_BYTES {
            return None;
        }
        for item in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if item == b"*" {
                return Some(Condition::Any);
            }
            // A comma within a tag of another server's splits it; neither half is a tag of ours.
            tags.extend(opaque_tag(item).map(|(_, tag)| tag.to_owned()));
        }
    }
    Some(Condition::Tags(tags))
}

/// Whether an entity tag is weak, and what is between its quotation marks (RFC 9110 8.8.3).
fn opaque_tag(value: &[u8]) -> Option<(bool, &str)> {
    let value = std::str::from_utf8(value).ok().filter(|value| value.len() <= MOST_BYTES)?;
    let (weak, quoted) = match value.strip_prefix("W/") {
        Some(quoted) => (true, quoted),
        None => (false, value),
    };
    let tag = quoted.strip_prefix('"')?.strip_suffix('"')?;
    tag.bytes().all(|byte| byte == b'!' || (0x23..=0x7e).contains(&byte)).then_some((weak, tag))
}

fn parse_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Tue, 24 Nov 2026 05:22:24 GMT";

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn key(seed: &str) -> EtagKey {
        EtagKey::derive(seed.as_bytes()).unwrap()
    }

    fn of(pairs: &[(&str, &str)], variant: &str, shown: LastModified) -> Validators {
        Validators::of(&headers(pairs), &key("a"), variant, Strength::Upstream, shown)
    }

    fn shown(validators: &Validators) -> Vec<(&'static str, String)> {
        validators.headers().collect()
    }

    #[test]
    fn a_tag_is_one_of_ours_and_tells_nothing_of_the_upstreams() {
        let upstream = [("etag", "\"9e107d9d372bb6826bd81d3542a419d6\"")];
        let one = shown(&of(&upstream, "width=300", LastModified::Hide));
        let [("etag", tag)] = one.as_slice() else { panic!("{one:?}") };
        assert_eq!(tag.len(), 24);
        assert!(tag.starts_with('"') && tag.ends_with('"') && !tag.contains("9e107"));
        assert_eq!(one, shown(&of(&upstream, "width=300", LastModified::Hide)), "the same each time");
        assert_ne!(one, shown(&of(&upstream, "width=301", LastModified::Hide)), "another variant");
        assert_ne!(one, shown(&of(&[("etag", "\"x\"")], "width=300", LastModified::Hide)), "another tag");
        let other = Validators::of(
            &headers(&upstream),
            &key("b"),
            "width=300",
            Strength::Upstream,
            LastModified::Hide,
        );
        assert_ne!(one, shown(&other), "another key");
    }

    #[test]
    fn weak_tags_stay_weak_and_malformed_ones_are_none() {
        let tag = |value| shown(&of(&[("etag", value)], "", LastModified::Hide)).pop().map(|(_, tag)| tag);
        assert!(tag("W/\"x\"").unwrap().starts_with("W/\""));
        assert!(tag("\"\"").unwrap().starts_with('"'));
        for malformed in ["x", "\"x", "w/\"x\"", "\"a\"b\"", "\"a b\"", "", "\"\u{7f}\"", "\"x\", \"y\""] {
            assert_eq!(tag(malformed), None, "{malformed}");
        }
        assert_eq!(shown(&of(&[("etag", "\"x\""), ("etag", "\"x\"")], "", LastModified::Hide)), []);
        let source =
            Validators::of(&headers(&[("etag", "\"x\"")]), &key("a"), "", Strength::Weak, LastModified::Hide);
        assert!(shown(&source)[0].1.starts_with("W/"));
    }

    #[test]
    fn a_date_goes_on_only_where_it_is_shown_and_is_one() {
        assert_eq!(shown(&of(&[("last-modified", DATE)], "", LastModified::Hide)), []);
        let want = vec![("last-modified", DATE.to_owned())];
        assert_eq!(shown(&of(&[("last-modified", DATE)], "", LastModified::Show)), want);
        for other in ["yesterday", "canary", "", "Tue, 24 Nov 2026 05:22:24 GMT canary"] {
            assert_eq!(shown(&of(&[("last-modified", other)], "", LastModified::Show)), [], "{other}");
        }
    }

    #[test]
    fn a_condition_is_met_by_what_was_given_out() {
        let validators = of(&[("etag", "\"x\""), ("last-modified", DATE)], "", LastModified::Show);
        let tag = shown(&validators)[0].1.clone();
        let weak = format!("W/{tag}");
        let listed = format!("\"other\",{tag} , \"third\"");
        let later = "Wed, 25 Nov 2026 00:00:00 GMT";
        let earlier = "Mon, 23 Nov 2026 00:00:00 GMT";
        for (pairs, want) in [
            (vec![("if-none-match", tag.as_str())], true),
            (vec![("if-none-match", &weak)], true),
            (vec![("if-none-match", &listed)], true),
            (vec![("if-none-match", "\"other\""), ("if-none-match", &tag)], true),
            (vec![("if-none-match", "*")], true),
            (vec![("if-none-match", "\"other\"")], false),
            (vec![("if-none-match", "\"x\"")], false),
            (vec![("if-none-match", "\"other\""), ("if-modified-since", later)], false),
            (vec![("if-none-match", ""), ("if-modified-since", later)], false),
            (vec![("if-modified-since", DATE)], true),
            (vec![("if-modified-since", later)], true),
            (vec![("if-modified-since", earlier)], false),
            (vec![("if-modified-since", "canary")], false),
            (vec![("if-range", &tag)], false),
            (vec![], false),
        ] {
            assert_eq!(Condition::of(&headers(&pairs)).is_met(&validators), want, "{pairs:?}");
        }
        let padded = |length: usize| format!("{tag}{}", ",".repeat(length - tag.len()));
        for (length, want) in [(MOST_BYTES, true), (MOST_BYTES + 1, false)] {
            let condition = Condition::of(&headers(&[("if-none-match", &padded(length))]));
            assert_eq!(condition.is_met(&validators), want, "{length} bytes");
            assert_eq!(condition == Condition::None, !want, "{length} bytes");
        }
    }

    #[test]
    fn without_validators_no_condition_is_met() {
        for condition in [Condition::Any, Condition::Tags(vec![String::new()]), Condition::None] {
            assert!(!condition.is_met(&Validators::default()), "{condition:?}");
        }
    }
}
