//! Paths of upstream requests: I7 and I8, and the source that stands in them.
//!
//! A reader of a path may be careless in many ways; here are all of them that are known, together and one by one.

use super::document::Origin;
use super::{Held, hold};

/// The path of a source: the base, a slash, and the source in its one spelling.
pub fn below(origin: &Origin, source: &str, path: &str) -> Held {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    hold("I12", query.is_none() || origin.has_query, || format!("a query in {path:?}"))?;
    spelled("I8", path, "")?;
    let wanted = format!("{}/{}", origin.base, encode(source));
    hold("I8", path == wanted, || format!("{path:?} for {wanted:?}"))?;
    let base = format!("{}/", unescape(origin.base.as_bytes()).escape_ascii());
    stays(path, &format!("{}/", origin.base), &base)
}

/// I7: after so many decodings, and read by whoever folds what he can, it is below the base and climbs nowhere.
fn stays(path: &str, base: &str, decoded_base: &str) -> Held {
    let mut bytes = path.as_bytes().to_vec();
    for times in 0..=3 {
        // The base may have an escape itself; all of its readings are the policy's.
        let wanted = if times == 0 { base } else { decoded_base };
        for careless in ways(&bytes) {
            let read = fold(&bytes, careless);
            let climbs = climbs(&read);
            let is_below = careless != 0 || read.escape_ascii().to_string().starts_with(wanted);
            hold("I7", is_below && !climbs, || {
                format!("{path:?} is read as {:?} after {times} decodings", read.escape_ascii().to_string())
            })?;
        }
        if times > 0 && !bytes.contains(&b'%') {
            break;
        }
        bytes = unescape(&bytes);
    }
    Ok(())
}

/// The path of a resizer's request: there is a URL in it, so that slashes may follow each other; no dots.
pub fn of_resizer(path: &str) -> Held {
    hold("I8", path.starts_with('/'), || format!("{path:?}"))?;
    hold("I8", path.matches('?').count() <= 1, || format!("more than one question mark in {path:?}"))?;
    spelled("I8", path, "!$&'()*+,;=:@?")?;
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..=3 {
        for careless in ways(&bytes) {
            let read = fold(&bytes, careless);
            let dots = |segment: &[u8]| segment == b"." || segment == b"..";
            hold("I7", !read.split(|byte| *byte == b'/').any(dots), || format!("dots in {path:?}"))?;
        }
        if !bytes.contains(&b'%') {
            break;
        }
        bytes = unescape(&bytes);
    }
    Ok(())
}

/// I8: unreserved characters, slashes, escapes in capitals of what needs them, and `others`.
fn spelled(invariant: &'static str, path: &str, others: &str) -> Held {
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let fits = match first {
            b'%' => {
                let digits = after.first_chunk::<2>();
                rest = after.get(2..).unwrap_or_default();
                digits.and_then(value).is_some_and(|byte| !is_unreserved(byte))
                    && digits.is_some_and(|digits| digits.iter().all(|digit| !digit.is_ascii_lowercase()))
            }
            byte => is_unreserved(*byte) || *byte == b'/' || others.as_bytes().contains(byte),
        };
        hold(invariant, fits, || format!("{:?} in {path:?}", first.escape_ascii().to_string()))?;
    }
    Ok(())
}

/// RFC 3986 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn value(digits: &[u8; 2]) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// A text with everything escaped but what is unreserved, and slashes.
pub fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'/' => "/".to_owned(),
        byte if is_unreserved(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Decodes once, like a server that leaves alone what is no escape.
pub fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        match after.first_chunk::<2>().and_then(value) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

/// The ways to read a path carelessly: only the plain one where nothing in it can be read in two.
fn ways(path: &[u8]) -> std::ops::Range<u8> {
    let is_plain = path.iter().all(|byte| byte.is_ascii() && !b"\\;".contains(byte));
    let merges = path.windows(2).any(|pair| pair == b"//");
    if is_plain && !merges { 0..1 } else { 0..16 }
}

/// Reads a path carelessly: each bit of `how` is one way to.
fn fold(path: &[u8], how: u8) -> Vec<u8> {
    let mut path = path.to_vec();
    if how & 1 != 0 {
        path = fold_overlong(&path);
    }
    if how & 2 != 0 {
        path.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    if how & 4 != 0 {
        let plain = |segment: &[u8]| segment.split(|byte| *byte == b';').next().unwrap_or_default().to_vec();
        path = path.split(|byte| *byte == b'/').map(plain).collect::<Vec<_>>().join(&b'/');
    }
    if how & 8 != 0 {
        path.dedup_by(|one, other| *one == b'/' && *other == b'/');
    }
    path
}

/// Characters in more bytes than they need, and characters that look like dots and slashes, as what some take them for.
fn fold_overlong(path: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let (length, bits) = match first {
            0xc0..=0xdf => (1, first & 0x1f),
            0xe0..=0xef => (2, first & 0x0f),
            0xf0..=0xf7 => (3, first & 0x07),
            _ => (0, 0),
        };
        let tail =
            after.get(..length).filter(|tail| length > 0 && tail.iter().all(|byte| byte & 0xc0 == 0x80));
        let code = tail
            .map(|tail| tail.iter().fold(u32::from(bits), |code, byte| (code << 6) | u32::from(byte & 0x3f)));
        let plain = code.and_then(|code| u8::try_from(code).ok()).filter(u8::is_ascii);
        let looks_like: &[u8] = match code.unwrap_or_default() {
            0x2024 | 0xfe52 | 0xff0e => b".",
            0x2025 | 0xfe30 => b"..",
            0x2044 | 0x2215 | 0xff0f => b"/",
            0xfe68 | 0xff3c => b"\\",
            0x037e | 0xfe54 | 0xff1b => b";",
            0xfe6a | 0xff05 => b"%",
            _ => b"",
        };
        match plain {
            _ if !looks_like.is_empty() => {
                folded.extend(looks_like);
                rest = after.get(length..).unwrap_or_default();
            }
            Some(byte) => {
                folded.push(byte);
                rest = after.get(length..).unwrap_or_default();
            }
            None => {
                folded.push(*first);
                rest = after;
            }
        }
    }
    folded
}

/// Whether a segment is one that some server resolves, or empty.
fn climbs(path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/').skip(1);
    !path.starts_with(b"/") || segments.any(|segment| matches!(segment, b"" | b"." | b".."))
}

/// Whether the folding sees what it is there for: a test of the test.
#[test]
fn every_careless_reading_is_known() {
    for path in [
        "/b/../x",
        "/b/%2e%2E/x",
        "/b/%252e%252e/x",
        "/b/%25252e%25252e/x",
        "/b/..;a=1/x",
        "/b/..%5cx",
        "/b/%c0%ae%c0%ae/x",
        "/b/%e0%80%ae./x",
        "/b/%EF%BC%8E%EF%BC%8E%EF%BC%8Fx",
        "/b//x",
        "/c/x",
        "/b/..%3b/x",
    ] {
        assert!(stays(path, "/b/", "/b/").is_err(), "{path}");
    }
    assert_eq!(stays("/b/...;/x.jpg", "/b/", "/b/"), Ok(()));
    assert!(spelled("I8", "/%61", "").is_err() && spelled("I8", "/%c3%A9", "").is_err());
    assert!(spelled("I8", "/a b", "").is_err() && spelled("I8", "/%C3%A9", "").is_ok());
}
