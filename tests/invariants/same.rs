//! Requests that differ in nothing that counts are decided alike: I2, I9, I26, I28, and I38.
//!
//! The strongest form of "nothing of it goes on": a request is decided as it would be without the headers that are
//! not read, in another order and in capitals, and what comes of it is the same, byte for byte.

use pinhole::policy::decision::{Decision, Rule, UpstreamRequest};

use super::headers::TRACES;
use super::path::{encode, unescape};
use super::{Asked, Headers, Held, Subject, hold};

/// What the edge reads (`README.md`, "Headers"; `envoy/policy.md`), beside what joins traces and what an origin forwards.
const READ: &[&str] = &[
    ":method",
    ":authority",
    ":path",
    "upgrade",
    "expect",
    "via",
    "connection",
    "accept",
    "referer",
    "x-forwarded-proto",
    "if-none-match",
    "if-modified-since",
    "sec-ch-width",
    "width",
    "sec-ch-viewport-width",
    "viewport-width",
    "sec-ch-dpr",
    "dpr",
    "sec-ch-ua-mobile",
    "save-data",
    "ect",
    "rtt",
    "downlink",
];

/// What the gate reads.
const READ_BY_GATE: &[&str] = &[":method", ":authority", ":path", "upgrade", "expect", "x-forwarded-proto"];

/// A decision, all of it that anybody could see.
#[derive(Debug, PartialEq)]
pub struct Face(Vec<(String, Vec<u8>)>, Vec<(String, Vec<u8>)>, String);

/// What a decision comes to; `method` says whether GET and HEAD are told apart in what becomes of the answer.
pub fn face(decision: &Decision<'_>, method: bool) -> Face {
    let own = |upstream: &UpstreamRequest<'_>| {
        upstream.headers().into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
    };
    match decision {
        Decision::Reject(refusal) => Face(Vec::new(), Vec::new(), format!("{refusal:?}")),
        Decision::Forward(forward) => {
            let (source, transform) = (forward.source.as_str(), &forward.transform);
            let mut answer = forward.answer.clone();
            if !method {
                answer.method = pinhole::request::Method::Get;
            }
            let rest = format!(
                "{:?} {:?} {:?} {source:?} {transform:?} {answer:?}",
                forward.rule, forward.preset, forward.origin
            );
            let push = forward.push.as_ref().map(|push| own(&push.upstream)).unwrap_or_default();
            Face(own(&forward.upstream), push, rest)
        }
    }
}

fn differ(invariant: &'static str, what: &str, one: &Face, other: &Face) -> Held {
    hold(invariant, one == other, || {
        let told = |face: &Face| {
            let headers = face.0.iter().map(|(name, value)| format!("[{name}: {}]", value.escape_ascii()));
            format!("{} {}", headers.collect::<String>(), face.2)
        };
        format!("{what}: {} became {}", told(one), told(other))
    })
}

/// The same request but for its headers.
fn with(asked: &Asked, headers: Headers) -> Asked {
    Asked { headers, ..asked.clone() }
}

/// The headers in capitals, those of other names in the opposite order.
fn turned(headers: &Headers) -> Headers {
    let mut turned: Headers =
        headers.iter().map(|(name, value)| (name.to_ascii_uppercase(), value.clone())).collect();
    turned.sort_by(|(one, _), (other, _)| other.cmp(one));
    turned
}

/// What holds for a decision of the edge.
pub fn for_edge(subject: &Subject, asked: &Asked, decision: &Decision<'_>) -> Held {
    let decide = |asked: &Asked| subject.policy.decide(&asked.headers, asked.ends, asked.now);
    let first = face(decision, true);
    differ("I2", "the same request", &first, &face(&decide(asked), true))?;
    let forwarded: Vec<String> =
        subject.document.origins().into_iter().flat_map(|origin| origin.forwarded).collect();
    let is_read = |name: &str| {
        let name = name.to_ascii_lowercase();
        READ.contains(&name.as_str()) || TRACES.contains(&name.as_str()) || forwarded.contains(&name)
    };
    let read: Headers = asked.headers.iter().filter(|(name, _)| is_read(name)).cloned().collect();
    differ("I26", "without what is not read", &first, &face(&decide(&with(asked, read.clone())), true))?;
    differ(
        "I26",
        "in another order, in capitals",
        &first,
        &face(&decide(&with(asked, turned(&read))), true),
    )?;
    let noisy = asked.clone().with("x-zz-canary", b"\xff\0canary").with("x_amz_date", b"canary");
    differ("I26", "with more that is not read", &first, &face(&decide(&noisy), true))?;
    differ("I28", "HEAD and GET", &face(decision, false), &face(&decide(&swapped(asked)), false))?;
    let Decision::Forward(forward) = decision else { return Ok(()) };
    let Rule::Route(route) = forward.rule else {
        return hold("I5", false, || format!("served by {:?}", forward.rule));
    };
    if subject.document.of_route(route, &["signature"]).is_null() {
        spelled_anew(asked, &first, &decide)
    } else {
        unsigned(asked, &decide)
    }
}

