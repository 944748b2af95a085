//! Any answer of an upstream: what of it goes on, fetched by the resizer or pushed to it.
//!
//! ```text
//! knobs: bits of the rule: gate, HEAD, private, placeholder, fallback, ticket, refused, dates shown
//!        bits: note about another token, late, vary │ length of the body, high │ low
//! parts: what the visitor has (if-none-match) │ since (if-modified-since) │ variant │ header of the answer …
//! ```

use std::sync::{Arc, LazyLock};

use pinhole::config::raw::{FallbackStatus, LastModified};
use pinhole::fallback::{Fallback, Image};
use pinhole::keeping::{Keeping, Ticket};
use pinhole::reply::LocalReply;
use pinhole::request::Method;
use pinhole::response::push::{Answer, judge_source};
use pinhole::response::{AnswerRule, Cache, OwnHeaders, Privacy, Role, Verdict, judge};
use pinhole::validators::{Condition, EtagKey};

use super::super::input::{Headers, Input};
use super::super::invariants;
use super::held;

/// The token whose source is answered, and another one.
const TOKENS: [&str; 2] =
    ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"];

/// The largest source that is pushed.
const MOST: usize = 30_000;

static KEY: LazyLock<EtagKey> =
    LazyLock::new(|| EtagKey::derive(b"a key of the tests").unwrap_or_else(|| panic!("a key")));

static IMAGE: LazyLock<Arc<Image>> =
    LazyLock::new(|| Arc::new(Image::new(b"GIF89a".to_vec()).unwrap_or_else(|| panic!("an image"))));

/// Runs one input.
pub fn run(data: &[u8]) {
    let input = Input::read(data, 4);
    // In lower case, as Envoy gives them.
    let answer = input.headers(3).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let answer: Headers = answer.collect();
    let rule = rule(&input);

    let noted =
        Ticket::of(TOKENS[usize::from(input.bit(1, 0))]).map(|ticket| ticket.note(Keeping::of(&answer)));
    let in_light = rule.clone().in_the_light_of(noted.as_deref());
    if rule.ticket().is_some() && (input.bit(1, 0) || Keeping::of(&answer) == Keeping::Private) {
        assert_eq!(in_light.cache, Cache::Private, "I45: without a word of the gate");
    }
    for rule in [&rule, &in_light] {
        let verdict = judge(rule, &KEY, &answer);
        assert_eq!(verdict, judge(rule, &KEY, &answer), "I2");
        held(invariants::answer::holds(rule, &answer, &verdict, &[]));
        check(rule, &answer, &verdict);
        // I26: names in capitals, in another order, and what nobody reads.
        let mut other: Headers =
            answer.iter().map(|(name, value)| (name.to_ascii_uppercase(), value.clone())).collect();
        other.insert(0, ("x-amz-request-id".to_owned(), b"upstream-canary".to_vec()));
        other.push(("set-cookie".to_owned(), b"upstream=canary".to_vec()));
        assert_eq!(verdict, judge(rule, &KEY, &other), "I26");
    }

    let body = usize::from(u16::from_be_bytes([input.knob(2), input.knob(3)]));
    push(rule, Answer { headers: &answer, body, late: input.bit(1, 1) });
}

/// The rule that the knobs say.
fn rule(input: &Input<'_>) -> AnswerRule {
    let bit = |bit| input.bit(0, bit);
    let seen = [("if-none-match", input.part(0)), ("if-modified-since", input.part(1))];
    let seen = seen.into_iter().filter(|(_, value)| !value.is_empty());
    let fallback = Fallback { image: IMAGE.clone(), status: FallbackStatus::Ok, max_age: 30 };
    AnswerRule {
        role: if bit(0) { Role::Gate } else { Role::Edge },
        method: if bit(1) { Method::Head } else { Method::Get },
        cache: if bit(2) { Cache::Private } else { Cache::Public { max_age: 600 } },
        vary: if input.bit(1, 2) { vec!["accept", "width"] } else { Vec::new() },
        placeholder: bit(3),
        fallback: bit(4).then_some(fallback),
        privacy: match Ticket::of(TOKENS[0]).filter(|_| bit(5)) {
            Some(ticket) => Privacy::Noted(ticket),
            None if bit(6) => Privacy::Refused,
            None => Privacy::Settled,
        },
        variant: input.text(2),
        last_modified: if bit(7) { LastModified::Show } else { LastModified::Hide },
        condition: Condition::of(
            &seen.map(|(name, value)| (name.to_owned(), value.to_vec())).collect::<Headers>(),
        ),
    }
}

