//! What the gate writes for each kind of credentials, in the document that has all of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by panicking")]

use pinhole::config;
use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, UpstreamRequest};
use pinhole::policy::rejection::Rejection;
use pinhole::request::path::SourcePath;
use pinhole::seal::{SealKey, Source};
use pinhole::secret::Secret;

const KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";
const NOW: Option<u64> = Some(1_800_000_000);

/// Name, base path, and the headers that open it.
const ORIGINS: [(&str, &str, &[&str]); 9] = [
    ("photos", "/hidden-directory", &["authorization", "x-key"]),
    ("drawings", "", &[]),
    (
        "s3",
        "",
        &[
            "authorization",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-request-payer",
            "x-amz-security-token",
        ],
    ),
    ("azure", "/pictures", &["authorization", "x-ms-client-request-id", "x-ms-date", "x-ms-version"]),
    ("azure-sas", "/pictures", &[]),
    ("secure-auth", "/secureauth1", &["authorization", "x-sa-date"]),
    ("access", "", &["cf-access-client-id", "cf-access-client-secret"]),
    ("basic", "", &["authorization"]),
    ("bearer", "", &["authorization"]),
];

fn policy() -> Policy {
    let environment = |name: &str| {
        Some(if name == "PINHOLE_SEAL_KEY" { KEY } else { "00112233445566778899aabbccddeeff" }.to_owned())
    };
    config::load(include_bytes!("config/good/every-field.json"), &environment).unwrap().policy
}

/// What the gate does with a request for this origin's `a b/é+.jpg`.
fn open<'p>(policy: &'p Policy, origin: &str, method: &str, now: Option<u64>) -> Decision<'p> {
    let path = SourcePath::parse("a b/é+.jpg").unwrap();
    let seal = SealKey::from_hex(&Secret::new(KEY)).unwrap();
    let token = seal.seal(&Source { origin: origin.to_owned(), path, forwarded: Vec::new() }).unwrap();
    // What a resizer says of its own changes nothing.
    let headers = [
        (":method", method),
        (":authority", "gate"),
        (":path", &format!("/{token}")),
        ("authorization", "canary"),
        ("x-amz-date", "canary"),
        ("range", "bytes=0-1"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    policy.open(&headers, true, now)
}

/// All headers of the request that goes out.
fn sent(upstream: &UpstreamRequest<'_>) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    upstream.headers().into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

fn sent_for(policy: &Policy, origin: &str, method: &str) -> Vec<(String, String)> {
    match open(policy, origin, method, NOW) {
        Decision::Forward(forward) => sent(&forward.upstream),
        Decision::Reject(refusal) => panic!("{origin}: {refusal:?}"),
    }
}

#[test]
fn i23_an_origin_gets_its_own_headers_and_no_others() {
    const ALWAYS: [&str; 8] = [
        ":authority",
        ":method",
        ":path",
        ":scheme",
        "user-agent",
        "via",
        "x-forwarded-proto",
        "x-pinhole-cluster",
    ];
    let policy = policy();
    for (origin, base, wanted) in ORIGINS {
        for method in ["GET", "HEAD"] {
            let headers = sent_for(&policy, origin, method);
            let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let mut all = [&ALWAYS[..], wanted].concat();
            all.sort_unstable();
            assert_eq!(names, all, "{origin}");
            assert!(!headers.iter().any(|(_, value)| value == "canary" && origin != "access"), "{origin}");
            let path = &headers.iter().find(|(name, _)| name == ":path").unwrap().1;
            let query =
                if origin == "azure-sas" { "?sv=2022-11-02&sr=c&sp=r&sig=canary%2Bsas%3D" } else { "" };
            assert_eq!(*path, format!("{base}/a%20b/%C3%A9%2B.jpg{query}"), "{origin}");
        }
    }
}

#[test]
fn a_signature_is_for_one_method_and_one_second() {
    let policy = policy();
    for (origin, ..) in ORIGINS {
        let signs = ["s3", "azure", "secure-auth"].contains(&origin);
        let authorization = |method, now| match open(&policy, origin, method, now) {
            Decision::Forward(forward) => {
                sent(&forward.upstream).into_iter().find(|(name, _)| name == "authorization")
            }
            Decision::Reject(refusal) => panic!("{origin}: {refusal:?}"),
        };
        let first = authorization("GET", NOW);
        assert_eq!(authorization("GET", NOW), first, "{origin}");
        assert_eq!(authorization("HEAD", NOW) != first, signs, "{origin}");
        assert_eq!(authorization("GET", NOW.map(|now| now + 1)) != first, signs, "{origin}");
    }
}

#[test]
fn i04_without_a_clock_nothing_is_sent_that_would_need_one() {
    let policy = policy();
    for (origin, ..) in ORIGINS {
        let signs = ["s3", "azure", "secure-auth"].contains(&origin);
        for now in [None, Some(u64::MAX)] {
            match open(&policy, origin, "GET", now) {
                Decision::Forward(_) => assert!(!signs, "{origin}"),
                Decision::Reject(refusal) => {
                    assert!(signs, "{origin}");
                    assert_eq!(refusal.rejection, Rejection::UpstreamFailed, "{origin}");
                }
            }
        }
    }
}
