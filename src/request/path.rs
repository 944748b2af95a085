//! The path of a request, and the only percent-decoder of pinhole.
//!
//! A path is decoded once, into text that has a single reading: a proxy, a resizer or an origin that
//! decodes it again, folds slashes or resolves dots must come to the same segments. So it is refused
//!
//! 1. if a byte is not a `pchar` or `/` of RFC 3986 (raw spaces, quotes, `\`, bytes above 0x7f),
//! 2. if a percent sign is not followed by two hexadecimal digits,
//! 3. if it decodes to a control character, `/`, `\`, `?` or `%`, raw or encoded, the raw `/` excepted
//!    (`%` would be decoded again),
//! 4. if it is not UTF-8 then (overlong forms are not),
//! 5. if it does not begin with `/`, or a segment is empty, `.` or `..`.
//!
//! What becomes the path of a source is refused further if it holds `#` or `;` (which starts path
//! parameters for some servers); an options segment may hold them: `trim=1;2;3;4`, `background=%23fff`.
//! So it is with characters that only look like separators to some.
//!
//! INVARIANT: [`Path::as_str`] and [`SourcePath`] hold only what passed these rules, and are written
//! out again by [`SourcePath::encode_into`], never copied from the request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::policy::rejection::Rejection;

/// What an encoded path keeps as it is: RFC 3986 `unreserved`, and the slashes between segments.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A decoded path: begins with `/`, every segment plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// Decodes the path part of a request target.
    pub fn parse(raw: &str) -> Result<Path, Rejection> {
        let decoded = decode(raw, Part::Path).ok_or(Rejection::MalformedPath)?;
        let segments = decoded.strip_prefix('/').ok_or(Rejection::MalformedPath)?;
        // The root and a directory end in an empty segment; no route can match them, and they are
        // "no route" rather than malformed.
        let named = segments.strip_suffix('/').unwrap_or(segments);
        if segments.is_empty() || plain_segments(named) {
            Ok(Path(decoded))
        } else {
            Err(Rejection::MalformedPath)
        }
    }

    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The path of a source image below its origin's base: relative, every segment plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePath(String);

impl SourcePath {
    /// Takes a decoded relative path, such as a part of a [`Path`] or the content of a sealed token.
    pub fn parse(decoded: &str) -> Result<SourcePath, Rejection> {
        // Byte by byte, as nearly all are ASCII; what else may not be in there is looked for only where there is more.
        let ascii_means_more = |byte: &u8| {
            byte.is_ascii_control()
                || FORBIDDEN.as_bytes().contains(byte)
                || FORBIDDEN_IN_SOURCES.as_bytes().contains(byte)
        };
        let means_more = |c: char| c.is_control() || LOOKALIKES.contains(c);
        let plain = !decoded.as_bytes().iter().any(ascii_means_more)
            && (decoded.is_ascii() || !decoded.contains(means_more));
        if plain && plain_segments(decoded) {
            Ok(SourcePath(decoded.to_owned()))
        } else {
            Err(Rejection::MalformedPath)
        }
    }

    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the path in its one canonical spelling: everything but `unreserved` and the slashes is
    /// percent-encoded, in upper case.
    pub fn encode_into(&self, out: &mut String) {
        out.extend(utf8_percent_encode(&self.0, KEPT));
    }
}

/// Characters that mean something to somebody further on.
const FORBIDDEN: &str = "\\?%";

/// Characters that mean something in the path of a source.
const FORBIDDEN_IN_SOURCES: &str = "#;";

/// Characters that some servers fold to what means something in a path (Unicode compatibility forms): one and two dot
/// leaders, the latter also upright; fraction and division slash; Greek question mark, which is a semicolon; small
/// and full-width full stop, slash, backslash, semicolon and percent sign.
const LOOKALIKES: &str = "\u{2024}\u{2025}\u{fe30}\u{2044}\u{2215}\u{37e}\u{fe52}\u{fe54}\u{fe68}\u{fe6a}\u{ff05}\u{ff0e}\u{ff0f}\u{ff1b}\u{ff3c}";

/// Whether no segment is empty or a dot segment.
fn plain_segments(path: &str) -> bool {
    path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Which part of a target is decoded: they differ in the characters that may stand raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The path: `pchar` and `/`.
    Path,
    /// A name or value of the query: `pchar`, `/` and `?`, without the `+` that forms read as a space.
    Query,
}

impl Part {
    /// Whether `byte` may stand in this part as it is.
    pub(super) fn allows(self, byte: u8) -> bool {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => true,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' | b'=' | b':'
            | b'@' | b'/' => true,
            b';' => true,
            b'&' | b'+' => self == Part::Path,
            b'?' => self == Part::Query,
            _ => false,
        }
    }

    /// Whether the character may be the result of decoding `%HH`.
    fn allows_encoded(self, character: char) -> bool {
        !character.is_control()
            && (self == Part::Query || (character != '/' && !FORBIDDEN.contains(character)))
    }
}

