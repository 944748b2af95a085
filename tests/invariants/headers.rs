//! Headers of upstream requests: where they go (I6), which there are (I18 to I21, I24), and the pseudo-headers (I25).
//!
//! An allow-list, held against every name that is sent: what is not known here is a violation, whoever sent it.

use pinhole::policy::decision::{Forward, UpstreamRequest};

use super::document::Origin;
use super::{Asked, Held, Subject, hold};

/// What every upstream request has once.
const ALWAYS: &[&str] =
    &[":method", ":scheme", ":authority", ":path", "x-pinhole-cluster", "x-forwarded-proto", "user-agent"];

/// What joins traces: of a visitor's own, these alone go to a resizer.
pub const TRACES: &[&str] = &[
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

/// Headers of one hop (RFC 9110 7.6.1), and those that say otherwise what is asked for.
const NEVER: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "host",
    "content-length",
    "expect",
    "range",
    "forwarded",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    ":protocol",
];

/// The value of a header that is there once.
fn single(upstream: &UpstreamRequest<'_>, name: &str) -> Result<String, super::Violation> {
    let values: Vec<Vec<u8>> = upstream
        .headers()
        .into_iter()
        .filter(|(other, _)| *other == name)
        .map(|(_, value)| value.to_vec())
        .collect();
    match values.as_slice() {
        [value] => Ok(value.escape_ascii().to_string()),
        values => Err(super::violation("I25", format!("{name} {} times", values.len()))),
    }
}

/// The headers of a resizer's request.
pub fn of_edge(subject: &Subject, asked: &Asked, forward: &Forward<'_>) -> Held {
    let upstream = &forward.upstream;
    listed(upstream, &[TRACES, &["x-envoy-original-path", "cache-control"]].concat())?;
    let (_, resizer) = subject.document.resizer();
    let text = |key: &str| resizer.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    same("I6", "x-pinhole-cluster", &single(upstream, "x-pinhole-cluster")?, text("cluster"))?;
    let host = asked.value(":authority").unwrap_or_default().to_ascii_lowercase().escape_ascii().to_string();
    let authority = match text("authority") {
        "keep" => host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host).to_owned(),
        own => own.to_lowercase(),
    };
    same("I6", ":authority", &single(upstream, ":authority")?, &authority)?;
    same("I6", ":scheme", &single(upstream, ":scheme")?, "http")?;
    same("I25", ":method", &single(upstream, ":method")?, "GET")?;
    for (name, value) in upstream.headers() {
        if TRACES.contains(&name) {
            let same_as_asked = asked.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let values: Vec<&[u8]> = same_as_asked.map(|(_, value)| value.as_slice()).collect();
            hold("I19", values == [value], || format!("{name} became {}", value.escape_ascii()))?;
        }
        if name == "x-envoy-original-path" {
            let target = asked.value(":path").unwrap_or_default();
            let is_part = target.starts_with(value)
                && (value.len() == target.len() || target.get(value.len()) == Some(&b'?'));
            hold("I24", is_part, || format!("{name} is {}", value.escape_ascii()))?;
        }
    }
    Ok(())
}

/// The headers of an origin's request.
pub fn of_source(origin: &Origin, upstream: &UpstreamRequest<'_>) -> Held {
    let written: Vec<&str> = origin.written.iter().chain(&origin.forwarded).map(String::as_str).collect();
    listed(upstream, &[written.as_slice(), &["via"]].concat())?;
    same("I6", "x-pinhole-cluster", &single(upstream, "x-pinhole-cluster")?, &origin.cluster)?;
    same("I6", ":authority", &single(upstream, ":authority")?, &origin.authority)?;
    same("I6", ":scheme", &single(upstream, ":scheme")?, &origin.scheme)?;
    let method = single(upstream, ":method")?;
    hold("I25", ["GET", "HEAD"].contains(&method.as_str()), || format!(":method is {method}"))?;
    let via = single(upstream, "via")?;
    let fits = via
        .strip_prefix("1.1 pinhole-")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hold("I24", fits, || format!("via is {via}"))?;
    for name in &origin.written {
        let count = upstream.headers().iter().filter(|(other, _)| other == name).count();
        hold("I19", count <= 1, || format!("{name} {count} times"))?;
    }
    Ok(())
}

fn same(invariant: &'static str, name: &str, found: &str, wanted: &str) -> Held {
    hold(invariant, found == wanted, || format!("{name} is {found:?}, and not {wanted:?}"))
}

/// That there are no names but these and [`ALWAYS`], each once, and nothing that ends a line.
fn listed(upstream: &UpstreamRequest<'_>, others: &[&str]) -> Held {
    let headers = upstream.headers();
    for (name, value) in &headers {
        let told = || format!("{name}: {}", value.escape_ascii());
        hold("I21", !NEVER.contains(name), told)?;
        hold("I20", !name.bytes().any(|byte| byte == b'_' || byte.is_ascii_whitespace()), told)?;
        hold("I18", ALWAYS.contains(name) || others.contains(name), told)?;
        hold("I18", name.bytes().all(|byte| !byte.is_ascii_uppercase()), told)?;
        hold("I19", headers.iter().filter(|(other, _)| other == name).count() == 1, told)?;
        hold("I8", value.iter().all(|byte| !byte.is_ascii_control()), told)?;
        let own = ["x-envoy-original-path", "x-forwarded-proto"];
        let of_proxies = name.starts_with("x-envoy-") || name.starts_with("x-forwarded-");
        hold("I24", !of_proxies || own.contains(name), told)?;
    }
    for name in ALWAYS {
        hold("I25", headers.iter().any(|(other, _)| other == name), || format!("no {name}"))?;
    }
    let proto = single(upstream, "x-forwarded-proto")?;
    hold("I24", ["http", "https"].contains(&proto.as_str()), || format!("x-forwarded-proto is {proto}"))?;
    same("I18", "user-agent", &single(upstream, "user-agent")?, "pinhole")
}