/// The same with the other method of the two.
fn swapped(asked: &Asked) -> Asked {
    let swap = |name: &str, value: &[u8]| match (name.eq_ignore_ascii_case(":method"), value) {
        (true, b"GET") => b"HEAD".to_vec(),
        (true, b"HEAD") => b"GET".to_vec(),
        _ => value.to_vec(),
    };
    with(asked, asked.headers.iter().map(|(name, value)| (name.clone(), swap(name, value))).collect())
}

/// The same with another target.
fn retargeted(asked: &Asked, target: &str) -> Asked {
    let target = |name: &str, value: &[u8]| match name.eq_ignore_ascii_case(":path") {
        true => target.as_bytes().to_vec(),
        false => value.to_vec(),
    };
    with(asked, asked.headers.iter().map(|(name, value)| (name.clone(), target(name, value))).collect())
}

/// I9: in its one spelling a path is decided alike, and so it is after what Envoy's normaliser would do to it.
fn spelled_anew<'p>(asked: &Asked, first: &Face, decide: &dyn Fn(&Asked) -> Decision<'p>) -> Held {
    let (path, query) = asked.target().split_at(asked.target().find('?').unwrap_or(asked.target().len()));
    let decoded = String::from_utf8_lossy(&unescape(path.as_bytes())).into_owned();
    let respelled = encode(&decoded);
    hold("I9", respelled == encode(&String::from_utf8_lossy(&unescape(respelled.as_bytes()))), || {
        respelled.clone()
    })?;
    for other in [respelled, normalised(path)] {
        // What is spelled with escapes is longer, and may be too long.
        if other.len().saturating_add(query.len()) > pinhole::request::MOST_TARGET {
            continue;
        }
        let again = face(&decide(&retargeted(asked, &format!("{other}{query}"))), true);
        // The access log has each path as it came.
        let plain = |face: &Face| {
            let others = face.0.iter().filter(|(name, _)| name != "x-envoy-original-path");
            Face(others.cloned().collect(), face.1.clone(), face.2.clone())
        };
        differ("I9", &format!("{other:?} for {path:?}"), &plain(first), &plain(&again))?;
    }
    Ok(())
}

/// `normalize_path` with `merge_slashes`: letters, digits, `-._~` unescaped, dots resolved, slashes merged.
fn normalised(path: &str) -> String {
    let mut unescaped = path.to_owned();
    for byte in (0..=u8::MAX).filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
        let to = char::from(byte).to_string();
        unescaped = unescaped.replace(&format!("%{byte:02X}"), &to).replace(&format!("%{byte:02x}"), &to);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in unescaped.split(['/', '\\']).filter(|segment| !segment.is_empty() && *segment != ".") {
        match segment {
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// I38: what needs a signature is refused without one.
fn unsigned<'p>(asked: &Asked, decide: &dyn Fn(&Asked) -> Decision<'p>) -> Held {
    let (path, query) = asked.target().split_once('?').unwrap_or((asked.target(), ""));
    hold("I38", query.split('&').any(|pair| pair.starts_with("sig=")), || {
        "served without a signature".to_owned()
    })?;
    let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("sig=")).collect();
    for target in [path.to_owned(), format!("{path}?{}", others.join("&"))] {
        let served = matches!(decide(&retargeted(asked, &target)), Decision::Forward(_));
        hold("I38", !served, || format!("{target:?} is served without a signature"))?;
    }
    Ok(())
}

/// What holds for a decision of the gate.
pub fn for_gate(subject: &Subject, asked: &Asked, decision: &Decision<'_>) -> Held {
    let open = |asked: &Asked| subject.policy.open(&asked.headers, asked.ends, asked.now);
    let first = face(decision, true);
    differ("I2", "the same request", &first, &face(&open(asked), true))?;
    let is_read = |name: &str| READ_BY_GATE.contains(&name.to_ascii_lowercase().as_str());
    let read: Headers = asked.headers.iter().filter(|(name, _)| is_read(name)).cloned().collect();
    differ("I26", "without what is not read", &first, &face(&open(&with(asked, turned(&read))), true))?;
    let noisy = asked.clone().with("authorization", b"canary").with("cookie", b"canary=1");
    differ("I26", "with more that is not read", &first, &face(&open(&noisy), true))
}
