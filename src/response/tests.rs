//! Rows for the rules of [`super`].

use super::*;
use crate::config::raw::LastModified;
use crate::keeping::Ticket;
use crate::request::Method;
use crate::validators::Condition;

pub(super) fn rule(role: Role) -> AnswerRule {
    AnswerRule {
        role,
        method: Method::Get,
        cache: Cache::Public { max_age: 60 },
        vary: vec![],
        placeholder: false,
        fallback: None,
        privacy: Privacy::Settled,
        variant: "width=300".to_owned(),
        last_modified: LastModified::Hide,
        condition: Condition::None,
    }
}

pub(super) fn key() -> EtagKey {
    EtagKey::derive(b"a key of the tests").unwrap()
}

fn verdict(rule: &AnswerRule, headers: &Headers) -> Verdict {
    judge(rule, &key(), headers)
}

pub(super) fn answer(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

#[test]
fn i39_only_listed_headers_go_on() {
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
    let Verdict::Deliver(headers) = verdict(&rule(Role::Edge), &leaky) else { panic!("not delivered") };
    let want = [
        (":status", "200"),
        ("content-type", "image/jpeg"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "public, max-age=60"),
        ("content-length", "1234"),
    ];
    let mut headers = headers;
    let tag = headers.iter().position(|(name, _)| *name == "etag").unwrap();
    assert!(!headers.remove(tag).1.contains("canary"));
    assert_eq!(headers, want.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn i44_private_and_negotiated_answers_say_so() {
    let rule = AnswerRule { cache: Cache::Private, vary: vec!["accept", "ect"], ..rule(Role::Edge) };
    let Verdict::Deliver(headers) =
        verdict(&rule, &answer(&[(":status", "200"), ("content-type", "image/webp")]))
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
    assert_eq!(cache(Some(&ticket.note(Keeping::Private))), Cache::Private);
    assert_eq!(cache(Some(&ticket.note(Keeping::Shareable))), Cache::Public { max_age: 60 });
    assert_eq!(rule(Role::Edge).in_the_light_of(None).cache, Cache::Public { max_age: 60 });
}

#[test]
fn a_gate_that_cannot_tell_the_edge_refuses_private_sources() {
    let rule = AnswerRule { privacy: Privacy::Refused, ..rule(Role::Gate) };
    let headers =
        |control| answer(&[(":status", "200"), ("content-type", "image/png"), ("cache-control", control)]);
    assert_eq!(verdict(&rule, &headers("private")), Verdict::Replace(Rejection::PrivateSource));
    assert!(matches!(verdict(&rule, &headers("public")), Verdict::Deliver(_)));
}

#[test]
fn i41_every_other_status_has_its_meaning() {
    for (status, want) in [
        ("404", Rejection::SourceNotFound),
        ("410", Rejection::SourceNotFound),
        ("301", Rejection::UpstreamRedirected),
        ("304", Rejection::UpstreamRedirected),
        ("401", Rejection::UpstreamFailed),
        ("403", Rejection::UpstreamFailed),
        ("204", Rejection::UpstreamFailed),
        ("206", Rejection::UpstreamFailed),
        ("406", Rejection::NotAnImage),
        ("413", Rejection::SourceTooLarge),
        ("422", Rejection::NotResizable),
        ("500", Rejection::UpstreamFailed),
        ("503", Rejection::UpstreamUnavailable),
        ("504", Rejection::UpstreamTimeout),
        ("", Rejection::UpstreamFailed),
    ] {
        let verdict =
            verdict(&rule(Role::Edge), &answer(&[(":status", status), ("content-type", "image/jpeg")]));
        assert_eq!(verdict, Verdict::Replace(want), "{status}");
    }
    assert_eq!(verdict(&rule(Role::Edge), &[]), Verdict::Replace(Rejection::UpstreamFailed));
}

#[test]
fn a_fallback_stands_in_for_everything_but_what_has_a_placeholder() {
    let image = std::sync::Arc::new(crate::fallback::Image::new(b"GIF89a".to_vec()).unwrap());
    let status = crate::config::raw::FallbackStatus::Ok;
    let fallback = Some(crate::fallback::Fallback { image, status, max_age: 9 });
    for (placeholder, rejection, want) in [
        (false, Rejection::NotAnImage, "image/gif"),
        (false, Rejection::SourceNotFound, "image/gif"),
        (true, Rejection::SourceNotFound, "image/gif"),
        (true, Rejection::NotAnImage, "image/png"),
        (true, Rejection::NotResizable, "image/png"),
    ] {
        let with = AnswerRule { placeholder, fallback: fallback.clone(), ..rule(Role::Edge) };
        assert_eq!(
            with.reply(rejection).headers.first(),
            Some(&("content-type", want.to_owned())),
            "{rejection:?}"
        );
        let without = AnswerRule { placeholder: false, ..rule(Role::Edge) }.reply(rejection);
        assert_eq!(without.headers.first().unwrap().1, "text/plain; charset=utf-8", "{rejection:?}");
    }
}

#[test]
fn i43_what_is_not_a_picture_is_replaced() {
    for content_type in
        ["text/html", "image/svg+xml", "application/xml", "image/", "", "image/jpegx", "image/tiff"]
    {
        let verdict =
            verdict(&rule(Role::Edge), &answer(&[(":status", "200"), ("content-type", content_type)]));
        assert_eq!(verdict, Verdict::Replace(Rejection::NotAnImage), "{content_type}");
    }
    let twice = answer(&[(":status", "200"), ("content-type", "image/png"), ("content-type", "text/html")]);
    assert_eq!(verdict(&rule(Role::Edge), &twice), Verdict::Replace(Rejection::NotAnImage));
    for name in ["content-encoding", "Content-Encoding"] {
        let packed = answer(&[(":status", "200"), ("content-type", "image/png"), (name, "gzip")]);
        assert_eq!(verdict(&rule(Role::Edge), &packed), Verdict::Replace(Rejection::NotAnImage), "{name}");
    }
}

#[test]
fn the_gate_lets_more_formats_through_than_the_edge() {
    let tiff = answer(&[(":status", "200"), ("content-type", "image/tiff")]);
    assert!(matches!(verdict(&rule(Role::Gate), &tiff), Verdict::Deliver(_)));
    let alias = answer(&[(":status", "200"), ("content-type", "image/jpg")]);
    let Verdict::Deliver(headers) = verdict(&rule(Role::Gate), &alias) else { panic!("not delivered") };
    assert!(headers.contains(&("content-type", "image/jpeg".to_owned())));
}

const GOOD: [(&str, &str); 4] = [
    (":status", "200"),
    ("content-type", "image/png"),
    ("etag", "\"upstream\""),
    ("last-modified", "Tue, 24 Nov 2026 05:22:24 GMT"),
];

#[test]
fn a_request_that_has_the_picture_is_told_so_in_headers_of_ours() {
    let Verdict::Deliver(headers) = verdict(&rule(Role::Edge), &answer(&GOOD)) else {
        panic!("not delivered")
    };
    let (_, tag) = headers.iter().find(|(name, _)| *name == "etag").unwrap();
    let condition = Condition::of(&answer(&[("if-none-match", tag)]));
    let asked = AnswerRule { condition, vary: vec!["accept"], ..rule(Role::Edge) };
    let want = vec![
        ("cache-control", "public, max-age=60".to_owned()),
        ("vary", "accept".to_owned()),
        ("etag", tag.clone()),
    ];
    assert_eq!(verdict(&asked, &answer(&GOOD)), Verdict::NotModified(want));
    let other = AnswerRule { variant: "width=301".to_owned(), ..asked.clone() };
    assert!(matches!(verdict(&other, &answer(&GOOD)), Verdict::Deliver(_)), "a tag of another variant");
    let gone = answer(&[(":status", "404"), ("etag", "\"upstream\"")]);
    assert_eq!(verdict(&asked, &gone), Verdict::Replace(Rejection::SourceNotFound));
}

#[test]
fn i44_what_nobody_may_keep_has_no_validators_and_is_always_sent() {
    let condition = Condition::of(&answer(&[("if-none-match", "*")]));
    let private = AnswerRule {
        condition,
        cache: Cache::Private,
        last_modified: LastModified::Show,
        ..rule(Role::Edge)
    };
    let Verdict::Deliver(headers) = verdict(&private, &answer(&GOOD)) else { panic!("not delivered") };
    assert!(headers.iter().all(|(name, _)| !["etag", "last-modified"].contains(name)), "{headers:?}");
}

#[test]
fn the_time_of_a_change_goes_on_only_where_the_policy_shows_it() {
    let has_date = |shown| {
        let rule = AnswerRule { last_modified: shown, ..rule(Role::Edge) };
        let Verdict::Deliver(headers) = verdict(&rule, &answer(&GOOD)) else { panic!("not delivered") };
        headers.iter().any(|(name, _)| *name == "last-modified")
    };
    assert!(has_date(LastModified::Show) && !has_date(LastModified::Hide));
}
