//! Tags and signed URLs that others computed: published vectors, and those of `envoy/signed-urls.md`.
//!
//! The published ones come from `../shared/corpora` beside the project; where that is absent, a line
//! on stderr says what was skipped. The document's are in `tests/signed-urls.json`, which
//! `tests/signing.rs` also gives to the functions in the document.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pinhole::options::SPECS;
use pinhole::request::query::Query;
use pinhole::seal::decode_hex;
use pinhole::secret::Secret;
use pinhole::signature::grant::Grant;
use pinhole::signature::key::{KeyId, SigningKey, Tag};
use pinhole::signature::{KeyRing, Terms};
use serde::Deserialize;

/// A published file, or a line that says that it is absent.
fn corpus(name: &str) -> Option<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            // Not `eprintln!`, which is shown only where a test fails.
            let _ = writeln!(std::io::stderr(), "SKIPPED signature vectors: {name} is absent");
            None
        }
    }
}

/// A key that may have fewer bytes than we allow. HMAC fills every key up to 64 bytes with zeros (RFC
/// 2104 2), so that a vector holds for the filled key as well.
fn filled_key(hex: &str) -> SigningKey {
    let mut bytes = decode_hex(hex.as_bytes()).unwrap();
    bytes.resize(bytes.len().max(32), 0);
    SigningKey::from_bytes(&Secret::new(bytes)).unwrap()
}

/// The tag of a message in hexadecimal digits.
fn hex_tag(key: &SigningKey, message: &[u8]) -> String {
    let tag = URL_SAFE_NO_PAD.decode(key.sign(message).to_string()).unwrap();
    tag.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

#[test]
fn wycheproof_vectors() {
    let Some(corpus) = corpus("wycheproof/hmac_sha256_test.json") else { return };
    let mut checked = BTreeMap::new();
    for group in corpus["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let text = |field: &str| test[field].as_str().unwrap();
            let bytes = |field| decode_hex(text(field).as_bytes()).unwrap();
            let key = filled_key(text("key"));
            let right = hex_tag(&key, &bytes("msg")).starts_with(text("tag"));
            assert_eq!(right, text("result") == "valid", "{}", test["tcId"]);
            // A shortened tag is right and yet refused.
            let whole = bytes("tag").len() == 32;
            let accepted = Tag::parse(&URL_SAFE_NO_PAD.encode(bytes("tag")))
                .is_some_and(|tag| key.verify(&bytes("msg"), &tag));
            assert_eq!(accepted, right && whole, "{}", test["tcId"]);
            *checked.entry((text("result").to_owned(), whole)).or_insert(0) += 1;
        }
    }
    let count = |result: &str, whole| checked[&(result.to_owned(), whole)];
    assert_eq!((count("valid", true), count("valid", false)), (33, 33));
    assert_eq!((count("invalid", true), count("invalid", false)), (54, 54));
}

