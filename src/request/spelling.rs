//! Canonical spelling: of all the ways in which percent-encoding can write a text, the one that is
//! signed.
//!
//! A byte is escaped if and only if it may not stand raw in that part of a target ([`Part`]), and in
//! upper case. Does not belong here: whether a text is allowed at all, which the decoder in
//! [`super::path`] says. INVARIANT: [`is_canonical`] accepts exactly what [`spell`] writes.

use percent_encoding::percent_encode_byte;

use super::path::{Part, hex};

/// Whether `raw` is the canonical spelling of what it decodes to.
///
/// Where a signature covers a path as it was received, this is what keeps one path from having two
/// signed spellings, of which somebody further on rewrites the one into the other.
pub fn is_canonical(raw: &str, part: Part) -> bool {
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else { return false };
            if high.is_ascii_lowercase() || low.is_ascii_lowercase() {
                return false;
            }
            if !matches!((hex(high), hex(low)), (Some(h), Some(l)) if !part.allows(h << 4 | l)) {
                return false;
            }
        } else if !part.allows(byte) {
            return false;
        }
    }
    true
}

/// Appends `text` in the one spelling that [`is_canonical`] accepts.
pub fn spell(text: &str, part: Part, out: &mut String) {
    for byte in text.bytes() {
        if part.allows(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(percent_encode_byte(byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::path::decode;
    use super::*;

    #[test]
    fn a_canonical_spelling_escapes_no_more_than_it_must() {
        for (raw, path, query) in [
            ("", true, true),
            ("/a-b_c.d~e!$'()*,=:@", true, true),
            ("/caf%C3%A9%20%22.jpg", true, true),
            ("/caf%c3%A9", false, false), // lower case
            ("/%7c", false, false),
            ("/%61", false, false), // needless
            ("/%2D", false, false),
            ("/%2Fa", false, false),
            ("/%40", false, false),
            ("/é", false, false), // must be escaped
            ("/a b", false, false),
            ("/\n", false, false),
            ("/%", false, false), // not an escape
            ("/%4", false, false),
            ("/%G0", false, false),
            ("/%+4", false, false),
            ("/%C3%é", false, false),
            ("a+b&c", true, false), // raw in a path only
            ("a%2Bb%26c", false, true),
            ("a?b", false, true), // raw in a query only
            ("a%3Fb", true, false),
            ("a;b", true, true),
            ("a%3Bb", false, false),
        ] {
            assert_eq!(is_canonical(raw, Part::Path), path, "path {raw}");
            assert_eq!(is_canonical(raw, Part::Query), query, "query {raw}");
        }
    }

    #[test]
    fn every_byte_is_spelled_canonically_and_read_back() {
        for part in [Part::Path, Part::Query] {
            for byte in 0..=u8::MAX {
                let text = char::from(byte).to_string();
                let mut spelled = String::new();
                spell(&text, part, &mut spelled);
                assert!(is_canonical(&spelled, part), "{spelled}");
                // What may not be there in any spelling does not decode.
                assert!(decode(&spelled, part).is_none_or(|decoded| decoded == text), "{spelled}");
            }
        }
    }
}
