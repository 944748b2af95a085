//! A policy with every kind of route and of origin, requests for it, and how a source is opened again.

use std::sync::LazyLock;

use pinhole::policy::decision::{Decision, Forward};
use pinhole::secret::Secret;
use pinhole::signature::KeyRing;
use pinhole::signature::grant::Grant;
use pinhole::signature::key::{KeyId, SigningKey};
use proptest::prelude::*;

use super::invariants::{Asked, Subject, Violation};
use super::{environment, kept};

/// Everything that a visitor has to do with, and two origins that must not learn of each other.
pub const RICH: &str = r##"{
  "presets": { "small": { "width": 300 }, "large": { "width": 900, "height": 600, "fit": "cover", "format": "auto" } },
  "routes": [
    { "path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos" },
    { "path": "/members/(?<preset>[^/]+)/(?<source>.+)", "origin": "members" },
    { "path": "/cdn/(?<options>[^/]+)/(?<source>.+)", "origin": "photos",
      "query": { "width": { "max": 1000, "over": "clamp" }, "height": { "max": 1000 }, "format": {}, "quality": {} } },
    { "path": "/photos/(?<source>.+)", "origin": "photos",
      "query": { "width": { "max": 1000, "over": "clamp" }, "height": { "max": 1000 },
                 "format": { "one_of": ["auto", "webp", "jpeg"] } },
      "default": { "width": 600 } },
    { "path": "/strict/(?<source>.+)", "origin": "photos", "query": { "width": { "max": 1000 } } },
    { "path": "/steps/(?<source>.+)", "origin": "photos",
      "query": { "width": { "one_of": [320, 640, 960], "else": "nearest" }, "dpr": { "one_of": [1, 2] },
                 "format": { "one_of": ["auto", "webp"] } },
      "default": { "width": 640 } },
    { "path": "/embedded/(?<source>.+)", "origin": "photos", "default": { "width": 200 },
      "referrer": { "hosts": ["example.com"], "absent": "allow" } },
    { "path": "/hinted/(?<source>.+)", "origin": "photos",
      "default": { "width": "auto", "slow-connection-quality": 30, "quality": 80, "format": "auto" } },
    { "path": "/signed/(?<source>.+)", "origin": "photos", "query": { "width": { "max": 1000 } },
      "default": { "width": 600 }, "signature": { "free": ["width"], "max_life": 86400 } },
    { "path": "/stored/(?<preset>[^/]+)/(?<source>.+)", "origin": "stored" },
    { "path": "/open/(?<preset>[^/]+)/(?<source>.+)", "origin": "open", "unresizable": "placeholder" }
  ],
  "origins": {
    "photos": { "url": "https://secret.example.com/hidden-directory", "cluster": "photos",
                "credentials": { "set": { "authorization": { "env": "PHOTOS_TOKEN" } } }, "origin_auth": "share-publicly" },
    "members": { "url": "https://members.example.com/a%20base", "cluster": "members",
                 "credentials": { "set": { "x-key": { "env": "MEMBERS_KEY" } },
                                  "forward": ["authorization", "x-amz-date"], "cookies": ["session"] } },
    "stored": { "url": "https://account.blob.example.net/pictures", "cluster": "azure",
                "credentials": { "azure_sas": { "env": "SAS" } } },
    "open": { "url": "http://127.0.0.1:9000", "cluster": "open", "last_modified": "show" }
  },
  "resizer": { "thumbor": { "cluster": "resizer", "authority": "thumbor.internal", "key": { "env": "THUMBOR_KEY" } } },
  "gate": { "url": "http://gate.internal:10001", "seal_key": { "env": "PINHOLE_SEAL_KEY" } },
  "signing": { "keys": { "k1": { "env": "SIGNING_KEY" } } }
}"##;

pub static SUBJECT: LazyLock<Subject> = LazyLock::new(|| subject(RICH));

pub const HOST: &str = "img.example.com";

/// Its secrets, each another.
pub fn secrets(name: &str) -> Option<String> {
    Some(match name {
        "PHOTOS_TOKEN" => "Bearer of-the-photos-alone".to_owned(),
        "MEMBERS_KEY" => "of-the-members-alone".to_owned(),
        "SAS" => "sv=2022-11-02&sr=c&sp=r&sig=of-the-store-alone".to_owned(),
        "SIGNING_KEY" => "01".repeat(32),
        name => environment(name)?,
    })
}

pub fn subject(document: &str) -> Subject {
    Subject::load(document.as_bytes(), &secrets).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A GET of a target.
pub fn get(target: &str) -> Asked {
    Asked::get(HOST, target.as_bytes())
}

/// What is served, all invariants looked at; nothing where it is refused.
pub fn served<'s>(subject: &'s Subject, asked: &Asked) -> Result<Option<Box<Forward<'s>>>, TestCaseError> {
    match subject.decide(asked, &[]).map_err(kept::failed)? {
        Decision::Forward(forward) => Ok(Some(forward)),
        Decision::Reject(_) => Ok(None),
    }
}

