//! What an upstream's answer means, and what of it may go on.
//!
//! The rules, for both roles:
//!
//! 1. Only a `200` with one content type of a picture and no content encoding is delivered; every
//!    other answer is replaced, status, headers and body, by a [`Rejection`] of ours.
//! 2. Of its headers only `content-type`, written anew, and a `content-length` of digits go on.
//! 3. `cache-control`, `vary` and `x-content-type-options` are ours: an answer that was fetched with
//!    credentials is `private, no-store` unless the operator shares it.
//!
//! INVARIANT: the headers that leave are those that [`judge`] lists; the host is told to replace the
//! whole map by them.

use crate::keeping::{self, Ticket};
use crate::policy::rejection::Rejection;
use crate::reply::LocalReply;
use crate::request::{Headers, Method, single};

/// In front of which upstream an answer arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The resizer; the answer goes to the visitor.
    Edge,
    /// The hidden origin; the answer goes to the resizer.
    Gate,
}

/// Who may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Everybody, for so many seconds.
    Public {
        /// The freshness lifetime.
        max_age: u32,
    },
    /// Nobody.
    Private,
}

impl Cache {
    /// The value of `cache-control`.
    pub fn control(self) -> String {
        match self {
            Cache::Public { max_age } => format!("public, max-age={max_age}"),
            Cache::Private => "private, no-store".to_owned(),
        }
    }
}

/// What becomes of the answer to a forwarded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRule {
    /// Which role forwarded it.
    pub role: Role,
    /// The method that was asked downstream: the answer to HEAD has no body.
    pub method: Method,
    /// Who may keep it.
    pub cache: Cache,
    /// The request headers that changed what was asked for.
    pub vary: Vec<&'static str>,
    /// Whether a source that cannot be resized is answered with a placeholder.
    pub placeholder: bool,
    /// What the gate and the edge do about a source that its origin wants kept private.
    pub privacy: Privacy,
}

/// What is done about a source that its origin wants kept private, though the policy would share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Privacy {
    /// Nothing: the answer is private anyway, or the other role cares for it.
    Settled,
    /// The gate notes what the origin says under this ticket, and the edge looks there.
    Noted(Ticket),
    /// The gate does not give the source away.
    Refused,
}

impl AnswerRule {
    /// The ticket to note a verdict under, or to look one up by.
    pub fn ticket(&self) -> Option<&Ticket> {
        match &self.privacy {
            Privacy::Noted(ticket) => Some(ticket),
            Privacy::Settled | Privacy::Refused => None,
        }
    }

    /// The rule in the light of what was noted under its ticket: without a word of the gate that this
    /// source may be kept, nobody keeps it.
    pub fn in_the_light_of(mut self, note: Option<&[u8]>) -> AnswerRule {
        if self.ticket().is_some_and(|ticket| !ticket.is_shareable(note)) {
            self.cache = Cache::Private;
        }
        self
    }

    /// What is answered instead of an answer that means this.
    pub fn reply(&self, rejection: Rejection) -> LocalReply {
        let unresizable = matches!(rejection, Rejection::NotResizable | Rejection::NotAnImage);
        LocalReply::new(rejection, None, self.placeholder && unresizable)
    }
}