/// All that a delivered answer may have.
const DELIVERED: &[&str] = &[
    ":status",
    "content-type",
    "x-content-type-options",
    "cache-control",
    "vary",
    "etag",
    "last-modified",
    "content-length",
];

/// What an answer has of one name.
fn values<'a>(answer: &'a Headers, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    answer
        .iter()
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

/// Whether an answer is one whole picture of a type that the role lets through, by the table of `envoy/README.md`.
fn is_picture(role: Role, answer: &Headers) -> bool {
    const EDGE: &[&str] = &["avif", "webp", "jpeg", "png", "gif", "jpg", "pjpeg", "x-png"];
    const GATE: &[&str] = &["bmp", "heic", "heif", "jxl", "tiff"];
    let statuses: Vec<_> = values(answer, ":status").collect();
    let types: Vec<_> = values(answer, "content-type").collect();
    let ([status], [media_type]) = (statuses.as_slice(), types.as_slice()) else { return false };
    let essence = String::from_utf8_lossy(media_type).to_ascii_lowercase();
    let essence =
        essence.split(';').next().unwrap_or_default().trim_matches(|c: char| c.is_ascii_whitespace());
    let known = essence
        .strip_prefix("image/")
        .is_some_and(|name| EDGE.contains(&name) || (role == Role::Gate && GATE.contains(&name)));
    // A name of an encoding in capitals is not looked at more closely.
    let plain = values(answer, "content-encoding").all(|value| value == b"identity");
    *status == b"200" && known && plain
}

/// What holds of a verdict.
fn check(rule: &AnswerRule, answer: &Headers, verdict: &Verdict) {
    let is_refused = rule.privacy == Privacy::Refused && Keeping::of(answer) == Keeping::Private;
    let is_served = is_picture(rule.role, answer) && !is_refused;
    match verdict {
        Verdict::Deliver(headers) => {
            assert!(is_served, "I41: delivers {answer:?}");
            check_headers(rule, answer, headers);
            let value =
                |name| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
            assert_eq!(value(":status"), Some("200"), "I41");
            assert!(
                value("content-type")
                    .is_some_and(|value| value.starts_with("image/") && value != "image/svg+xml"),
                "I43"
            );
            assert_eq!(value("x-content-type-options"), Some("nosniff"), "I43");
        }
        Verdict::NotModified(headers) => {
            assert!(is_served && rule.condition != Condition::None, "I41: not modified {answer:?}");
            assert_ne!(rule.cache, Cache::Private, "I44: nobody has what nobody may keep");
            check_headers(rule, answer, headers);
        }
        Verdict::Replace(rejection) => {
            assert!(!is_served, "a picture is replaced: {rejection:?}");
            check_reply(rule, &rule.reply(*rejection));
        }
    }
}

