//! Where payloads are put (`positions.json`), in which spellings, and the requests that come of it.
//!
//! The live half (`positions.py`) reads the same file. Every request brings credentials beside the payload, so that
//! whatever lets a request through shows whether it lets those through as well.

use std::sync::LazyLock;

use serde::Deserialize;

/// A credential that no list names: nobody may be told.
pub const UNLISTED: &str = "canary-unlisted-93ab6c81f0";

/// What every request brings, unless its position has another value for it.
pub const BROUGHT: &[(&str, &str)] = &[
    ("authorization", "Bearer canary-listed-5e1f07c2d4"),
    ("cookie", "theme=canary-unlisted-93ab6c81f0; session=canary-listed-5e1f07c2d4"),
    ("proxy-authorization", "Basic canary-unlisted-93ab6c81f0"),
    ("x-amz-security-token", "canary-unlisted-93ab6c81f0"),
    ("x-api-key", "canary-unlisted-93ab6c81f0"),
];

/// Which half of pinhole is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    Edge,
    Gate,
}

/// One place of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub name: String,
    #[serde(default)]
    pub role: Role,
    #[serde(default = "picture")]
    path: String,
    #[serde(default = "host")]
    authority: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Those under which it is asked.
    #[serde(default = "routes")]
    policies: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Positions {
    #[serde(rename = "about")]
    _about: String,
    positions: Vec<Position>,
}

fn routes() -> Vec<String> {
    vec!["routes".to_owned()]
}

fn picture() -> String {
    "/images/small/landscape.jpg".to_owned()
}

fn host() -> String {
    "img.example.com".to_owned()
}

/// All of them.
pub static POSITIONS: LazyLock<Vec<Position>> = LazyLock::new(|| {
    let read: Positions =
        serde_json::from_str(include_str!("positions.json")).expect("positions.json is valid");
    read.positions
});

/// A name, and how a payload is written.
type Spelling = (&'static str, fn(&[u8]) -> Vec<u8>);

/// All spellings.
pub const SPELLINGS: [Spelling; 4] = [
    ("raw", <[u8]>::to_vec),
    ("percent-encoded where reserved", |payload| escape(payload, |byte| !is_unreserved(byte))),
    ("percent-encoded", |payload| escape(payload, |_| true)),
    ("percent-encoded twice", |payload| escape(&escape(payload, |_| true), |byte| byte == b'%')),
];

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn escape(payload: &[u8], escaped: impl Fn(u8) -> bool) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Vec::with_capacity(payload.len() * 3);
    for byte in payload.iter().copied() {
        match escaped(byte) {
            true => text.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
            false => text.push(byte),
        }
    }
    text
}

impl Position {
    /// Whether it is asked under this policy.
    pub fn is_for(&self, policy: &str) -> bool {
        self.policies.iter().any(|name| name == policy)
    }

    /// Whether the payload stands in path or query.
    pub fn is_in_path(&self) -> bool {
        self.path.contains("{}")
    }

    /// The headers of the request, as Envoy hands them over. `signed` is path and query of a URL that is signed.
    pub fn request(&self, payload: &[u8], signed: &str) -> Vec<(String, Vec<u8>)> {
        let signature = signed.split_once('?').map_or("", |(_, query)| query);
        let path = self.path.replace("{signed}", signed).replace("{signature}", signature);
        let mut headers = vec![
            (":method".to_owned(), b"GET".to_vec()),
            (":scheme".to_owned(), b"http".to_vec()),
            (":authority".to_owned(), fill(&self.authority, payload)),
            (":path".to_owned(), fill(&path, payload)),
        ];
        for (name, value) in &self.headers {
            // A name is text to the host; bytes that are none come as what replaces them.
            let name = String::from_utf8_lossy(&fill(name, payload)).to_ascii_lowercase();
            headers.push((name, fill(value, payload)));
        }
        let brought = BROUGHT.iter().filter(|(name, _)| !self.headers.iter().any(|(other, _)| other == name));
        headers.extend(brought.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        headers
    }
}

fn fill(template: &str, payload: &[u8]) -> Vec<u8> {
    let mut pieces = template.split("{}");
    let mut filled = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        filled.extend_from_slice(payload);
        filled.extend_from_slice(piece.as_bytes());
    }
    filled
}
