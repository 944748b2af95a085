//! The two answers of a pushed picture: the origin's, and that of the resizer the source was sent to.
//!
//! Belongs here: what each of them means. Does not belong here: making the calls (`filter`). INVARIANT: a source
//! goes to the resizer only whole, of a picture's type and within the limit; what the resizer makes of it is
//! judged like every answer of a resizer.

use super::{AnswerRule, Cache, OwnHeaders, Role, Verdict, delivered, length, picture};
use crate::keeping::Keeping;
use crate::policy::rejection::Rejection;
use crate::reply::LocalReply;
use crate::request::Headers;
use crate::validators::{EtagKey, Strength, Validators};

/// A source that is good enough for the resizer.
#[derive(Debug)]
pub struct Source {
    /// Its media type, for the request to the resizer.
    pub media_type: &'static str,
    rule: AnswerRule,
    validators: Validators,
}

/// An answer to a call of pinhole's own.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'h> {
    /// Its headers, `:status` among them. None where it broke off: Envoy then gives nothing of it, also
    /// where it only holds no more, or waits no longer.
    pub headers: &'h Headers,
    /// The length of its body in bytes.
    pub body: usize,
    /// Whether the time for it is over.
    pub late: bool,
}

/// Judges the origin's answer. `rule` is that of the picture, `most` the limit of the source in bytes. What is
/// answered instead is the error.
pub fn judge_source(
    rule: AnswerRule,
    key: &EtagKey,
    answer: Answer<'_>,
    most: usize,
) -> Result<Source, LocalReply> {
    let headers = answer.headers;
    let media_type = match source_type(answer, most) {
        Ok(media_type) => media_type,
        Err(rejection) => return Err(rule.reply(rejection)),
    };
    let is_private = Keeping::of(headers) == Keeping::Private;
    let rule = if is_private { AnswerRule { cache: Cache::Private, ..rule } } else { rule };
    let validators = Validators::of(headers, key, &rule.variant, Strength::Weak, rule.last_modified);
    // Known before the picture is made, which then need not be made at all.
    match delivered(&rule, media_type, &validators, headers) {
        Verdict::NotModified(headers) => Err(LocalReply::not_modified(headers)),
        Verdict::Deliver(_) | Verdict::Replace(_) => Ok(Source { media_type, rule, validators }),
    }
}