/// The reason of a refusal; `served` for none.
pub fn reason(asked: &Asked) -> String {
    match SUBJECT.decide(asked, &[]).unwrap_or_else(|violation: Violation| panic!("{violation}")) {
        Decision::Forward(_) => "served".to_owned(),
        Decision::Reject(refusal) => refusal.rejection.reason().to_owned(),
    }
}

/// What the gate makes of the token in a path for thumbor, for who sends it these headers beside.
pub fn opened<'s>(subject: &'s Subject, path: &str, others: &[(&str, &[u8])]) -> Box<Forward<'s>> {
    let token = path.rsplit_once("%2F").expect("thumbor's source is encoded").1;
    let asked = Asked::get("gate", format!("/{token}").as_bytes());
    let asked = others.iter().fold(asked, |asked, (name, value)| asked.with(name, value));
    match subject.open(&asked, &[]).unwrap_or_else(|violation| panic!("{violation}")) {
        Decision::Forward(forward) => forward,
        Decision::Reject(refusal) => panic!("{path}: {refusal:?}"),
    }
}

/// All values of a header of an upstream request.
pub fn values(forward: &Forward<'_>, name: &str) -> Vec<String> {
    let headers = forward.upstream.headers().into_iter().filter(|(other, _)| *other == name);
    headers.map(|(_, value)| value.escape_ascii().to_string()).collect()
}

/// A signed target below `/signed`, that ends at this second.
pub fn signed(source: &str, parameters: &[(&str, &str)], exp: u64) -> String {
    let key = SigningKey::from_bytes(&Secret::new([1; 32])).unwrap();
    let ring = KeyRing::new([(KeyId::parse("k1").unwrap(), key)].into_iter().collect()).unwrap();
    let parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let path = format!("/signed/{source}");
    ring.sign(&Grant { host: HOST.into(), path, parameters, free: vec![], exp, kid: "k1".into() }).unwrap()
}

/// Targets of every route, some with what it does not have.
pub fn target() -> impl Strategy<Value = String> {
    let start = prop::sample::select(&[
        "/images/small/",
        "/images/large/",
        "/images/none/",
        "/members/small/",
        "/members/large/",
        "/photos/",
        "/strict/",
        "/steps/",
        "/embedded/",
        "/hinted/",
        "/signed/",
        "/stored/small/",
        "/open/small/",
        "/cdn/width=300/",
        "/cdn/w=5000,f=auto/",
        "/cdn/height=2000/",
        "/else/",
    ]);
    let source = prop::sample::select(&[
        "a.jpg",
        "b/c.png",
        "a%20b.jpg",
        "caf%C3%A9.jpg",
        "%61.jpg",
        "x.svg",
        "a..b",
        "..",
        "%2e%2e/x",
        "a;b",
        "a//b",
        "",
    ]);
    let query = prop::sample::select(&[
        "",
        "?",
        "?width=300",
        "?w=5000",
        "?width=01",
        "?height=10",
        "?format=auto",
        "?format=webp&width=9",
        "?dpr=2",
        "?width=1&width=2",
        "?nonsense=1",
        "?width=400&dpr=2",
    ]);
    (start, source, query).prop_map(|(start, source, query)| format!("{start}{source}{query}"))
}

/// Names that mean something to somebody, and what is nearly one of them.
const NAMES: &[&str] = &[
    "authorization",
    "Authorization",
    "authorization ",
    "authorization\t",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "x-amz-date",
    "x_amz_date",
    "X-Amz-Date",
    "x-amz-date-",
    "x-amz-acl",
    "x-amz-security-token",
    "x-ms-date",
    "x-key",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "http2-settings",
    "proxy-connection",
    "range",
    "host",
    ":protocol",
    ":scheme",
    "content-length",
    "content-type",
    "cache-control",
    "pragma",
    "accept",
    "accept-encoding",
    "referer",
    "origin",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-envoy-original-path",
    "x-envoy-internal",
    "x-envoy-retry-on",
    "x-pinhole-cluster",
    "x-pinhole-reason",
    "traceparent",
    "b3",
    "x-b3-traceid",
    "x-request-id",
    "if-none-match",
    "if-modified-since",
    "save-data",
    "sec-ch-width",
    "",
    "\r\nx",
    "x-zz-unheard-of",
];

/// Headers of these and of random names, with values that are plain, or any bytes.
pub fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let read =
        prop::sample::select(&["connection", "authorization", "cookie", "accept", "via", "x-amz-date"]);
    let name = prop_oneof![
        4 => prop::sample::select(NAMES).prop_map(str::to_owned),
        2 => read.prop_map(str::to_owned),
        1 => ".{0,12}",
    ];
    let plain = prop::sample::select(&[
        "a=1; session=abc",
        "Bearer abc",
        "image/avif,image/webp",
        "close, authorization",
        "https",
        "https://example.com/",
        "https://evil.example.org/",
        "300",
        "on",
        "*",
        "00-ab-cd-01",
    ]);
    let value = prop_oneof![4 => plain.prop_map(|text| text.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..40)];
    prop::collection::vec((name, value), 0..6)
}

/// Such a request.
pub fn asked() -> impl Strategy<Value = Asked> {
    (target(), headers()).prop_map(|(target, headers)| {
        headers.iter().fold(get(&target), |asked, (name, value)| asked.with(name, value))
    })
}
