//! Any document as a policy: bytes, or one that loads with some of its values changed.
//!
//! ```text
//! 00 │ a document            any other first byte │ which document, and its changes, read by `arbitrary`
//! ```

use arbitrary::{Result, Unstructured};
use pinhole::config::{self, error::MOST_ERRORS};
use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use serde_json::{Value, json};

use super::super::invariants::reply;
use super::super::policies::{self, SECRETS};
use super::held;
use super::signature::NOW;

/// Runs one input.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, document)) => load(document),
        Some((_, changes)) => {
            if let Ok(document) = changed(&mut Unstructured::new(changes)) {
                load(document.to_string().as_bytes());
            }
        }
        None => {}
    }
}

/// The longest message that makes sense to somebody: a place, what was found there and what is wanted.
const MOST_MESSAGE: usize = 2_000;

/// Loads a document, and tells what does not hold of the outcome.
fn load(document: &[u8]) {
    let loaded = match config::load(document, &policies::environment) {
        Ok(loaded) => loaded,
        Err(errors) => {
            assert!((1..=MOST_ERRORS).contains(&errors.len()), "{} errors", errors.len());
            assert!(errors.is_sorted(), "{errors:?}");
            for message in errors.iter().map(ToString::to_string) {
                assert!(!message.contains(char::is_control), "more than a line: {message:?}");
                assert!(
                    message.len() <= MOST_MESSAGE + document.len().min(20_000),
                    "{} bytes: {message}",
                    message.len()
                );
                let given = SECRETS.iter().filter(|secret| !holds(document, secret));
                given.for_each(|secret| assert!(!message.contains(secret), "a secret: {message}"));
            }
            return;
        }
    };
    let debug = format!("{:?}", loaded.policy);
    for secret in SECRETS.iter().filter(|secret| !holds(document, secret)) {
        assert!(!debug.contains(secret), "a secret: {debug}");
    }
    // I30: written in another way, it is the same policy.
    if let Ok(value) = serde_json::from_slice::<Value>(document) {
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
        let again = config::load(pretty.as_bytes(), &policies::environment);
        let again = again.map(|again| again.fingerprint).map_err(|errors| format!("{errors:?}"));
        assert_eq!(again, Ok(loaded.fingerprint), "I30: {pretty}");
    }
    ask(&loaded.policy);
}