/// What to do with an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver the body under these headers.
    Deliver(Vec<(&'static str, String)>),
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

/// Judges an answer by its headers, `:status` among them.
pub fn judge(rule: &AnswerRule, headers: &Headers) -> Verdict {
    match delivered(rule, headers) {
        Ok(headers) => Verdict::Deliver(headers),
        Err(rejection) => Verdict::Replace(rejection),
    }
}

fn delivered(rule: &AnswerRule, headers: &Headers) -> Result<Vec<(&'static str, String)>, Rejection> {
    match single(headers, ":status").ok_or(Rejection::UpstreamFailed)? {
        b"200" => {}
        other => return Err(meaning(other)),
    }
    if rule.privacy == Privacy::Refused && keeping::Keeping::of(headers) == keeping::Keeping::Private {
        return Err(Rejection::PrivateSource);
    }
    let encoded = headers.iter().any(|(name, value)| name == "content-encoding" && value != b"identity");
    let media_type = single(headers, "content-type").and_then(|value| media_type(rule.role, value));
    let media_type = media_type.filter(|_| !encoded).ok_or(Rejection::NotAnImage)?;
    let mut delivered = vec![
        (":status", "200".to_owned()),
        ("content-type", media_type.to_owned()),
        ("cache-control", rule.cache.control()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let length = single(headers, "content-length").and_then(|value| std::str::from_utf8(value).ok());
    if let Some(length) = length.and_then(|length| length.parse::<u64>().ok()) {
        delivered.push(("content-length", length.to_string()));
    }
    if !rule.vary.is_empty() {
        delivered.push(("vary", rule.vary.join(", ")));
    }
    Ok(delivered)
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
/// 403 and the rest) are one failure like any other.
fn meaning(status: &[u8]) -> Rejection {
    match status {
        b"404" | b"410" => Rejection::SourceNotFound,
        b"408" | b"504" => Rejection::UpstreamTimeout,
        b"415" | b"422" => Rejection::NotResizable,
        b"429" | b"503" => Rejection::UpstreamUnavailable,
        [b'3', ..] => Rejection::UpstreamRedirected,
        _ => Rejection::UpstreamFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(role: Role) -> AnswerRule {
        AnswerRule {
            role,
            method: Method::Get,
            cache: Cache::Public { max_age: 60 },
            vary: vec![],
            placeholder: false,
            privacy: Privacy::Settled,
        }
    }

    fn answer(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn only_listed_headers_go_on() {
        let leaky = answer(&[
            (":status", "200"),
            ("content-type", "IMAGE/JPEG; charset=binary"),
            ("content-length", "1234"),
            ("server", "AmazonS3"),
            ("x-amz-request-id", "canary"),
            ("etag", "\"canary\""),
            ("set-cookie", "canary=1"),
            ("cache-control", "public, s-maxage=31536000"),
            ("vary", "cookie"),
            ("link", "<http://secret.example.com/>; rel=canonical"),
            ("x-zz-unheard-of", "canary"),
        ]);
        let Verdict::Deliver(headers) = judge(&rule(Role::Edge), &leaky) else { panic!("not delivered") };
        let want = [
            (":status", "200"),
            ("content-type", "image/jpeg"),
            ("cache-control", "public, max-age=60"),
            ("x-content-type-options", "nosniff"),
            ("content-length", "1234"),
        ];
        assert_eq!(headers, want.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn private_and_negotiated_answers_say_so() {
        let rule = AnswerRule { cache: Cache::Private, vary: vec!["accept", "ect"], ..rule(Role::Edge) };
        let Verdict::Deliver(headers) =
            judge(&rule, &answer(&[(":status", "200"), ("content-type", "image/webp")]))
        else {
            panic!("not delivered")
        };
        assert!(headers.contains(&("cache-control", "private, no-store".to_owned())));
        assert!(headers.contains(&("vary", "accept, ect".to_owned())));
    }

    #[test]
    fn an_answer_is_public_only_if_the_gate_says_so() {
        let ticket = Ticket::of(&"t".repeat(60)).unwrap();
        let noted = AnswerRule { privacy: Privacy::Noted(ticket.clone()), ..rule(Role::Edge) };
        let cache = |note: Option<&[u8]>| noted.clone().in_the_light_of(note).cache;
        assert_eq!(cache(None), Cache::Private);
        assert_eq!(cache(Some(&ticket.note(keeping::Keeping::Private))), Cache::Private);
        assert_eq!(cache(Some(&ticket.note(keeping::Keeping::Shareable))), Cache::Public { max_age: 60 });
        assert_eq!(rule(Role::Edge).in_the_light_of(None).cache, Cache::Public { max_age: 60 });
    }

    #[test]
    fn a_gate_that_cannot_tell_the_edge_refuses_private_sources() {
        let rule = AnswerRule { privacy: Privacy::Refused, ..rule(Role::Gate) };
        let headers = |control| {
            answer(&[(":status", "200"), ("content-type", "image/png"), ("cache-control", control)])
        };
        assert_eq!(judge(&rule, &headers("private")), Verdict::Replace(Rejection::PrivateSource));
        assert!(matches!(judge(&rule, &headers("public")), Verdict::Deliver(_)));
    }

    #[test]
    fn every_other_status_has_its_meaning() {
        for (status, want) in [
            ("404", Rejection::SourceNotFound),
            ("410", Rejection::SourceNotFound),
            ("301", Rejection::UpstreamRedirected),
            ("304", Rejection::UpstreamRedirected),
            ("401", Rejection::UpstreamFailed),
            ("403", Rejection::UpstreamFailed),
            ("204", Rejection::UpstreamFailed),
            ("206", Rejection::UpstreamFailed),
            ("422", Rejection::NotResizable),
            ("500", Rejection::UpstreamFailed),
            ("503", Rejection::UpstreamUnavailable),
            ("504", Rejection::UpstreamTimeout),
            ("", Rejection::UpstreamFailed),
        ] {
            let verdict =
                judge(&rule(Role::Edge), &answer(&[(":status", status), ("content-type", "image/jpeg")]));
            assert_eq!(verdict, Verdict::Replace(want), "{status}");
        }
        assert_eq!(judge(&rule(Role::Edge), &[]), Verdict::Replace(Rejection::UpstreamFailed));
    }

    #[test]
    fn what_is_not_a_picture_is_replaced() {
        for content_type in
            ["text/html", "image/svg+xml", "application/xml", "image/", "", "image/jpegx", "image/tiff"]
        {
            let verdict =
                judge(&rule(Role::Edge), &answer(&[(":status", "200"), ("content-type", content_type)]));
            assert_eq!(verdict, Verdict::Replace(Rejection::NotAnImage), "{content_type}");
        }
        let twice =
            answer(&[(":status", "200"), ("content-type", "image/png"), ("content-type", "text/html")]);
        assert_eq!(judge(&rule(Role::Edge), &twice), Verdict::Replace(Rejection::NotAnImage));
        let packed =
            answer(&[(":status", "200"), ("content-type", "image/png"), ("content-encoding", "gzip")]);
        assert_eq!(judge(&rule(Role::Edge), &packed), Verdict::Replace(Rejection::NotAnImage));
    }

    #[test]
    fn the_gate_lets_more_formats_through_than_the_edge() {
        let tiff = answer(&[(":status", "200"), ("content-type", "image/tiff")]);
        assert!(matches!(judge(&rule(Role::Gate), &tiff), Verdict::Deliver(_)));
        let alias = answer(&[(":status", "200"), ("content-type", "image/jpg")]);
        let Verdict::Deliver(headers) = judge(&rule(Role::Gate), &alias) else { panic!("not delivered") };
        assert!(headers.contains(&("content-type", "image/jpeg".to_owned())));
    }
}
