//! What goes on of an upstream's answer: I39 to I47.

use std::collections::BTreeSet;

use pinhole::policy::rejection::Rejection;
use pinhole::response::{AnswerRule, Cache, OwnHeaders, Role, Verdict};

use super::taint::{found, has};
use super::{Headers, Held, hold, reply};

/// The names that an answer may have.
const NAMES: &[&str] = &[
    ":status",
    "content-type",
    "x-content-type-options",
    "content-length",
    "cache-control",
    "vary",
    "etag",
    "last-modified",
];

/// Media types of pictures that visitors get, and those that resizers get beside them.
const PICTURES: &[&str] = &["image/avif", "image/webp", "image/jpeg", "image/png", "image/gif"];
const SOURCES: &[&str] = &["image/bmp", "image/heic", "image/heif", "image/jxl", "image/tiff"];

/// The values of a header.
fn values<'h>(headers: &'h OwnHeaders, name: &str) -> Vec<&'h str> {
    headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.as_str()).collect()
}

/// What holds for a verdict about an answer.
pub fn holds(rule: &AnswerRule, answer: &Headers, verdict: &Verdict, canaries: &[&[u8]]) -> Held {
    match verdict {
        Verdict::Replace(rejection) => replaced(rule, *rejection),
        Verdict::Deliver(headers) => {
            let told = || format!("{headers:?}");
            let statuses: Vec<&[u8]> = answer
                .iter()
                .filter(|(name, _)| name == ":status")
                .map(|(_, value)| value.as_slice())
                .collect();
            hold("I41", statuses == [b"200"] && values(headers, ":status") == ["200"], told)?;
            let further = if rule.role == Role::Gate { SOURCES } else { &[] };
            let types = values(headers, "content-type");
            let is_picture = |media: &&str| PICTURES.contains(media) || further.contains(media);
            hold("I43", types.len() == 1 && types.iter().all(is_picture), told)?;
            hold("I43", values(headers, "x-content-type-options") == ["nosniff"], told)?;
            let lengths = values(headers, "content-length");
            hold("I42", lengths.iter().all(|length| length.parse::<u64>().is_ok()), told)?;
            own(rule, headers, canaries)
        }
        Verdict::NotModified(headers) => {
            let others = ["content-type", "content-length", ":status"];
            hold("I42", headers.iter().all(|(name, _)| !others.contains(name)), || format!("{headers:?}"))?;
            hold("I44", rule.cache != Cache::Private, || "a 304 for what nobody may keep".to_owned())?;
            own(rule, headers, canaries)
        }
    }
}

/// The headers that go on, whatever came.
fn own(rule: &AnswerRule, headers: &OwnHeaders, canaries: &[&[u8]]) -> Held {
    let told = || format!("{headers:?}");
    hold("I39", headers.iter().all(|(name, _)| NAMES.contains(name)), told)?;
    let names: BTreeSet<&str> = headers.iter().map(|(name, _)| *name).collect();
    hold("I39", names.len() == headers.len(), told)?;
    for (name, value) in headers {
        hold("I39", value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), told)?;
        for canary in canaries {
            hold("I40", !has(value.as_bytes(), canary), || found(name, value.as_bytes(), canary))?;
        }
    }
    let controls = values(headers, "cache-control");
    hold("I47", controls.len() == 1, told)?;
    match rule.cache {
        Cache::Private => {
            hold("I44", controls == ["private, no-store"], told)?;
            hold("I44", !names.contains("etag") && !names.contains("last-modified"), told)?;
        }
        Cache::Public { max_age } => hold("I45", controls == [format!("public, max-age={max_age}")], told)?,
    }
    let vary = values(headers, "vary").join(",").to_lowercase();
    let depends = |item: &str| ["*", "cookie", "authorization"].contains(&item.trim());
    hold("I45", !vary.split(',').any(depends), told)?;
    hold("I45", !names.contains("set-cookie"), told)?;
    let tag = |tag: &&str| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"')
    };
    hold("I40", values(headers, "etag").iter().all(tag), told)
}

/// What stands in the place of an answer.
fn replaced(rule: &AnswerRule, rejection: Rejection) -> Held {
    let reply = rule.reply(rejection);
    let Some(fallback) = rule.fallback.as_ref().filter(|_| !rule.placeholder) else {
        // A placeholder stands for what cannot be resized, a text or an image of the policy for the rest.
        return match (&rule.fallback, reply.body.starts_with(b"\x89PNG")) {
            (Some(_), false) => reply::own(&reply),
            _ => reply::refused(&reply),
        };
    };
    hold("I42", reply.body == fallback.image.bytes(), || format!("{reply:?}"))?;
    let control =
        reply.headers.iter().find(|(name, _)| *name == "cache-control").map(|(_, value)| value.as_str());
    let short = |control: &str| match control.strip_prefix("public, max-age=") {
        Some(age) => rule.cache != Cache::Private && age.parse::<u32>().is_ok_and(|age| age <= 60),
        None => ["no-store", "private, no-store"].contains(&control),
    };
    hold("I46", control.is_some_and(short), || format!("{reply:?}"))?;
    hold("I41", reply.status == 200 || reply.status >= 400, || format!("{reply:?}"))?;
    reply::own(&reply)
}
