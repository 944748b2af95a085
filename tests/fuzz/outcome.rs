//! What holds of every decision, of both roles, and of every reply of pinhole's own.
//!
//! The numbers are those of `tests/invariants`. What the policy says is read off its document, not off its compiled
//! form. Does not belong here: what holds of two decisions together (`targets`).

use pinhole::policy::decision::{Decision, Forward, Refusal, UpstreamRequest};
use pinhole::policy::rejection::Rejection;
use pinhole::reply::LocalReply;

use super::policies::{Known, SECRETS};

/// All that a request to a resizer may have.
const TO_RESIZERS: &[&str] = &[
    ":method",
    ":scheme",
    ":authority",
    ":path",
    "x-pinhole-cluster",
    "x-forwarded-proto",
    "user-agent",
    "cache-control",
    "x-envoy-original-path",
    "x-request-id",
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
];

/// All that a request for a source may have, beside credentials.
const TO_ORIGINS: &[&str] = &[
    ":method",
    ":scheme",
    ":authority",
    ":path",
    "x-pinhole-cluster",
    "x-forwarded-proto",
    "user-agent",
    "via",
];

/// All that a reply may have.
const REPLIED: &[&str] = &[
    "content-type",
    "cache-control",
    "x-content-type-options",
    "x-pinhole-reason",
    "x-pinhole-option",
    "allow",
];

/// Whether a text is visible ASCII, blanks among it.
fn is_visible(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| (0x20..0x7f).contains(byte))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}

/// Decodes once like a careless server: what is not `%HH` stays, and a backslash is a slash.
fn decode_carelessly(path: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, hex(after.first()), hex(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high.saturating_mul(16).saturating_add(low)));
                rest = after.get(2..).unwrap_or_default();
            }
            (b'\\', ..) => decoded.push(b'/'),
            _ => decoded.push(*first),
        }
    }
    decoded
}

/// Whether a path has a segment that some server would resolve, path parameters left out.
fn climbs(path: &[u8]) -> bool {
    let names =
        path.split(|byte| *byte == b'/').skip(1).map(|segment| segment.split(|byte| *byte == b';').next());
    names.flatten().any(|name| name.is_empty() || name == b"." || name == b"..")
}

/// I7: however often it is decoded, a path stays below a base.
fn check_below(path: &mut Vec<u8>, base: &str) {
    let mut base = base.as_bytes().to_vec();
    for times in 0..4 {
        let below = path.strip_prefix(base.as_slice()).unwrap_or_default();
        assert!(
            below.starts_with(b"/") && !climbs(below),
            "I7: decoded {times} times: {}",
            path.escape_ascii()
        );
        (*path, base) = (decode_carelessly(path), decode_carelessly(&base));
    }
}

/// Authority and base path of an origin, as its URL in the document has them.
fn url_of<'k>(known: &'k Known, origin: &str) -> (&'k str, &'k str, &'k str) {
    let url = known.origin(origin)["url"].as_str().unwrap_or_default().trim_end_matches('/');
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let base = rest.find('/').unwrap_or(rest.len());
    let (authority, base) = rest.split_at(base);
    (scheme, authority, base)
}

/// I8, I18, I25: the request has these names and no others, each once, and plain values.
fn check_names(headers: &[(&str, &[u8])], allowed: impl Fn(&str) -> bool) {
    for (index, (name, value)) in headers.iter().enumerate() {
        assert!(allowed(name), "I18: sends {name}");
        let again = headers.iter().skip(index.saturating_add(1)).any(|(other, _)| other == name);
        assert!(!again, "I25: sends {name} twice");
        let plain = !value.iter().any(|byte| matches!(byte, 0..=0x1f | 0x7f));
        assert!(plain, "I8: sends {name}: {}", value.escape_ascii());
    }
    for name in [":method", ":scheme", ":authority", ":path", "x-pinhole-cluster"] {
        assert!(headers.iter().any(|(other, _)| *other == name), "I25: sends no {name}");
    }
}