/// I39, I40, I44, I45, I47.
fn check_headers(rule: &AnswerRule, answer: &Headers, headers: &OwnHeaders) {
    for (name, value) in headers {
        assert!(DELIVERED.contains(name), "I39: {name}");
        assert_eq!(headers.iter().filter(|(other, _)| other == name).count(), 1, "I47: {name}");
        // Nothing that the upstream wrote is in there as it wrote it, but what has a form of its own. (The fuzzer guesses
        // pieces of our tags, which are always the same.)
        let formed = ["content-length", "last-modified", ":status", "etag"].contains(name);
        for (of, theirs) in answer.iter().filter(|(_, theirs)| !formed && theirs.len() >= 8) {
            let theirs = String::from_utf8_lossy(theirs).into_owned();
            let own = ["content-type", "vary"].contains(name) || *value == rule.cache.control();
            assert!(own || !value.contains(&theirs), "I40: {name}: {value} of {of}");
        }
    }
    let value = |name| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
    assert_eq!(value("cache-control"), Some(rule.cache.control().as_str()), "I44, I47");
    if rule.cache == Cache::Private {
        assert_eq!(value("cache-control"), Some("private, no-store"), "I44");
        assert!(
            value("etag").is_none() && value("last-modified").is_none(),
            "I44: validators of what nobody keeps"
        );
    }
    assert_eq!(value("vary").unwrap_or_default(), rule.vary.join(", "), "I45");
    let tag = value("etag").unwrap_or("\"AAAAAAAAAAAAAAAAAAAAAA\"");
    assert_eq!(tag.strip_prefix("W/").unwrap_or(tag).len(), 24, "I40: {tag}");
    assert!(value("last-modified").is_none() || rule.last_modified == LastModified::Show, "I40");
    if let Some(length) = value("content-length") {
        assert!(length.bytes().all(|byte| byte.is_ascii_digit()), "I42: {length}");
    }
}

/// I42, I44, I46: a reply in the place of a picture.
fn check_reply(rule: &AnswerRule, reply: &LocalReply) {
    held(invariants::reply::own(reply));
    let control =
        reply.headers.iter().find(|(name, _)| *name == "cache-control").map(|(_, value)| value.as_str());
    match control {
        Some("no-store") => {}
        Some("private, no-store") => assert_eq!(rule.cache, Cache::Private, "I46"),
        Some("public, max-age=30") => {
            assert!(rule.fallback.is_some() && rule.cache != Cache::Private, "I44, I46")
        }
        other => panic!("I46: {other:?}"),
    }
}

/// The two answers of a pushed picture: this one as the origin's, then as the resizer's.
fn push(rule: AnswerRule, answer: Answer<'_>) {
    let whole = values_of_length(answer).is_none_or(|length| length == Some(answer.body));
    let headers = answer.headers.to_vec();
    match judge_source(rule.clone(), &KEY, answer, MOST) {
        Ok(source) => {
            assert!(
                is_picture(Role::Gate, &headers) && whole && (1..=MOST).contains(&answer.body),
                "pushes {headers:?}"
            );
            let is_private = Keeping::of(&headers) == Keeping::Private || rule.cache == Cache::Private;
            let rule = if is_private { AnswerRule { cache: Cache::Private, ..rule } } else { rule };
            match source.judge_picture(answer) {
                Ok(own) => {
                    assert!(is_picture(Role::Edge, &headers), "delivers {headers:?}");
                    check_headers(&rule, &headers, &own);
                }
                Err(reply) => check_push_reply(&rule, &reply),
            }
        }
        Err(reply) => check_push_reply(&rule, &reply),
    }
}

fn check_push_reply(rule: &AnswerRule, reply: &LocalReply) {
    match reply.status {
        304 => assert!(reply.body.is_empty() && rule.cache != Cache::Private, "I44: {reply:?}"),
        _ => check_reply(rule, reply),
    }
}

/// The length that an answer says, if it says one: `None` in it for one that is no number of bytes.
fn values_of_length(answer: Answer<'_>) -> Option<Option<usize>> {
    let headers = answer.headers.to_vec();
    let lengths: Vec<_> = values(&headers, "content-length").map(<[u8]>::to_vec).collect();
    let [length] = lengths.as_slice() else { return None };
    let length: u64 = std::str::from_utf8(length).ok()?.parse().ok()?;
    Some(usize::try_from(length).ok())
}
