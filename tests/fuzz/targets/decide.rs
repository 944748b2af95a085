//! Any request against any of the policies, at the edge.
//!
//! ```text
//! knobs: policy │ bits: body follows, no clock, clock at the policy's end of time │ header that changes nothing
//! parts: method │ authority │ path │ header …
//! ```
//!
//! Every request is asked twice, the second time as it must not make a difference (I2, I26, I28): as HEAD for GET, its
//! headers sorted, and with a header in front that is not read.

use pinhole::policy::decision::{Decision, Rule};
use pinhole::request::Method;

use super::super::input::{Headers, Input};
use super::super::outcome;
use super::super::policies::{self, Known};
use super::signature::{self, NOW};

/// Names that no decision may look at, and that no request upstream may have of the visitor's (I24).
const IGNORED: &[&str] = &[
    "x-pinhole-cluster",
    "x-pinhole-decision",
    "x-envoy-original-path",
    "x-envoy-retry-on",
    "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "forwarded",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-real-ip",
    "host",
    "user-agent",
    "range",
    "if-range",
    "cache-control",
    "pragma",
    "origin",
    "accept-encoding",
    "accept-language",
    "te",
    "trailer",
    "proxy-authorization",
    "x_amz_date",
    "authorization ",
    "x-api-key",
    "content-type",
    "content-length",
    "transfer-encoding",
    ":scheme",
    ":protocol",
    "cdn-loop",
    "x-amz-meta-a",
    "",
];

/// Runs one input.
pub fn run(data: &[u8]) {
    let input = Input::read(data, 3);
    let known = policies::chosen(input.knob(0));
    let headers = input.request(0);
    let ends = !input.bit(1, 0);
    let now = (!input.bit(1, 1)).then_some(if input.bit(1, 2) { u64::MAX } else { NOW });

    let decision = known.policy.decide(&headers, ends, now);
    outcome::check_edge(known, &headers, &decision);
    check_signature(known, &headers, &decision, now);
    if let Decision::Forward(forward) = &decision
        && let Ok(request) = known.policy.source_request(forward, now)
    {
        outcome::check_source_request(known, forward.origin.name(), &request);
    }

    let changed = changed(&headers, input.knob(2));
    let again = known.policy.decide(&changed, ends, now);
    assert_eq!(shown(&decision), shown(&again), "I26: {changed:?}");
}

/// The same request in the eyes of a policy.
fn changed(headers: &Headers, knob: u8) -> Headers {
    let mut changed = headers.clone();
    let swap = |method: &[u8]| match method {
        b"GET" => b"HEAD".to_vec(),
        b"HEAD" => b"GET".to_vec(),
        other => other.to_vec(),
    };
    if let Some((_, method)) = changed.iter_mut().find(|(name, _)| name == ":method") {
        *method = swap(method);
    }
    let index = usize::from(knob).checked_rem(IGNORED.len()).unwrap_or_default();
    let name = IGNORED.get(index).copied().unwrap_or_default();
    changed.insert(0, (name.to_owned(), b"visitor-canary\xff\x00".to_vec()));
    changed.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    changed
}

/// A decision, but for the method that the visitor asked with.
fn shown(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Forward(forward) => {
            let mut answer = forward.answer.clone();
            answer.method = Method::Get;
            let pushed = forward.push.as_ref().map(|fetch| format!("{:?}", fetch.upstream.headers()));
            format!("{:?} {pushed:?} {:?} {answer:?}", forward.upstream.headers(), forward.rule)
        }
        Decision::Reject(refusal) => format!("{refusal:?}"),
    }
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