/// The media type of a source that may go to the resizer.
fn source_type(answer: Answer<'_>, most: usize) -> Result<&'static str, Rejection> {
    let media_type = whole_picture(Role::Gate, answer)?;
    match answer.body {
        0 => Err(Rejection::NotAnImage),
        body if body > most => Err(Rejection::SourceTooLarge),
        _ => Ok(media_type),
    }
}

/// The media type of a picture that has arrived as a whole.
fn whole_picture(role: Role, answer: Answer<'_>) -> Result<&'static str, Rejection> {
    // Without headers that came too late, there is no status, which is judged below.
    if answer.headers.is_empty() && answer.late {
        return Err(Rejection::UpstreamTimeout);
    }
    let media_type = picture(role, answer.headers)?;
    let announced = length(answer.headers).map(usize::try_from);
    let is_whole = announced.is_none_or(|length| length == Ok(answer.body));
    is_whole.then_some(media_type).ok_or(Rejection::UpstreamFailed)
}

impl Source {
    /// Judges the resizer's answer to it: the headers to deliver its body under, or what is answered instead.
    pub fn judge_picture(&self, answer: Answer<'_>) -> Result<OwnHeaders, LocalReply> {
        let media_type = match whole_picture(Role::Edge, answer) {
            Ok(media_type) if answer.body > 0 => media_type,
            Ok(_) => return Err(self.reply(Rejection::UpstreamFailed)),
            Err(rejection) => return Err(self.reply(rejection)),
        };
        match delivered(&self.rule, media_type, &self.validators, answer.headers) {
            Verdict::Deliver(headers) => Ok(headers),
            Verdict::NotModified(headers) => Err(LocalReply::not_modified(headers)),
            Verdict::Replace(rejection) => Err(self.reply(rejection)),
        }
    }

    /// What is answered where the picture cannot be had.
    pub fn reply(&self, rejection: Rejection) -> LocalReply {
        self.rule.reply(rejection)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, key, rule};
    use super::*;

    const MOST: usize = 1000;

    fn source(pairs: &[(&str, &str)], body: usize) -> Result<Source, LocalReply> {
        source_for(rule(Role::Edge), pairs, body)
    }

    fn source_for(rule: AnswerRule, pairs: &[(&str, &str)], body: usize) -> Result<Source, LocalReply> {
        judge_source(rule, &key(), Answer { headers: &answer(pairs), body, late: false }, MOST)
    }

    fn picture(source: &Source, pairs: &[(&str, &str)], body: usize) -> Result<OwnHeaders, LocalReply> {
        source.judge_picture(Answer { headers: &answer(pairs), body, late: false })
    }

    fn reason(reply: &LocalReply) -> &str {
        reply.headers.iter().find(|(name, _)| *name == "x-pinhole-reason").map_or("", |(_, value)| value)
    }

    const PNG: (&str, &str) = ("content-type", "image/png");
    const OK: (&str, &str) = (":status", "200");

    #[test]
    fn only_a_whole_picture_within_the_limit_is_pushed() {
        assert_eq!(source(&[OK, PNG], 1000).unwrap().media_type, "image/png");
        assert_eq!(source(&[OK, ("content-type", "image/tiff")], 1).unwrap().media_type, "image/tiff");
        for (pairs, body, want) in [
            (vec![OK, PNG], 1001, "source-too-large"),
            (vec![], 0, "upstream-failed"),
            (vec![OK, PNG, ("content-length", "99")], 98, "upstream-failed"),
            (vec![OK, PNG], 0, "not-an-image"),
            (vec![OK, ("content-type", "text/html")], 9, "not-an-image"),
            (vec![(":status", "404"), PNG], 9, "source-not-found"),
            (vec![(":status", "302"), PNG], 9, "upstream-redirected"),
            (vec![(":status", "504"), PNG], 9, "upstream-timeout"),
        ] {
            assert_eq!(reason(&source(&pairs, body).unwrap_err()), want, "{pairs:?}");
        }
    }

    #[test]
    fn what_the_origin_wants_private_nobody_keeps() {
        let private = source(&[OK, PNG, ("cache-control", "private")], 9).unwrap();
        let headers = picture(&private, &[OK, PNG], 5).unwrap();
        assert!(headers.contains(&("cache-control", "private, no-store".to_owned())));
    }

    #[test]
    fn a_visitor_who_has_the_picture_is_told_so_before_it_is_made() {
        let tagged = [OK, PNG, ("etag", "\"x\"")];
        let first = source(&tagged, 9).unwrap();
        let headers = picture(&first, &[OK, PNG, ("etag", "\"resizers\"")], 5).unwrap();
        let (_, tag) = headers.iter().find(|(name, _)| *name == "etag").unwrap();
        assert!(tag.starts_with("W/"), "it is the source's, not the picture's: {tag}");
        let asked = answer(&[("if-none-match", tag)]);
        let condition = crate::validators::Condition::of(&asked);
        let again = AnswerRule { condition, ..rule(Role::Edge) };
        assert_eq!(source_for(again, &tagged, 9).unwrap_err().status, 304);
    }

    #[test]
    fn the_resizers_answer_is_judged_like_any_other() {
        let good = source(&[OK, PNG], 9).unwrap();
        for (pairs, body, want) in [
            (vec![OK, ("content-type", "text/html")], 5, "not-an-image"),
            (vec![OK, ("content-type", "image/tiff")], 5, "not-an-image"),
            (vec![OK, PNG, ("content-length", "9")], 5, "upstream-failed"),
            (vec![OK, PNG], 0, "upstream-failed"),
            (vec![], 0, "upstream-failed"),
            (vec![(":status", "400"), PNG], 5, "upstream-failed"),
            (vec![(":status", "503"), PNG], 5, "upstream-unavailable"),
        ] {
            assert_eq!(reason(&picture(&good, &pairs, body).unwrap_err()), want, "{pairs:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_when_the_time_is_over_was_too_slow() {
        let late = Answer { headers: &[], body: 0, late: true };
        let reply = judge_source(rule(Role::Edge), &key(), late, MOST).unwrap_err();
        assert_eq!(reason(&reply), "upstream-timeout");
        let source = source(&[OK, PNG], 9).unwrap();
        assert_eq!(reason(&source.judge_picture(late).unwrap_err()), "upstream-timeout");
    }
}
