//! Any request against any of the policies, at the edge.
//!
//! ```text
//! knobs: policy │ bits: body follows, no clock, clock at the end of time, headers that carry a canary
//! parts: method │ authority │ path │ header …
//! ```
//!
//! `tests/invariants` asks every request several times, as it must not make a difference, and says what holds; here,
//! a signature is judged a second time.

use pinhole::policy::decision::{Decision, Rule};

use super::super::input::{Headers, Input};
use super::super::invariants::Asked;
use super::super::invariants::taint::has;
use super::super::policies::{self, Known};
use super::held;
use super::signature::{self, NOW};

/// What stands in headers that nobody reads, and may be in nothing that goes on.
const CANARY: &[u8] = b"Visitors-Canary-7f3a";

/// Runs one input.
pub fn run(data: &[u8]) {
    let input = Input::read(data, 2);
    let known = policies::chosen(input.knob(0));
    let now = (!input.bit(1, 1)).then_some(if input.bit(1, 2) { u64::MAX } else { NOW });
    let mut asked = Asked { headers: input.request(0), ends: !input.bit(1, 0), now };
    let is_written = |(name, value): &(String, Vec<u8>)| has(name.as_bytes(), CANARY) || has(value, CANARY);
    let canaries = if asked.headers.iter().any(is_written) { vec![] } else { vec![CANARY] };
    if input.bit(1, 3) && !canaries.is_empty() {
        for name in
            ["x-forwarded-host", "x-envoy-original-path", "x-pinhole-cluster", "x-original-url", "x-a"]
        {
            asked = asked.with(name, CANARY);
        }
    }
    let decision = match known.is_told_by(data) {
        false => held(known.subject.decide(&asked, &canaries)),
        true => known.subject.policy.decide(&asked.headers, asked.ends, asked.now),
    };
    check_signature(known, &asked.headers, &decision, now);
}

/// I38: what a route that asks for signatures lets through has one that holds, by other means than pinhole's.
fn check_signature(known: &Known, headers: &Headers, decision: &Decision<'_>, now: Option<u64>) {
    let Decision::Forward(forward) = decision else { return };
    let Rule::Route(index) = forward.rule else { panic!("{:?} lets nothing through", forward.rule) };
    let terms = &known.document["routes"][index]["signature"];
    if terms.is_null() {
        return;
    }
    let value = |name| {
        headers.iter().find(|(other, _)| other == name).map(|(_, value)| String::from_utf8_lossy(value))
    };
    let host = value(":authority").unwrap_or_default().to_ascii_lowercase();
    let host = host.split(':').next().unwrap_or_default();
    let target = value(":path").unwrap_or_default();
    let max_life = terms["max_life"].as_u64().unwrap_or_default();
    let free: Vec<&str> = match &terms["free"] {
        serde_json::Value::Array(names) => names.iter().filter_map(serde_json::Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_free = |name: &str| {
        free.contains(&name)
            || (["w", "width"].contains(&name) && free.iter().any(|free| ["w", "width"].contains(free)))
    };
    let keys = signature::keys_of(known);
    assert!(signature::holds(&keys, host, &target, &is_free, max_life, now), "I38: {target} on {host}");
    let logged = forward.upstream.original_path.as_deref().unwrap_or_default();
    assert!(!logged.contains('?'), "a signed URL in the log: {logged}");
}
