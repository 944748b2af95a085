//! Replies of pinhole's own: I4, I5, I40 to I42, I46 and I47.

use std::collections::BTreeSet;

use pinhole::policy::decision::Refusal;
use pinhole::policy::rejection::Rejection;
use pinhole::reply::LocalReply;

use super::path::unescape;
use super::taint::{found, has};
use super::{Asked, Held, Subject, hold};

/// The names that a refusal may have.
const NAMES: &[&str] = &[
    "content-type",
    "cache-control",
    "x-content-type-options",
    "x-pinhole-reason",
    "x-pinhole-option",
    "allow",
];

/// What holds for a refused request.
pub fn holds(subject: &Subject, asked: &Asked, refusal: &Refusal, canaries: &[&[u8]]) -> Held {
    let reply = refusal.reply();
    refused(&reply)?;
    let whole = reply.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    for (name, value) in whole.chain([("the body", reply.body.as_slice())]) {
        for canary in canaries {
            hold("I40", !has(value, canary), || found(name, value, canary))?;
        }
        // The name of an option is the visitor's own word, and tells him nothing, whatever it is.
        let is_own = name == "x-pinhole-option" && is_word_of(asked, value);
        for origin in subject.document.origins().into_iter().filter(|_| !is_own) {
            hold("I40", !has(value, origin.authority.as_bytes()), || {
                found(name, value, origin.authority.as_bytes())
            })?;
        }
    }
    Ok(())
}

/// Whether a visitor wrote this in the target, escaped or not.
fn is_word_of(asked: &Asked, word: &[u8]) -> bool {
    let target = asked.value(":path").unwrap_or_default();
    [target, &unescape(target)]
        .into_iter()
        .any(|text| text.windows(word.len().max(1)).any(|part| part == word))
}

/// What holds for the reply of a refusal: its status is an error's, and it is all ours.
pub fn refused(reply: &LocalReply) -> Held {
    let told = || format!("{reply:?}");
    hold("I4", (400..=599).contains(&reply.status), told)?;
    let rejection = reply.rejection.filter(|rejection| Rejection::ALL.contains(rejection));
    hold("I5", rejection.is_some_and(|rejection| rejection.status() == reply.status), told)?;
    let is_text = Rejection::ALL.iter().any(|other| reply.body == format!("{}\n", other.text()).as_bytes());
    let is_placeholder = reply.body.starts_with(b"\x89PNG\r\n\x1a\n") && reply.body.len() < 100;
    hold("I42", is_text || is_placeholder, told)?;
    own(reply)?;
    let control = reply.headers.iter().find(|(name, _)| *name == "cache-control");
    hold("I46", control.is_some_and(|(_, value)| value == "no-store"), told)
}

/// What holds for all replies of ours but a 304 and a picture.
pub fn own(reply: &LocalReply) -> Held {
    let told = || format!("{reply:?}");
    let names: Vec<&str> = reply.headers.iter().map(|(name, _)| *name).collect();
    hold("I39", names.iter().all(|name| NAMES.contains(name)), told)?;
    hold("I47", names.iter().filter(|name| **name == "cache-control").count() == 1, told)?;
    hold("I39", names.iter().collect::<BTreeSet<_>>().len() == names.len(), told)?;
    let is = |name: &str, wanted: &dyn Fn(&str) -> bool| {
        reply.headers.iter().filter(|(other, _)| *other == name).all(|(_, value)| wanted(value))
    };
    let types =
        ["text/plain; charset=utf-8", "image/png", "image/gif", "image/jpeg", "image/webp", "image/avif"];
    hold("I43", is("content-type", &|value| types.contains(&value)), told)?;
    hold("I43", names.contains(&"content-type") && names.contains(&"x-content-type-options"), told)?;
    hold("I43", is("x-content-type-options", &|value| value == "nosniff"), told)?;
    let reasons = |value: &str| Rejection::ALL.iter().any(|rejection| rejection.reason() == value);
    hold("I40", is("x-pinhole-reason", &reasons), told)?;
    let plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_lowercase() || b"-.".contains(&byte));
    hold("I40", is("x-pinhole-option", &|value| value.len() <= 32 && plain(value)), told)?;
    hold("I40", is("allow", &|value| value == "GET, HEAD"), told)
}
