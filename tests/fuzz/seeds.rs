//! The inputs that every target begins with: made of the cases, the policies, the signed URLs and the documents beside
//! this crate, so that they are in the repository once.
//!
//! Targets that read their input by `arbitrary` begin with bytes that mean nothing.

use std::path::{Path, PathBuf};

use pinhole::resizer::DIALECTS;
use serde_json::Value;

use super::input::{header, write};
use super::policies::{self, knob_of};

/// The files of a directory of this repository, sorted.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // For the test this is the manifest of pinhole, for libFuzzer's binaries the one beside this file.
    let root = root.ancestors().find(|root| root.join("tests/cases").is_dir()).unwrap_or(root);
    let entries =
        std::fs::read_dir(root.join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|other| other == extension));
    files.sort();
    files
}

/// The inputs that a target begins with.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "decide" => decide(),
        "gate" => gate(),
        "policy" => policy(),
        "response" => response(),
        "signature" => signature(),
        "seal" => bytes(80, 400),
        name if DIALECTS.iter().any(|dialect| dialect.name == name) => bytes(120, 200),
        name => panic!("no seeds for {name}"),
    }
}

/// A text of the cases, each character of which is a byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// Every case at its policy; those of the first route's pattern at the policy with everything in it, too.
fn decide() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let everything = knob_of("tests/fuzz/everything.json").unwrap_or_default();
    for path in files("tests/cases", "json") {
        let file: Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap_or_default()).unwrap_or_default();
        let name = format!("tests/cases/{}", file["policy"].as_str().unwrap_or_default());
        let policy = knob_of(&name).unwrap_or_else(|| panic!("{}: no policy {name}", path.display()));
        for case in file["cases"].as_array().into_iter().flatten() {
            let request = &case["request"];
            let text = |key: &str, default: &str| latin1(request[key].as_str().unwrap_or(default));
            let body = u8::from(request["body"] == true);
            let mut parts =
                vec![text("method", "GET"), text("authority", "img.example.com"), text("path", "")];
            for pair in request["headers"].as_array().into_iter().flatten() {
                let [name, value] = [&pair[0], &pair[1]].map(|text| text.as_str().unwrap_or_default());
                parts.push(header(&name.to_ascii_lowercase(), &latin1(value)));
            }
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            seeds.extend([policy, everything].map(|policy| write(&[policy, body], &parts)));
        }
    }
    // A way into every policy, and each kind of credential and signature at those that have them.
    for target in [
        "/images/small/a.jpg",
        "/photos/a.jpg?width=300",
        "/cdn-cgi/image/width=100,height=50,fit=pad/a.png",
        "/near/a.jpg?width=400",
    ] {
        for policy in 0..u8::try_from(policies::ALL.len()).unwrap_or_default() {
            let others = [
                &b"authorization: Bearer a"[..],
                b"cookie: a=1; session=b",
                b"x-amz-date: 20261124T000000Z",
                b"referer: https://www.example.com/",
            ];
            let parts = [&[&b"GET"[..], b"img.example.com", target.as_bytes()], &others[..]].concat();
            seeds.push(write(&[policy, 0], &parts));
        }
    }
    seeds.extend(signed_requests(everything));
    seeds
}

/// Requests that are signed by the key of the policy, one that has just expired among them.
fn signed_requests(policy: u8) -> Vec<Vec<u8>> {
    use pinhole::secret::Secret;
    use pinhole::signature::grant::Grant;
    use pinhole::signature::key::{KeyId, SigningKey};
    let key = KeyId::parse("k1").zip(SigningKey::from_hex(&Secret::new(policies::SIGNING_KEY)));
    let ring = pinhole::signature::KeyRing::new(key.into_iter().collect());
    let now = super::targets::NOW;
    let grants = [(60, "300", vec![]), (0, "300", vec![]), (80_000, "640", vec!["width".to_owned()])];
    let signed = grants.into_iter().filter_map(|(life, width, free)| {
        let grant = Grant {
            host: "img.example.com".to_owned(),
            path: "/signed/a b.jpg".to_owned(),
            parameters: vec![("width".to_owned(), width.to_owned())],
            free,
            exp: now.saturating_add(life),
            kid: "k1".to_owned(),
        };
        ring.as_ref()?.sign(&grant).ok()
    });
    signed.map(|target| write(&[policy, 0], &[b"GET", b"img.example.com", target.as_bytes()])).collect()
}

/// A token for each origin of each policy, of several sources, and paths that are none.
fn gate() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (policy, known) in (0..).zip(policies::ALL.iter()) {
        for origin in known.document["origins"].as_object().into_iter().flatten().map(|(name, _)| name) {
            for (bits, change, source) in
                [(4, 0, "a.jpg"), (4, 1, "2024/a b.jpg"), (12, 0, "é/日本.png"), (6, 0, "a")]
            {
                let parts = [
                    &b"GET"[..],
                    b"gate.internal",
                    source.as_bytes(),
                    origin.as_bytes(),
                    b"authorization: Bearer a",
                    b"cookie: session=b",
                ];
                seeds.push(write(&[policy, bits, change, 9, 0], &parts));
            }
        }
    }
    for path in ["/", "/AAAA", "/../a", "//a", "/a?b=c", "*", "http://a/b", "/%41"] {
        seeds.push(write(
            &[0, 0, 0, 0, 0],
            &[b"GET", b"gate.internal", path.as_bytes(), b"", b"x-forwarded-proto: https"],
        ));
    }
    seeds
}

