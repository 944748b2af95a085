//! The rules of paths, one after the other, as `envoy/policy.md` has them.

/// What may stand in a path as it is.
const RAW: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";

/// What stays as it is in the one spelling of a source.
const UNRESERVED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

/// Characters that are taken for `.`, `..`, `/`, `\`, `;` or `%` somewhere.
const LOOKALIKES: [(u32, &str); 15] = [
    (0x037e, "Greek question mark"),
    (0x2024, "one dot leader"),
    (0x2025, "two dot leader"),
    (0x2044, "fraction slash"),
    (0x2215, "division slash"),
    (0xfe30, "vertical two dot leader"),
    (0xfe52, "small full stop"),
    (0xfe54, "small semicolon"),
    (0xfe68, "small backslash"),
    (0xfe6a, "small percent sign"),
    (0xff05, "full-width percent sign"),
    (0xff0e, "full-width full stop"),
    (0xff0f, "full-width slash"),
    (0xff1b, "full-width semicolon"),
    (0xff3c, "full-width backslash"),
];

/// A path as it is read, or nothing where it is refused.
pub fn read(raw: &[u8]) -> Option<String> {
    // Only what may stand there, and percent signs.
    if !raw.iter().all(|byte| *byte == b'%' || RAW.contains(char::from(*byte)) && byte.is_ascii()) {
        return None;
    }
    let raw = String::from_utf8(raw.to_vec()).unwrap();
    // Every percent sign has two hexadecimal digits behind it.
    let mut bytes = Vec::new();
    for (index, piece) in raw.split('%').enumerate() {
        if index == 0 {
            bytes.extend(piece.bytes());
            continue;
        }
        if piece.len() < 2 || !piece.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(piece[2..].bytes());
    }
    let text = String::from_utf8(bytes).ok()?;
    // No escape stands for a slash; nothing for a backslash, a question mark, a percent sign, a control character.
    if text.matches('/').count() != raw.matches('/').count() || text.contains(['\\', '?', '%']) {
        return None;
    }
    if text
        .chars()
        .any(|character| u32::from(character) < 0x20 || (0x7f..0xa0).contains(&u32::from(character)))
    {
        return None;
    }
    // It begins with a slash, and no segment is empty or of dots; a slash at the end names a directory.
    let segments: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
    let (last, others) = segments.split_last().unwrap();
    if others.iter().any(|segment| ["", ".", ".."].contains(segment)) || [".", ".."].contains(last) {
        return None;
    }
    Some(text)
}

/// Whether a part of a path may be a source.
pub fn is_source(text: &str) -> bool {
    let plain = text.split('/').all(|segment| !["", ".", ".."].contains(&segment));
    let looks = |character: char| LOOKALIKES.iter().any(|(code, _)| *code == u32::from(character));
    let controls = text.chars().any(|c| u32::from(c) < 0x20 || (0x7f..0xa0).contains(&u32::from(c)));
    plain && !controls && !text.contains(['#', ';', '\\', '?', '%']) && !text.chars().any(looks)
}

/// The one spelling of a source.
pub fn spell(text: &str) -> String {
    let mut spelled = String::new();
    for byte in text.bytes() {
        if byte == b'/' || byte.is_ascii() && UNRESERVED.contains(char::from(byte)) {
            spelled.push(char::from(byte));
        } else {
            spelled.push_str(&format!("%{byte:02X}"));
        }
    }
    spelled
}

#[test]
fn a_path_has_one_reading_or_none() {
    for (raw, want) in [
        ("/a/b.jpg", Some("/a/b.jpg")),
        ("/%61", Some("/a")),
        ("/a/", Some("/a/")),
        ("/", Some("/")),
        ("/a;b", Some("/a;b")),
        ("/a//b", None),
        ("/a/%2e%2e/b", None),
        ("/a%2fb", None),
        ("/%252e", None),
        ("/%c0%af", None),
        ("/a b", None),
        ("a", None),
        ("/%", None),
    ] {
        assert_eq!(read(raw.as_bytes()).as_deref(), want, "{raw}");
    }
    assert!(
        is_source("a/b") && !is_source("a;b") && !is_source("") && !is_source("/a") && !is_source("\u{fe30}")
    );
}
