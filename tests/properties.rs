//! Properties of the core that hold for every request, tried on random ones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

use std::sync::LazyLock;

use pinhole::config;
use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, Forward};
use pinhole::request::path::{Path, SourcePath};
use proptest::prelude::*;

#[path = "properties/answers.rs"]
mod answers;
#[path = "properties/destination.rs"]
mod destination;
#[path = "corpus/file.rs"]
#[expect(dead_code, reason = "what becomes of a case is for the corpus to say")]
mod file;
#[path = "invariants/mod.rs"]
mod invariants;
#[path = "properties/kept.rs"]
mod kept;
#[path = "properties/kept_hosts.rs"]
mod kept_hosts;
#[path = "properties/likeness.rs"]
mod likeness;
#[path = "properties/options.rs"]
mod options;
#[path = "properties/signed.rs"]
mod signed;
#[path = "properties/sizes.rs"]
mod sizes;
#[path = "properties/strictness.rs"]
mod strictness;
#[path = "properties/subjects.rs"]
mod subjects;
#[path = "properties/totality.rs"]
mod totality;
#[path = "properties/visitors.rs"]
mod visitors;

static POLICY: LazyLock<Policy> = LazyLock::new(|| load(include_bytes!("../envoy/policy.json")));

fn environment(name: &str) -> Option<String> {
    Some(if name == "PINHOLE_SEAL_KEY" { "ab".repeat(32) } else { "a secret of some length".to_owned() })
}

fn load(document: &[u8]) -> Policy {
    config::load(document, &environment).unwrap_or_else(|errors| panic!("{errors:#?}")).policy
}

fn request(target: &[u8], extra: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut headers = vec![
        (":method".to_owned(), b"GET".to_vec()),
        (":authority".to_owned(), b"img.example.com".to_vec()),
        (":path".to_owned(), target.to_vec()),
    ];
    headers.extend(extra);
    headers
}

fn decide(target: &[u8]) -> Option<Box<Forward<'static>>> {
    match POLICY.decide(&request(target, Vec::new()), true, None) {
        Decision::Forward(forward) => Some(forward),
        Decision::Reject(_) => None,
    }
}

/// Decodes once like a careless server: whatever is not `%HH` stays, and other readings of the
/// separators are folded.
fn decode_carelessly(path: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        match (first, hex(after.first()), hex(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap());
                rest = &after[2..];
            }
            _ => {
                decoded.push(if *first == b'\\' { b'/' } else { *first });
                rest = after;
            }
        }
    }
    decoded
}

/// The pieces that attacks on paths are made of.
const PIECES: &[&[u8]] = &[
    b"/images/small/",
    b"/photos/",
    b"/strict/",
    b"?width=",
    b"&width=",
    b"300",
    b"..",
    b".",
    b"/",
    b"//",
    b"\\",
    b"%2e",
    b"%2F",
    b"%5c",
    b"%25",
    b"%252e",
    b"%00",
    b"%c0%af",
    b"%c3%a9",
    b";",
    b"#",
    b"?",
    b"@",
    b":",
    b"http://",
    b"a.jpg",
    b"+",
    b" ",
    b"\xff",
    b"\0",
    b"\r\n",
    b"fit-in/",
    b"filters:",
    b"plain/",
    b"%",
    b"..;",
    b"%25252e",
    b"%e0%80%af",
    b"%c0%ae",
    b"%EF%BC%8E",
    b"%EF%BC%8F",
    b"%EF%B8%B0",
    b"%EF%BC%9B",
    b"%EF%BC%85",
    b"%CD%BE",
];

/// Targets that begin like a route's, followed by pieces and by random bytes.
fn hostile_target() -> impl Strategy<Value = Vec<u8>> {
    const STARTS: &[&[u8]] = &[b"/images/small/", b"/photos/", b""];
    let piece = prop::sample::select(PIECES).prop_map(<[u8]>::to_vec);
    let byte = any::<u8>().prop_map(|byte| vec![byte]);
    let pieces = prop::collection::vec(prop_oneof![4 => piece, 1 => byte], 0..12);
    (prop::sample::select(STARTS), pieces)
        .prop_map(|(start, pieces)| [start.to_vec(), pieces.concat()].concat())
}