/// Decodes percent-encoding once, strictly. `None` where the text is not a canonical `part`.
pub(super) fn decode(raw: &str, part: Part) -> Option<String> {
    if !raw.contains('%') {
        return raw.bytes().all(|byte| part.allows(byte)).then(|| raw.to_owned());
    }
    let mut pieces = raw.split('%');
    let mut decoded: Vec<u8> = Vec::with_capacity(raw.len());
    let mut escaped: Vec<u8> = Vec::new();
    let first = pieces.next()?;
    if !first.bytes().all(|byte| part.allows(byte)) {
        return None;
    }
    decoded.extend_from_slice(first.as_bytes());
    for piece in pieces {
        let (high, low, rest) = match piece.as_bytes() {
            [high, low, rest @ ..] => (hex(*high)?, hex(*low)?, rest),
            _ => return None,
        };
        escaped.push(high << 4 | low);
        if rest.is_empty() {
            continue;
        }
        flush(&mut escaped, &mut decoded, part)?;
        if !rest.iter().all(|byte| part.allows(*byte)) {
            return None;
        }
        decoded.extend_from_slice(rest);
    }
    flush(&mut escaped, &mut decoded, part)?;
    String::from_utf8(decoded).ok()
}

/// Moves a run of escaped bytes over if it is UTF-8 of allowed characters.
fn flush(escaped: &mut Vec<u8>, decoded: &mut Vec<u8>, part: Part) -> Option<()> {
    let text = std::str::from_utf8(escaped).ok()?;
    if !text.chars().all(|character| part.allows_encoded(character)) {
        return None;
    }
    decoded.append(escaped);
    Some(())
}

/// The value of one hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(source: &str) -> String {
        let mut out = String::new();
        SourcePath::parse(source).unwrap().encode_into(&mut out);
        out
    }

    #[test]
    fn accepts() {
        for (raw, want) in [
            ("/", "/"),
            ("/a/b.jpg", "/a/b.jpg"),
            ("/caf%C3%A9.jpg", "/café.jpg"),
            ("/caf%c3%a9.jpg", "/café.jpg"),
            ("/a%20b", "/a b"),
            ("/%61", "/a"),
            ("/a+b", "/a+b"),
            ("/...", "/..."),
            ("/a@2x.png", "/a@2x.png"),
            ("/dir/", "/dir/"),
        ] {
            assert_eq!(Path::parse(raw).as_ref().map(Path::as_str), Ok(want), "{raw}");
        }
    }

    #[test]
    fn rejects() {
        for raw in [
            "",
            "a",
            "//",
            "//a",
            "/a//b",
            "/./a",
            "/a/..",
            "/../a",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a/%2e", // dots
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/..%2f..%2fsecret",
            "/..%5c..", // separators
            "/a%3fb",
            "/a#b", // query and fragment
            "/a%25b",
            "/%252e%252e/a",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%%41", // percent signs
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a%c2%80", // controls
            "/a b",
            "/a\"b",
            "/a<b",
            "/a|b",
            "/a^b",
            "/a`b",
            "/a{b",
            "/a[b",
            "/é", // not pchar
            "/%ff",
            "/%c0%af",
            "/%c0%ae%c0%ae/",
            "/%e0%80%af",
            "/%ed%a0%80",
            "/%c3",
            "/%c3/%a9", // not UTF-8
        ] {
            assert_eq!(Path::parse(raw), Err(Rejection::MalformedPath), "{raw}");
        }
    }

    #[test]
    fn source_paths_are_relative_and_plain() {
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "../a",
            "a/..",
            ".",
            "a\\b",
            "a%2fb",
            "a?b",
            "a#b",
            "a;b",
            "..;",
            "a#b;",
            "a\0",
            "\u{ff0e}\u{ff0e}\u{ff0f}a",
            "\u{fe30}/a",
            "..\u{37e}/a",
            "..\u{fe54}/a",
            "..\u{ff1b}/a",
            "\u{fe6a}2e\u{fe6a}2e/a",
            "\u{ff05}2e\u{ff05}2e/a",
        ] {
            assert_eq!(SourcePath::parse(bad), Err(Rejection::MalformedPath), "{bad}");
        }
    }

    #[test]
    fn encoding_keeps_only_unreserved_characters() {
        assert_eq!(encoded("a b/c+d@é.jpg"), "a%20b/c%2Bd%40%C3%A9.jpg");
        assert_eq!(encoded("a-b_c.d~e"), "a-b_c.d~e");
    }
}
