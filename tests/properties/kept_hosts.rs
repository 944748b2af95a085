//! `"authority": "keep"` changes the authority of the resizer's request, and nothing else of any decision.

use std::sync::LazyLock;

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::request::parse_host;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{hostile_target, load, request};

/// The shipped policy for some hosts, with this authority of its resizer.
fn policy(authority: &str) -> Policy {
    let mut document: Value = serde_json::from_slice(include_bytes!("../../envoy/policy.json")).unwrap();
    for route in document["routes"].as_array_mut().unwrap() {
        route["hosts"] = json!(["img.example.com", "*.img.example.com", "127.0.0.1"]);
    }
    document["resizer"]["thumbor"]["authority"] = json!(authority);
    load(document.to_string().as_bytes())
}

static KEEPING: LazyLock<Policy> = LazyLock::new(|| policy("keep"));
static OWN: LazyLock<Policy> = LazyLock::new(|| policy("thumbor.internal"));

/// Authorities in many spellings, most of them of hosts that the routes list.
fn authority() -> impl Strategy<Value = Vec<u8>> {
    let label = "[A-Za-z0-9_-]{1,12}";
    let listed = prop_oneof![
        Just("img.example.com".to_owned()),
        Just("IMG.Example.com".to_owned()),
        Just("127.0.0.1".to_owned()),
        label.prop_map(|label| format!("{label}.img.example.com")),
    ];
    let port = prop_oneof![Just(String::new()), any::<u16>().prop_map(|port| format!(":{port}"))];
    prop_oneof![
        8 => (listed, port).prop_map(|(host, port)| format!("{host}{port}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..30),
        1 => prop::sample::select(vec!["[::1]:80", "other.example.com", "img.example.com.", "a@img.example.com", ""])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

/// What goes to the resizer, but for the authority, which is given beside it.
type Sent = (Vec<u8>, Vec<(String, Vec<u8>)>);

fn sent(policy: &Policy, headers: &[(String, Vec<u8>)]) -> Result<(Sent, String), String> {
    match policy.decide(headers, true, None) {
        Decision::Forward(forward) => {
            let headers = forward.upstream.headers();
            let (own, others): (Vec<_>, Vec<_>) =
                headers.into_iter().partition(|(name, _)| *name == ":authority");
            let others = others.into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
            assert_eq!(own.len(), 1, "one authority");
            Ok(((own[0].1.to_vec(), others), format!("{:?} {:?}", forward.rule, forward.answer)))
        }
        Decision::Reject(refusal) => Err(format!("{refusal:?}")),
    }
}

#[test]
fn a_visitors_port_and_capitals_are_not_kept() {
    let headers = |authority: &str| {
        let mut headers = request(b"/images/small/a.jpg", Vec::new());
        headers[1].1 = authority.as_bytes().to_vec();
        headers
    };
    for authority in ["img.example.com", "IMG.EXAMPLE.COM:8443"] {
        let ((kept, _), _) = sent(&KEEPING, &headers(authority)).unwrap();
        assert_eq!(kept, b"img.example.com", "{authority}");
        let ((own, _), _) = sent(&OWN, &headers(authority)).unwrap();
        assert_eq!(own, b"thumbor.internal", "{authority}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn i06_keeping_the_host_changes_the_authority_and_nothing_else(
        target in prop_oneof![hostile_target(), Just(b"/images/small/a.jpg".to_vec())],
        authority in authority(),
    ) {
        let mut headers = request(&target, Vec::new());
        headers[1].1.clone_from(&authority);
        match (sent(&KEEPING, &headers), sent(&OWN, &headers)) {
            (Ok(((kept, kept_others), kept_rest)), Ok(((own, own_others), own_rest))) => {
                let host = parse_host(&authority).expect("what is served has a host");
                prop_assert_eq!(kept, host.into_bytes());
                prop_assert_eq!(own, b"thumbor.internal".to_vec());
                prop_assert_eq!(kept_others, own_others);
                prop_assert_eq!(kept_rest, own_rest);
            }
            (Err(kept), Err(own)) => prop_assert_eq!(kept, own),
            (kept, own) => prop_assert!(false, "{kept:?} and {own:?}"),
        }
    }
}