/// Whether a path has a segment that some server would resolve: path parameters are left out.
fn climbs(path: &[u8]) -> bool {
    let names =
        path.split(|byte| *byte == b'/').skip(1).map(|segment| segment.split(|byte| *byte == b';').next());
    names.flatten().any(|name| name.is_empty() || name == b"." || name == b"..")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn i01_any_bytes_give_a_decision(names in prop::collection::vec((".{0,12}", prop::collection::vec(any::<u8>(), 0..40)), 0..12), ends: bool) {
        let _ = POLICY.decide(&names, ends, None);
        let _ = POLICY.open(&names, ends, None);
    }

    #[test]
    fn i07_a_forwarded_path_stays_below_the_base_however_often_it_is_decoded(target in hostile_target()) {
        if let Some(forward) = decide(&target) {
            let mut path = forward.origin.path_of(&forward.source).into_bytes();
            for _ in 0..4 {
                prop_assert!(path.starts_with(b"/hidden-directory/"));
                prop_assert!(!climbs(&path));
                path = decode_carelessly(&path);
            }
        }
    }

    #[test]
    fn i08_a_forwarded_request_is_plain_ascii_of_the_policy(target in hostile_target()) {
        if let Some(forward) = decide(&target) {
            for (name, value) in forward.upstream.headers() {
                prop_assert!(value.iter().all(u8::is_ascii_graphic), "{name}: {value:?}");
            }
            prop_assert_eq!(forward.upstream.authority.as_str(), "thumbor.internal");
            let width = forward.transform.expect("the edge transforms").frame.width();
            prop_assert!((1..=1000).contains(&width), "{width}");
        }
    }

    #[test]
    fn i09_an_accepted_path_is_written_in_one_spelling_that_reads_back(target in hostile_target()) {
        let path = std::str::from_utf8(&target).ok().and_then(|target| Path::parse(target).ok());
        if let Some(source) = path.and_then(|path| SourcePath::parse(path.as_str().trim_start_matches('/')).ok()) {
            let mut encoded = "/".to_owned();
            source.encode_into(&mut encoded);
            let again = Path::parse(&encoded).expect("our own spelling");
            prop_assert_eq!(again.as_str().trim_start_matches('/'), source.as_str());
        }
    }

    #[test]
    fn i26_headers_that_are_not_read_change_nothing(target in hostile_target(), name in "[a-z-]{1,20}|cookie|authorization|user-agent|range|origin|cache-control|x-forwarded-host|dnt", value in prop::collection::vec(any::<u8>(), 0..40)) {
        let read = ["accept", "expect", "upgrade", "x-request-id", "traceparent", "tracestate", "b3", "x-forwarded-proto"];
        prop_assume!(!read.contains(&name.as_str()) && !name.starts_with("x-b3-"));
        let plain = POLICY.decide(&request(&target, Vec::new()), true, None);
        let noisy = POLICY.decide(&request(&target, vec![(name, value)]), true, None);
        match (plain, noisy) {
            (Decision::Forward(a), Decision::Forward(b)) => prop_assert_eq!(a.upstream.headers(), b.upstream.headers()),
            (Decision::Reject(a), Decision::Reject(b)) => prop_assert_eq!(a, b),
            _ => prop_assert!(false, "decided otherwise"),
        }
    }

    #[test]
    fn i13_no_width_gets_past_the_limit(width in "[0-9]{1,12}|[-+ 0-9a-fxe.]{0,8}") {
        for route in ["photos", "strict"] {
            let target = format!("/{route}/a.jpg?width={width}");
            if let Some(forward) = decide(target.as_bytes()) {
                let asked: u64 = width.parse().expect("only digits are accepted");
                let given = u64::from(forward.transform.expect("the edge transforms").frame.width());
                prop_assert_eq!(given, asked.min(1000));
                prop_assert!(route == "photos" || asked <= 1000);
            }
        }
    }
}
