//! The rotations of `envoy/operations.md` lose no request: while one step rolls out, two policies answer at once.

use std::time::{SystemTime, UNIX_EPOCH};

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::request::path::Path;
use pinhole::signature::grant::Grant;
use serde_json::Value;

use crate::page;
use crate::policies::{load, named};

/// The policy before the rotation of the seal key: its end, with the old key.
fn before() -> Policy {
    let page = page::page("envoy/operations.md");
    let (_, last) = named(&page).into_iter().rfind(|(name, _)| name.starts_with("seal-")).unwrap();
    let mut policy = for_thumbor(last);
    policy["gate"]["seal_key"]["env"] = "SEAL_KEY_1".into();
    load("before", &policy)
}

/// thumbor's URLs show the token as it is.
fn for_thumbor(mut policy: Value) -> Value {
    let thumbor: Value = serde_json::from_str(&page::page("envoy/policy.json").text).unwrap();
    policy["resizer"] = thumbor["resizer"].clone();
    policy
}

/// The policies of one rotation, in the order of its steps.
fn steps(prefix: &str) -> Vec<Policy> {
    named(&page::page("envoy/operations.md"))
        .into_iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, policy)| load(&name, &for_thumbor(policy)))
        .collect()
}

fn get(authority: &str, path: &str) -> Vec<(String, Vec<u8>)> {
    let pairs = [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", path)];
    pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec()
}

/// The token that an edge with this policy seals.
fn token(policy: &Policy) -> String {
    let headers = get("img.example.com", "/images/small/cat.jpg");
    let Decision::Forward(forward) = policy.decide(&headers, true, None) else { panic!("refused") };
    forward.upstream.path.rsplit_once("%2F").unwrap().1.to_owned()
}

fn opens(policy: &Policy, token: &str) -> bool {
    matches!(policy.open(&get("gate", &format!("/{token}")), true, None), Decision::Forward(_))
}

#[test]
fn between_two_steps_of_the_seal_key_every_gate_opens_what_every_edge_seals() {
    let mut states = steps("seal-");
    assert_eq!(states.len(), 3);
    states.insert(0, before());
    for pair in states.windows(2) {
        for edge in pair {
            assert!(pair.iter().all(|gate| opens(gate, &token(edge))));
        }
    }
    // Why there are so many: who leaves one out has gates that do not know what edges seal.
    for pair in states.windows(3) {
        assert!(!opens(&pair[0], &token(&pair[2])) || !opens(&pair[2], &token(&pair[0])));
    }
}

/// What a signer gives out for a picture, with the key of that name.
fn signed(policy: &Policy, kid: &str, now: u64) -> String {
    let path = "/members/small/cat.jpg";
    let (_, rule) = policy.signature_of("img.example.com", &Path::parse(path).unwrap()).unwrap();
    let grant = Grant {
        host: "img.example.com".to_owned(),
        path: path.to_owned(),
        parameters: Vec::new(),
        free: Vec::new(),
        exp: now + 60,
        kid: kid.to_owned(),
    };
    rule.unwrap().ring.sign(&grant).unwrap()
}

#[test]
fn between_two_steps_of_a_signing_key_what_is_signed_is_served_by_both() {
    let steps = steps("sign-");
    let [both, last] = steps.as_slice() else { panic!("{} steps", steps.len()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let serves = |policy: &Policy, target: &str| {
        matches!(policy.decide(&get("img.example.com", target), true, Some(now)), Decision::Forward(_))
    };
    assert!(serves(both, &signed(both, "k1", now)), "old URLs, while both keys are there");
    let new = signed(both, "k2", now);
    assert!(serves(both, &new) && serves(last, &new), "new URLs, before and after the old key is gone");
    assert!(!serves(last, &signed(both, "k1", now)), "the old key has gone");
}