fn holds(document: &[u8], part: &str) -> bool {
    document.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Requests that some route of the policies may be for.
const TARGETS: &[&str] = &[
    "/images/small/a.jpg",
    "/images/../a.jpg",
    "/photos/a.jpg?width=300",
    "/photos/a.jpg?width=0&height=100000",
    "/cdn-cgi/image/width=100,height=50,fit=pad/a/b.png",
    "/cdn/w=5000/a",
    "/s3/%C3%A9.jpg",
    "/signed/a.jpg?exp=1&kid=k1&sig=A",
    "/a.svg",
    "/",
    "/images/card/a%20b.gif?dpr=2&format=auto",
];

/// I1, I6, I8: a policy that loads decides.
fn ask(policy: &Policy) {
    for target in TARGETS {
        let headers = [
            (":method", "GET"),
            (":authority", "img.example.com"),
            (":path", target),
            ("accept", "image/webp"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        match policy.decide(&headers, true, Some(NOW)) {
            Decision::Forward(forward) => {
                let own = policy.resizer_authority().unwrap_or("img.example.com");
                assert_eq!(forward.upstream.authority.as_str(), own, "I6");
                assert!(
                    forward.upstream.path.bytes().all(|byte| byte.is_ascii_graphic()),
                    "I8: {}",
                    forward.upstream.path
                );
                assert!(
                    forward
                        .transform
                        .as_ref()
                        .is_some_and(|transform| transform.frame.width() <= 12_000
                            && transform.frame.height() <= 12_000),
                    "I13"
                );
                if let Ok(request) = policy.source_request(&forward, Some(NOW)) {
                    assert!(request.path.starts_with(forward.origin.url().base()), "I7: {}", request.path);
                }
            }
            Decision::Reject(refusal) => held(reply::refused(&refusal.reply())),
        }
        if let Decision::Reject(refusal) = policy.open(&headers, true, Some(NOW)) {
            held(reply::refused(&refusal.reply()));
        }
    }
}

/// One of the policies after some changes.
fn changed(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut document = u.choose(&policies::ALL)?.document.clone();
    for _ in 0..u.int_in_range(1..=5)? {
        let other = u.choose(&policies::ALL)?;
        change(&mut document, &other.document, u)?;
    }
    Ok(document)
}

/// Changes a value somewhere in a document; `other` lends what stands at another place.
fn change(document: &mut Value, other: &Value, u: &mut Unstructured<'_>) -> Result<()> {
    let inner: Vec<&mut Value> = match document {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    if !inner.is_empty() && u.ratio(5, 6)? {
        let index = u.choose_index(inner.len())?;
        return inner.into_iter().nth(index).map_or(Ok(()), |inner| change(inner, other, u));
    }
    let given = value(other, u)?;
    match (u.int_in_range(0..=3)?, document) {
        (0, Value::Object(members)) => drop(members.insert(key(u)?, given)),
        (0, Value::Array(items)) => items.push(given),
        (1, Value::Object(members)) => {
            let gone = members.keys().nth(u.choose_index(members.len().max(1))?).cloned();
            gone.map(|gone| members.remove(&gone));
        }
        (1, Value::Array(items)) if !items.is_empty() => drop(items.remove(u.choose_index(items.len())?)),
        (2, Value::String(text)) => {
            let at = text
                .char_indices()
                .map(|(at, _)| at)
                .nth(u.choose_index(text.len().max(1))?)
                .unwrap_or_default();
            text.insert_str(at, piece(u)?);
        }
        (_, place) => *place = given,
    }
    Ok(())
}

/// Keys that mean something, and one that means nothing.
fn key(u: &mut Unstructured<'_>) -> Result<String> {
    const KEYS: &[&str] = &[
        "width",
        "height",
        "max",
        "min",
        "over",
        "under",
        "one_of",
        "else",
        "hosts",
        "presets",
        "extends",
        "query",
        "default",
        "limits",
        "area",
        "aspect_ratios",
        "variants",
        "sources",
        "referrer",
        "signature",
        "free",
        "fallback",
        "credentials",
        "set",
        "forward",
        "cookies",
        "origin_auth",
        "last_modified",
        "push",
        "key",
        "salt",
        "value",
        "env",
        "previous_seal_key",
        "private_sources",
        "format",
        "quality",
        "dpr",
        "unresizable",
        "max_age",
        "trim",
        "",
        "constructor",
        "a b\n",
    ];
    Ok(if u.ratio(1, 8)? { u.arbitrary()? } else { (*u.choose(KEYS)?).to_owned() })
}

/// Pieces of texts that mean something in a pattern, a URL, a host or a header.
fn piece<'a>(u: &mut Unstructured<'a>) -> Result<&'a str> {
    const PIECES: &[&str] = &[
        "(?<source>.+)",
        "(?<preset>[^/]+)",
        "(?<options>.*)",
        "(a+)+$",
        ".{1000}{1000}",
        "\\p{L}*",
        "[",
        "(?i)",
        "|",
        "^",
        "$",
        "..",
        "//",
        "@",
        ":",
        "?",
        "#",
        "%2f",
        "*",
        "*.",
        "{source}",
        "[/{width}]",
        "\r\n",
        "\u{0}",
        "é",
        "\u{2024}",
        " ",
        "0",
        "localhost",
        "169.254.169.254",
        "[::1]",
        "x-amz-*",
        "host",
        "-",
        ".",
    ];
    Ok(if u.ratio(1, 4)? { u.arbitrary()? } else { *u.choose(PIECES)? })
}

/// A value, or what stands somewhere in another document.
fn value(other: &Value, u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=9)? {
        0 => Value::Null,
        1 => json!(u.arbitrary::<bool>()?),
        2 => json!(u.arbitrary::<u64>()?),
        3 => json!(u.arbitrary::<i8>()?),
        4 => json!(u.choose(&[0.0, -1.0, 0.5, 1.005, 300.0, 1e308, 4_294_967_296.0, 12_000.0, 12_001.0])?),
        5 => json!(piece(u)?),
        6 => json!([piece(u)?, piece(u)?]),
        7 => json!({ key(u)?: piece(u)? }),
        _ => {
            let mut at = other;
            while u.ratio(4, 5)? {
                let inner: Vec<&Value> = match at {
                    Value::Object(members) => members.values().collect(),
                    Value::Array(items) => items.iter().collect(),
                    _ => Vec::new(),
                };
                if inner.is_empty() {
                    break;
                }
                at = *u.choose(&inner)?;
            }
            at.clone()
        }
    })
}