/// Every document of the tests as it is, and each of the policies to be changed.
fn policy() -> Vec<Vec<u8>> {
    let written = ["tests/config/bad", "tests/config/good", "tests/cases/policies", "envoy"].into_iter();
    let texts =
        written.flat_map(|directory| files(directory, "json")).filter_map(|path| std::fs::read(path).ok());
    let mut seeds: Vec<Vec<u8>> =
        texts.filter(|text| text.len() < 16_384).map(|text| [&[0], text.as_slice()].concat()).collect();
    seeds.extend(bytes(60, 120).into_iter().map(|bytes| [&[1], bytes.as_slice()].concat()));
    seeds
}

/// Answers of every kind of upstream, each by several rules.
fn response() -> Vec<Vec<u8>> {
    const ANSWERS: &[&[&str]] = &[
        &[
            ":status: 200",
            "content-type: image/webp",
            "content-length: 1234",
            "etag: \"abc\"",
            "last-modified: Tue, 24 Nov 2026 05:22:24 GMT",
        ],
        &[
            ":status: 200",
            "content-type: image/jpeg; charset=x",
            "cache-control: private",
            "server: AmazonS3",
            "x-amz-request-id: canary-request",
        ],
        &[
            ":status: 200",
            "content-type: image/tiff",
            "vary: Accept, Cookie",
            "set-cookie: a=b",
            "etag: W/\"abc\"",
        ],
        &[
            ":status: 200",
            "content-type: image/svg+xml",
            "content-encoding: gzip",
            "link: <https://secret.example.com/a>; rel=canonical",
        ],
        &[
            ":status: 200",
            "content-type: IMAGE/JPG",
            "content-encoding: identity",
            "surrogate-control: max-age=9",
            "age: 3",
            "expires: 0",
        ],
        &[
            ":status: 200",
            "content-type: text/html",
            "location: https://secret.example.com/",
            "www-authenticate: Basic realm=canary",
        ],
        &[":status: 304", "etag: \"abc\""],
        &[":status: 302", "location: https://secret.example.com/"],
        &[":status: 206", "content-type: image/png"],
        &[":status: 404", "content-type: application/xml"],
        &[":status: 403"],
        &[":status: 500"],
        &[":status: 504"],
        &[":status: 406"],
        &[":status: 415", "content-type: application/json"],
        &[":status: 200", ":status: 200", "content-type: image/png"],
        &[":status: 200", "content-type: image/png", "content-type: image/png"],
        &["content-type: image/png"],
        &[],
        &[
            ":status: 200",
            "content-type: image/avif",
            "cache-control: no-cache=\"set-cookie\", max-age=1",
            "content-length: 30000",
        ],
    ];
    let mut seeds = Vec::new();
    for answer in ANSWERS {
        for (rule, more, condition) in [
            (0_u8, 0_u8, &b""[..]),
            (4, 0, b""),
            (1, 0, b""),
            (0x20, 1, b"*"),
            (0x20, 0, b"\"abc\""),
            (0x40, 4, b""),
            (0x18, 6, b""),
            (0x80, 0, b"W/\"abc\""),
            (0x9a, 2, b""),
        ] {
            let mut parts = vec![condition, b"Tue, 24 Nov 2026 05:22:24 GMT", b"width=300"];
            parts.extend(answer.iter().map(|header| header.as_bytes()));
            seeds.push(write(&[rule, more, 0x04, 0xd2], &parts));
        }
    }
    seeds
}

/// The signed URLs of the tests, as targets and as grants with one change each.
fn signature() -> Vec<Vec<u8>> {
    let file: Value = serde_json::from_str(include_str!("../signed-urls.json")).unwrap_or_default();
    let mut seeds = Vec::new();
    for key in ["signed", "refused"] {
        for (index, grant) in (0_u8..).zip(file[key].as_array().into_iter().flatten()) {
            let text = |key: &str| grant[key].as_str().unwrap_or_default().as_bytes().to_vec();
            let knobs = |bits: u8, how: u8| [bits, index % 3, 3, 200, how, 0, index, 0, 0, 0, 0, 0, 0];
            seeds.push(write(&knobs(0, 0), &[&text("host"), &text("url")]));
            let free: Vec<&str> =
                grant["free"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let mut parts = vec![text("host"), text("path"), free.join(",").into_bytes()];
            let parameters = grant["parameters"].as_object().into_iter().flatten();
            parts.extend(
                parameters.map(|(name, value)| header(name, value.as_str().unwrap_or_default().as_bytes())),
            );
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            seeds.extend([0, 1, 9, 11, 16, 20].map(|how| write(&knobs(2, how), &parts)));
        }
    }
    seeds
}

/// So many inputs of up to `most` bytes that mean nothing, always the same (xorshift, Marsaglia 2003).
fn bytes(count: u64, most: u64) -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    };
    let mut seeds = Vec::new();
    for _ in 0..count {
        let length = next() % most;
        seeds.push((0..length).map(|_| next().to_le_bytes()[0]).collect());
    }
    seeds
}
