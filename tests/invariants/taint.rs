//! Canaries: texts that must not be in what goes on, in no spelling (I22, I23, I40).

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use pinhole::policy::decision::{Forward, UpstreamRequest};

use super::document::Origin;
use super::path::unescape;
use super::{Held, Subject, hold};

/// Shorter texts are found anywhere by chance.
const LEAST: usize = 6;

/// What of a visitor's own words a request for a resizer has: the path for access logs, and the headers that join
/// traces.
const OWN_WORDS: &[&str] = &["x-envoy-original-path", "x-request-id", "traceparent", "tracestate", "b3"];

/// More canaries than any policy has; who tries many policies begins anew.
const MOST_KNOWN: usize = 1_000;

thread_local! {
    /// The spellings of each canary so far: writing them takes longer than looking for them.
    static KNOWN: RefCell<HashMap<Vec<u8>, Rc<Spellings>>> = RefCell::default();
}

/// How a canary may be written.
struct Spellings {
    /// As it is and in hexadecimal digits, in lower case.
    folded: [Vec<u8>; 2],
    /// In both kinds of base64, for each place in three bytes where it may begin.
    base64: Vec<String>,
}

impl Spellings {
    fn of(canary: &[u8]) -> Rc<Spellings> {
        KNOWN.with_borrow_mut(|known| {
            if let Some(spellings) = known.get(canary) {
                return Rc::clone(spellings);
            }
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            let hex: String = canary.iter().map(|byte| format!("{byte:02x}")).collect();
            let base64 = (0..3).flat_map(|before| in_base64(canary, before)).collect();
            let spellings =
                Rc::new(Spellings { folded: [canary.to_ascii_lowercase(), hex.into_bytes()], base64 });
            known.insert(canary.to_vec(), Rc::clone(&spellings));
            spellings
        })
    }
}

/// Whether a text has a canary in it: raw or percent-encoded up to three times, in any case, in hexadecimal digits,
/// or in base64, wherever in a longer text it begins there.
pub fn has(text: &[u8], canary: &[u8]) -> bool {
    if canary.len() < LEAST || text.len() < canary.len() {
        return false;
    }
    let spellings = Spellings::of(canary);
    let mut text = Cow::Borrowed(text);
    for _ in 0..=3 {
        let lower = text.to_ascii_lowercase();
        let mut folded = spellings.folded.iter();
        if folded.any(|canary| contains(&lower, canary))
            || spellings.base64.iter().any(|canary| contains(&text, canary.as_bytes()))
        {
            return true;
        }
        if !text.contains(&b'%') {
            return false;
        }
        text = Cow::Owned(unescape(&text));
    }
    false
}

/// The characters that depend on the canary alone where it stands behind so many other bytes.
fn in_base64(canary: &[u8], before: usize) -> [String; 2] {
    let padded = [vec![0; before], canary.to_vec()].concat();
    // A character is six bits: those that the bytes before reach into are left out, and the last ones.
    let first = before.saturating_mul(8).div_ceil(6);
    let last = padded.len().saturating_mul(8) / 6;
    [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
        .map(|encoded| encoded.get(first..last).unwrap_or("no such characters").to_owned())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return false };
    text.iter()
        .enumerate()
        .any(|(at, byte)| byte == first && text.get(at..).is_some_and(|rest| rest.starts_with(part)))
}

/// No request for a resizer has a canary, a secret, or says where the origin is.
pub fn of_edge(subject: &Subject, forward: &Forward<'_>, canaries: &[&[u8]]) -> Held {
    let own_words = |name: &str| OWN_WORDS.contains(&name) || name.starts_with("x-b3-");
    let origins = subject.document.origins();
    // The names of an origin; a policy may have its resizer on the same host.
    let resizer = subject.document.resizer().1.to_string().to_lowercase();
    let named = origins.iter().flat_map(|origin| [origin.authority.as_str(), origin.base.as_str()]);
    let named: Vec<&str> = named.filter(|name| !resizer.contains(*name)).collect();
    for (name, value) in forward.upstream.headers() {
        for canary in canaries {
            let is_in = has(value, canary) || contains(name.as_bytes(), canary);
            hold("I22", !is_in || own_words(name), || found(name, value, canary))?;
        }
        for (_, secret) in subject.document.secrets() {
            hold("I23", !has(value, secret), || format!("a secret of the policy in {name}"))?;
        }
        let is_kept = name == ":authority" && subject.policy.resizer_authority().is_none();
        for origin in named.iter().filter(|_| !own_words(name) && !is_kept) {
            hold("I40", !has(value, origin.as_bytes()), || found(name, value, origin.as_bytes()))?;
        }
    }
    Ok(())
}

/// No request for a source has a canary, or another origin's secret.
pub fn of_source(
    subject: &Subject,
    origin: &Origin,
    upstream: &UpstreamRequest<'_>,
    canaries: &[&[u8]],
) -> Held {
    for (name, value) in upstream.headers() {
        for canary in canaries {
            hold("I22", !has(value, canary), || found(name, value, canary))?;
        }
        for (_, secret) in subject.document.secrets().filter(|(place, secret)| {
            // The same secret may open two origins.
            let own = subject
                .document
                .secrets()
                .any(|(place, other)| subject.document.is_of(place, origin) && other == *secret);
            !own && !subject.document.is_of(place, origin)
        }) {
            hold("I23", !has(value, secret), || format!("another's secret in {name}"))?;
        }
    }
    Ok(())
}

/// What is said of a canary.
pub fn found(name: &str, value: &[u8], canary: &[u8]) -> String {
    format!("{} is in {name}: {}", canary.escape_ascii(), value.escape_ascii())
}

/// Whether every spelling is found: a test of the test.
#[test]
fn a_canary_is_found_in_every_spelling() {
    let canary = b"Canary-7f3a?";
    let hex: String = canary.iter().map(|byte| format!("{byte:02X}")).collect();
    let escaped: String = canary.iter().map(|byte| format!("%{byte:02x}")).collect();
    let twice = escaped.replace('%', "%25");
    let mut spellings = vec!["xCANARY-7F3A?y".to_owned(), hex, escaped, twice, "/canary-7f3a%3F".to_owned()];
    for before in 0..4 {
        let text = [vec![b'x'; before], canary.to_vec(), b"after".to_vec()].concat();
        spellings.extend([STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]);
    }
    for spelling in spellings {
        assert!(has(spelling.as_bytes(), canary), "{spelling}");
    }
    assert!(!has(b"canary-7f3", canary) && !has(b"", canary) && !has(b"short", b"short"));
}
