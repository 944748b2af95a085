//! What an upstream's answer means, and what of it may go on.
//!
//! The rules, for both roles:
//!
//! 1. Only a `200` with one content type of a picture and no content encoding is delivered, or told to be
//!    what the request has already; every other answer is replaced, status, headers and body, by a
//!    [`Rejection`] of ours.
//! 2. Of its headers only `content-type`, written anew, and a `content-length` of digits go on; `etag` and
//!    `last-modified` as [`validators`](crate::validators) have them.
//! 3. `cache-control`, `vary` and `x-content-type-options` are ours: an answer that was fetched with
//!    credentials is `private, no-store` unless the operator shares it.
//!
//! INVARIANT: the headers that leave are those that [`judge`] lists; the host is told to replace the
//! whole map by them.

pub mod push;
pub mod rule;
#[cfg(test)]
mod tests;

use crate::keeping::Keeping;
use crate::policy::rejection::Rejection;
use crate::request::{Headers, single, values};
use crate::validators::{EtagKey, Strength, Validators};

pub use rule::{AnswerRule, Cache, Privacy, Role};

/// Headers of ours: names and values.
pub type OwnHeaders = Vec<(&'static str, String)>;

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver the body under these headers, `:status` among them.
    Deliver(OwnHeaders),
    /// Say with these headers that the request has the picture already (RFC 9110 15.4.5).
    NotModified(OwnHeaders),
    /// Answer this instead.
    Replace(Rejection),
}

/// Media types that reach a visitor: what resizers write. SVG is none of them: it can hold scripts.
const SERVED: &[&str] = &["image/avif", "image/webp", "image/jpeg", "image/png", "image/gif"];

/// Further media types that reach a resizer as sources.
const SOURCES: &[&str] = &["image/bmp", "image/heic", "image/heif", "image/jxl", "image/tiff"];

/// Spellings that origins use for registered media types.
const ALIASES: &[(&str, &str)] =
    &[("image/jpg", "image/jpeg"), ("image/pjpeg", "image/jpeg"), ("image/x-png", "image/png")];

/// Judges an answer by its headers, `:status` among them. `key` makes its tag.
pub fn judge(rule: &AnswerRule, key: &EtagKey, headers: &Headers) -> Verdict {
    if rule.privacy == Privacy::Refused && Keeping::of(headers) == Keeping::Private {
        return Verdict::Replace(Rejection::PrivateSource);
    }
    let media_type = match picture(rule.role, headers) {
        Ok(media_type) => media_type,
        Err(rejection) => return Verdict::Replace(rejection),
    };
    let validators = Validators::of(headers, key, &rule.variant, Strength::Upstream, rule.last_modified);
    delivered(rule, media_type, &validators, headers)
}

/// The verdict about a picture.
fn delivered(
    rule: &AnswerRule,
    media_type: &'static str,
    validators: &Validators,
    headers: &Headers,
) -> Verdict {
    let state = state(rule, validators);
    if rule.cache != Cache::Private && rule.condition.is_met(validators) {
        return Verdict::NotModified(state);
    }
    let mut delivered = vec![
        (":status", "200".to_owned()),
        ("content-type", media_type.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    delivered.extend(state);
    if let Some(length) = length(headers) {
        delivered.push(("content-length", length.to_string()));
    }
    Verdict::Deliver(delivered)
}

/// What caches are told: the headers that a `304` has as well. What nobody may keep needs no validators.
fn state(rule: &AnswerRule, validators: &Validators) -> OwnHeaders {
    let mut state = vec![("cache-control", rule.cache.control())];
    if !rule.vary.is_empty() {
        state.push(("vary", rule.vary.join(", ")));
    }
    if rule.cache != Cache::Private {
        state.extend(validators.headers());
    }
    state
}

/// The media type of an answer that is a picture.
fn picture(role: Role, headers: &Headers) -> Result<&'static str, Rejection> {
    match single(headers, ":status").ok_or(Rejection::UpstreamFailed)? {
        b"200" => {}
        other => return Err(meaning(other)),
    }
    let encoded = values(headers, "content-encoding").any(|value| value != b"identity");
    let media_type = single(headers, "content-type").and_then(|value| media_type(role, value));
    media_type.filter(|_| !encoded).ok_or(Rejection::NotAnImage)
}

/// The length that an answer says it has.
fn length(headers: &Headers) -> Option<u64> {
    std::str::from_utf8(single(headers, "content-length")?).ok()?.parse().ok()
}

/// The media type of a `content-type` value, if it is one that this role lets through. Parameters
/// are dropped.
fn media_type(role: Role, value: &[u8]) -> Option<&'static str> {
    let essence = value.split(|byte| *byte == b';').next()?.trim_ascii().to_ascii_lowercase();
    let named =
        ALIASES.iter().find(|(alias, _)| alias.as_bytes() == essence).map(|(_, name)| name.as_bytes());
    let essence = named.unwrap_or(&essence);
    let further = if role == Role::Gate { SOURCES } else { &[] };
    SERVED.iter().chain(further).find(|name| name.as_bytes() == essence).copied()
}

/// What a status other than 200 means. Statuses that tell a visitor about the origin's insides (401,
/// 403 and the rest) are one failure like any other. 406 is what imagor and imaginary say of a source that
/// is no picture.
fn meaning(status: &[u8]) -> Rejection {
    match status {
        b"404" | b"410" => Rejection::SourceNotFound,
        b"406" => Rejection::NotAnImage,
        b"408" | b"504" => Rejection::UpstreamTimeout,
        b"413" => Rejection::SourceTooLarge,
        b"415" | b"422" => Rejection::NotResizable,
        b"429" | b"503" => Rejection::UpstreamUnavailable,
        [b'3', ..] => Rejection::UpstreamRedirected,
        _ => Rejection::UpstreamFailed,
    }
}