#[test]
fn published_url_signatures() {
    let Some(corpus) = corpus("url-signing-kats/kats.json") else { return };
    let mut checked = 0;
    for vector in corpus["positive"].as_array().unwrap() {
        let text = |field: &str| vector[field].as_str().unwrap_or_default();
        let whole = vector["mac_bytes"].as_u64().is_none_or(|bytes| bytes == 32);
        if !["imgproxy", "cloudflare-images"].contains(&text("scheme")) || !whole {
            continue;
        }
        let salt = decode_hex(text("salt_hex").as_bytes()).unwrap();
        let message = [salt, text("signed_string").into()].concat();
        let key = filled_key(text("key_hex"));
        let tag = match text("encoding") {
            "hex-lower" => hex_tag(&key, &message),
            _ => key.sign(&message).to_string(),
        };
        assert_eq!(tag, text("expected"), "{}", text("id"));
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    keys: BTreeMap<String, String>,
    signed: Vec<Vector>,
    refused: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    host: String,
    path: String,
    parameters: BTreeMap<String, String>,
    exp: u64,
    kid: String,
    free: Vec<String>,
    url: Option<String>,
}

impl Vector {
    fn grant(&self) -> Grant {
        Grant {
            host: self.host.clone(),
            path: self.path.clone(),
            parameters: self.parameters.clone().into_iter().collect(),
            free: self.free.clone(),
            exp: self.exp,
            kid: self.kid.clone(),
        }
    }

    /// Its row in the document.
    fn row(&self) -> String {
        let listed =
            |words: Vec<String>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
        let parameters = self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (parameters, free) = (listed(parameters), listed(self.free.clone()));
        let Vector { host, path, exp, kid, url, .. } = self;
        let url = url.as_deref().unwrap();
        format!("| `{host}` | `{path}` | {parameters} | `{exp}` | `{kid}` | {free} | `{url}` |\n")
    }
}

const DOCUMENT: &str = include_str!("../envoy/signed-urls.md");

fn vectors() -> (Vectors, KeyRing) {
    let vectors: Vectors = serde_json::from_str(include_str!("signed-urls.json")).unwrap();
    let keys = vectors.keys.iter().map(|(kid, hex)| {
        (KeyId::parse(kid).unwrap(), SigningKey::from_hex(&Secret::new(hex.as_str())).unwrap())
    });
    let ring = KeyRing::new(keys.collect()).unwrap();
    (vectors, ring)
}

/// Whether a URL of a vector is served in its last second.
fn is_served(ring: &KeyRing, vector: &Vector, target: &str) -> bool {
    let query = Query::parse(target.split_once('?').map(|(_, query)| query)).unwrap();
    let free = SPECS.iter().map(|spec| spec.option).collect();
    let terms = Terms { free, max_life: 1 };
    ring.verify(&vector.host, target, query, &terms, vector.exp.checked_sub(1)).is_ok()
}

#[test]
fn the_vectors_of_the_document_are_signed_and_served() {
    let (vectors, ring) = vectors();
    assert!(vectors.signed.len() >= 12 && vectors.refused.len() >= 8, "the vectors are incomplete");
    for vector in &vectors.signed {
        let url = vector.url.as_deref().unwrap();
        assert_eq!(ring.sign(&vector.grant()).as_deref(), Ok(url), "{}", vector.name);
        assert!(is_served(&ring, vector, url), "{}", vector.name);
    }
    for vector in &vectors.refused {
        assert!(ring.sign(&vector.grant()).is_err(), "{}", vector.name);
    }
}

#[test]
fn the_document_shows_the_vectors() {
    let (vectors, _) = vectors();
    for (kid, key) in &vectors.keys {
        let row = format!("| `{kid}` | `{key}` |\n");
        assert!(DOCUMENT.contains(&row), "the document lacks the key {row}");
    }
    let mut rows = 0;
    for vector in &vectors.signed {
        let said = format!("{} {:?}", vector.path, vector.parameters);
        // A cell of a table cannot hold these as they are.
        if !said.contains(['|', '`']) {
            let row = vector.row();
            assert!(DOCUMENT.contains(&row), "the document lacks the row\n{row}");
            rows += 1;
        }
    }
    assert!(rows >= 10, "{rows} rows");
}

#[test]
fn the_message_in_the_document_is_the_one_that_is_signed() {
    let (vectors, ring) = vectors();
    let vector = vectors.signed.iter().find(|vector| !vector.free.is_empty()).unwrap();
    let url = format!("{}&width=640", vector.url.as_deref().unwrap());
    assert!(DOCUMENT.contains(&format!("```\n{url}\n```\n")), "the document lacks the URL {url}");
    assert!(is_served(&ring, vector, &url));
    let (_, message) = DOCUMENT.split_once("```\npinhole-url-v1\n").expect("a message");
    let (message, _) = message.split_once("```\n").unwrap();
    let key = SigningKey::from_hex(&Secret::new(vectors.keys[&vector.kid].as_str())).unwrap();
    let tag = key.sign(format!("pinhole-url-v1\n{message}").as_bytes());
    assert!(url.contains(&format!("&sig={tag}&")));
}