/// What holds of a request for a source: I6, I7, I8, I18.
pub fn check_source_request(known: &Known, origin: &str, request: &UpstreamRequest<'_>) {
    let (scheme, authority, base) = url_of(known, origin);
    let authority = authority.to_ascii_lowercase();
    assert_eq!((request.scheme, request.authority.as_str()), (scheme, authority.as_str()), "I6");
    assert_eq!(Some(request.cluster.as_str()), known.origin(origin)["cluster"].as_str(), "I6");

    let (mut path, query) = match request.path.split_once('?') {
        Some((path, query)) => (path.as_bytes().to_vec(), Some(query)),
        None => (request.path.as_bytes().to_vec(), None),
    };
    let credentials = &known.origin(origin)["credentials"];
    assert_eq!(query, credentials["azure_sas"]["value"].as_str(), "I12: the query is the policy's");
    let is_kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(byte);
    let below = path.get(base.len()..).unwrap_or_default();
    assert!(below.iter().all(is_kept), "I8: {}", request.path);
    check_below(&mut path, base);

    let listed = |key: &str, name: &str| {
        let list = credentials[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = |item: &serde_json::Value| {
            item.as_str().is_some_and(|item| item.eq_ignore_ascii_case(name) || item == "share-publicly")
        };
        list.iter().any(named)
    };
    for (name, _) in &request.forwarded {
        let cookies = name.as_str() == "cookie" && credentials["cookies"].is_array();
        assert!(cookies || listed("forward", name.as_str()), "I18: forwards {}", name.as_str());
    }
    let own = |name: &str| {
        request.credentials.iter().any(|(other, _)| *other == name)
            || request.forwarded.iter().any(|(other, _)| other.as_str() == name)
    };
    check_names(&request.headers(), |name| TO_ORIGINS.contains(&name) || own(name));
    // I23: what opens this origin, and nothing where nothing does.
    assert!(request.credentials.is_empty() || credentials.is_object(), "I23");
}

/// What holds of what the edge sends to the resizer: I6, I8, I18, I22, I24, I25.
fn check_resizers_request(known: &Known, host: &str, forward: &Forward<'_>) {
    let request = &forward.upstream;
    let headers = request.headers();
    check_names(&headers, |name| TO_RESIZERS.contains(&name));
    let resizer = known.resizer();
    assert_eq!(Some(request.cluster.as_str()), resizer["cluster"].as_str(), "I6");
    match resizer["authority"].as_str() {
        Some("keep") => assert_eq!(request.authority.as_str(), host, "I6"),
        authority => assert_eq!(Some(request.authority.as_str()), authority, "I6"),
    }
    assert!(
        request.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\'),
        "I8: {}",
        request.path
    );
    assert!(
        request.credentials.is_empty() && request.forwarded.is_empty(),
        "I23: no credential for the resizer"
    );
    let (_, authority, base) = url_of(known, forward.origin.name());
    for (name, value) in &headers {
        // What the visitor wrote himself is in there, for the access log.
        let is_visitors =
            *name == "x-envoy-original-path" || request.context.iter().any(|(other, _)| other == name);
        let secrets = SECRETS.iter().copied().chain([authority, base]).filter(|secret| secret.len() > 5);
        for secret in secrets.filter(|_| !is_visitors) {
            assert!(
                !contains(value, secret.as_bytes()),
                "I22: {name} holds {secret}: {}",
                value.escape_ascii()
            );
        }
    }
}

/// What holds of a decision of the edge about these headers.
pub fn check_edge(known: &Known, headers: &[(String, Vec<u8>)], decision: &Decision<'_>) {
    let forward = match decision {
        Decision::Forward(forward) => forward,
        Decision::Reject(refusal) => return check_refusal(refusal),
    };
    let value =
        |name| headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let method = value(":method").map(Vec::as_slice);
    assert!(matches!(method, Some(b"GET" | b"HEAD")), "I25: serves {method:?}");
    let authority = value(":authority").map(|value| String::from_utf8_lossy(value).to_ascii_lowercase());
    let authority = authority.unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    check_resizers_request(known, host, forward);
    assert!(forward.transform.is_some(), "the edge transforms");
    let mut path = forward.origin.path_of(&forward.source).into_bytes();
    let (.., base) = url_of(known, forward.origin.name());
    check_below(&mut path, base);
    match &forward.push {
        Some(fetch) => {
            assert!(known.pushes());
            check_source_request(known, forward.origin.name(), &fetch.upstream);
        }
        None => assert!(!known.pushes()),
    }
    let control = forward.answer.cache.control();
    let origin = known.origin(forward.origin.name());
    let is_shared = origin["origin_auth"] == "share-publicly" || origin["credentials"].is_null();
    assert!(is_shared || control == "private, no-store", "I44: {control}");
}

/// What holds of a decision of the gate.
pub fn check_gate(known: &Known, decision: &Decision<'_>) {
    let forward = match decision {
        Decision::Forward(forward) => forward,
        Decision::Reject(refusal) => {
            // Whatever is wrong with a token, it is the same refusal.
            let of_request = [
                Rejection::MalformedRequest,
                Rejection::MalformedHost,
                Rejection::MethodNotAllowed,
                Rejection::BodyNotAllowed,
                Rejection::PathTooLong,
                Rejection::MalformedPath,
                Rejection::MalformedQuery,
                Rejection::NotSealed,
                Rejection::UpstreamFailed,
            ];
            assert!(of_request.contains(&refusal.rejection), "{refusal:?}");
            return check_refusal(refusal);
        }
    };
    assert!(!known.pushes(), "where sources are pushed, nothing is sealed");
    assert!(forward.transform.is_none() && forward.push.is_none());
    check_source_request(known, forward.origin.name(), &forward.upstream);
}

/// What holds of a refusal: I42, I46.
pub fn check_refusal(refusal: &Refusal) {
    let reply = refusal.reply();
    check_reply(&reply);
    assert_eq!(reply.status, refusal.rejection.status());
    assert!((400..=599).contains(&reply.status), "I4: {}", reply.status);
    let control = reply.headers.iter().find(|(name, _)| *name == "cache-control");
    assert_eq!(control.map(|(_, value)| value.as_str()), Some("no-store"), "I46");
}

/// What holds of a reply about a rejection: I39, I40, I41, I42, I43, I46, I47.
pub fn check_reply(reply: &LocalReply) {
    let Some(rejection) = reply.rejection else {
        panic!("a reply without a rejection: {reply:?}");
    };
    assert!(reply.status == rejection.status() || reply.status == 200, "I41: {}", reply.status);
    for (name, value) in &reply.headers {
        assert!(REPLIED.contains(name), "I39: {name}");
        assert!(is_visible(value.as_bytes()), "I39: {name}: {}", value.escape_debug());
        assert_eq!(reply.headers.iter().filter(|(other, _)| other == name).count(), 1, "I47: {name}");
    }
    let value =
        |name| reply.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
    assert_eq!(value("x-pinhole-reason"), Some(rejection.reason()));
    assert_eq!(value("x-content-type-options"), Some("nosniff"), "I43");
    assert!(value("cache-control").is_some(), "I47");
    let option = value("x-pinhole-option").unwrap_or("a");
    assert!(
        option.len() <= 32 && option.bytes().all(|byte| byte.is_ascii_lowercase() || b"-.".contains(&byte)),
        "I40"
    );
    match value("content-type") {
        Some("text/plain; charset=utf-8") => {
            assert_eq!(reply.body, format!("{}\n", rejection.text()).into_bytes(), "I42");
            assert_eq!(reply.status, rejection.status(), "I41");
        }
        Some("image/png" | "image/gif") => {
            assert!(reply.body.len() < 100, "I42: an image that the policy has")
        }
        other => panic!("I43: {other:?}"),
    }
}
