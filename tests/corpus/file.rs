//! Reads the case files `tests/cases/*.json` (format: `tests/README.md`).
//!
//! Does not belong here: what a host makes of a case.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One file: a subject, its policy, its cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the file is about; for readers.
    #[serde(rename = "about")]
    pub _about: String,
    /// The policy document, relative to the corpus.
    pub policy: String,
    pub cases: Vec<Case>,
}

/// A request and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub request: Request,
    pub served: Option<Served>,
    pub refused: Option<String>,
    pub status: Option<u16>,
    pub rule: Option<String>,
    /// The option that the refusal names.
    pub option: Option<String>,
    /// What only a live run looks at.
    #[serde(rename = "picture")]
    pub _picture: Option<Value>,
    #[serde(rename = "answer")]
    pub _answer: Option<Value>,
    #[serde(rename = "envoy")]
    pub _envoy: Option<Value>,
}

/// Text is Latin-1: each character is one byte.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default = "get")]
    pub method: String,
    #[serde(default = "authority")]
    pub authority: String,
    pub path: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: bool,
}

fn get() -> String {
    "GET".to_owned()
}

fn authority() -> String {
    "img.example.com".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    pub rule: String,
    #[serde(default)]
    pub preset: Option<String>,
    pub origin: String,
    pub source: String,
    pub canonical: String,
    pub cache: String,
    #[serde(default)]
    pub vary: String,
}

impl Request {
    /// The headers as Envoy delivers them.
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut headers = vec![
            (":method".to_owned(), latin1(&self.method)),
            (":scheme".to_owned(), b"http".to_vec()),
            (":authority".to_owned(), latin1(&self.authority)),
            (":path".to_owned(), latin1(&self.path)),
        ];
        headers.extend(self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), latin1(value))));
        headers
    }
}

/// The bytes of a text of the corpus.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character up to U+00FF")).collect()
}

/// The secrets that the policies of the corpus name.
pub const ENVIRONMENT: [(&str, &str); 3] = [
    ("PHOTOS_TOKEN", "Bearer corpus"),
    ("THUMBOR_KEY", "corpus-key-corpus-key-corpus-key"),
    ("PINHOLE_SEAL_KEY", "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"),
];

/// Where the corpus is.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// All files with their paths, in the order of their names.
pub fn files() -> Vec<(PathBuf, File)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root())
        .expect("tests/cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no case files in {}", root().display());
    let read = |path: PathBuf| {
        let text = std::fs::read(&path).expect("a readable file");
        let file =
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, file)
    };
    paths.into_iter().map(read).collect()
}
