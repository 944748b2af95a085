//! What pinhole decided about a request, and the upstream request it makes of it.
//!
//! INVARIANT: the headers of an upstream request are those that [`UpstreamRequest::headers`] lists,
//! and the host is told to replace the whole map by them: what is not listed is not sent, however
//! often and in whatever spelling the visitor sent it.

use std::borrow::Cow;
use std::fmt;

use super::rejection::Rejection;
use super::supply::Push;
use crate::forwarding::Forwarded;
use crate::options::OptionName;
use crate::origin::{Authority, Cluster, Origin};
use crate::reply::LocalReply;
use crate::request::path::SourcePath;
use crate::request::{Headers, Method, single};
use crate::response::{AnswerRule, Cache};
use crate::secret::Secret;
use crate::transform::Transform;
use crate::via::Via;

/// The outcome for one request.
#[derive(Debug)]
pub enum Decision<'p> {
    /// It goes upstream, as this and nothing else.
    Forward(Box<Forward<'p>>),
    /// It is answered here.
    Reject(Refusal),
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub rejection: Rejection,
    /// By which part of the policy.
    pub rule: Rule,
    /// Which option of the request, as the request names it.
    pub option: Option<String>,
    /// Whether the route answers with a placeholder.
    pub placeholder: bool,
    /// What access logs show in the place of `:path`, where that may hold a signature that is valid.
    pub logged_path: Option<String>,
}

impl Refusal {
    /// A refusal that is not about an option.
    pub fn new(rejection: Rejection, rule: Rule) -> Refusal {
        Refusal { rejection, rule, option: None, placeholder: false, logged_path: None }
    }

    /// What is answered.
    pub fn reply(&self) -> LocalReply {
        LocalReply::new(self.rejection, self.option.as_deref(), self.placeholder)
    }
}

/// The part of the policy that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No part: the request is refused whatever the policy says.
    Request,
    /// That no route matches.
    Routes,
    /// The route at this index.
    Route(usize),
    /// A key of the route at this index.
    Key(usize, &'static str),
    /// The limit of an option in the route at this index.
    Limit(usize, OptionName),
    /// The table of presets; that of the route at this index, if it has its own.
    Presets(Option<usize>),
    /// The origin of the route at this index.
    Origin(usize),
    /// The gate, which serves only what the edge sealed.
    Gate,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Request => f.write_str("request"),
            Rule::Routes => f.write_str("routes"),
            Rule::Route(index) => write!(f, "routes[{index}]"),
            Rule::Key(index, key) => write!(f, "routes[{index}].{key}"),
            Rule::Limit(index, option) => write!(f, "routes[{index}].query.{}", option.name()),
            Rule::Presets(None) => f.write_str("presets"),
            Rule::Presets(Some(index)) => write!(f, "routes[{index}].presets"),
            Rule::Origin(index) => write!(f, "routes[{index}].origin"),
            Rule::Gate => f.write_str("gate"),
        }
    }
}

/// A request that goes upstream.
#[derive(Debug)]
pub struct Forward<'p> {
    /// The part of the policy that let it.
    pub rule: Rule,
    /// The preset it named.
    pub preset: Option<&'p str>,
    /// Where the source is.
    pub origin: &'p Origin,
    /// The source below the origin's base path.
    pub source: SourcePath,
    /// What is done to it; nothing at the gate.
    pub transform: Option<Transform>,
    /// The request itself.
    pub upstream: UpstreamRequest<'p>,
    /// The request for the source, where pinhole itself fetches it and sends it along.
    pub push: Option<Fetch<'p>>,
    /// What becomes of the answer.
    pub answer: AnswerRule,
}

/// A source that is fetched before the resizer is asked.
#[derive(Debug)]
pub struct Fetch<'p> {
    /// The request for it.
    pub upstream: UpstreamRequest<'p>,
    /// The limits that hold for it.
    pub limits: &'p Push,
}

/// A request to a cluster, made of the policy and parsed values.
pub struct UpstreamRequest<'p> {
    /// Where Envoy sends it.
    pub cluster: &'p Cluster,
    /// The method.
    pub method: Method,
    /// The scheme.
    pub scheme: &'static str,
    /// The authority.
    pub authority: Cow<'p, Authority>,
    /// Path and query, encoded.
    pub path: String,
    /// What opens the origin: header names and values.
    pub credentials: Vec<(&'p str, Cow<'p, Secret>)>,
    /// What the origin is given of the visitor's credentials.
    pub forwarded: Forwarded,
    /// Who may keep the answer of a resizer: a cache between it and pinhole sees its own word for that, and
    /// not what pinhole makes of it. Nothing at the gate.
    pub cache: Option<Cache>,
    /// Who asks, for requests of sources.
    pub via: Option<&'p Via>,
    /// What joins the traces of both sides.
    pub context: Vec<(&'static str, String)>,
    /// How the visitor reached Envoy. Envoy finds no route for a request without it.
    pub forwarded_proto: &'static str,
    /// The visitor's `:path`, for access logs.
    pub original_path: Option<String>,
}

/// The header by which Envoy's route finds the cluster. Always set, so a visitor's own is never used.
pub const CLUSTER_HEADER: &str = "x-pinhole-cluster";

impl UpstreamRequest<'_> {
    /// All headers of the request, names in lower case, pseudo-headers first.
    pub fn headers(&self) -> Vec<(&str, &[u8])> {
        let mut headers: Vec<(&str, &[u8])> = vec![
            (":method", self.method.name().as_bytes()),
            (":scheme", self.scheme.as_bytes()),
            (":authority", self.authority.as_str().as_bytes()),
            (":path", self.path.as_bytes()),
            (CLUSTER_HEADER, self.cluster.as_str().as_bytes()),
            ("x-forwarded-proto", self.forwarded_proto.as_bytes()),
            ("user-agent", b"pinhole"),
        ];
        if self.cache == Some(Cache::Private) {
            // RFC 9111 5.2.1.5: then no cache on the way keeps the answer.
            headers.push(("cache-control", b"no-store"));
        }
        if let Some(via) = self.via {
            headers.push(("via", via.value().as_bytes()));
        }
        if let Some(path) = &self.original_path {
            headers.push(("x-envoy-original-path", path.as_bytes()));
        }
        headers.extend(self.context.iter().map(|(name, value)| (*name, value.as_bytes())));
        headers.extend(self.forwarded.iter().map(|(name, secret)| (name.as_str(), secret.expose())));
        // What the policy writes stands in the place of what a visitor sent under the same name.
        for (name, secret) in &self.credentials {
            headers.retain(|(other, _)| other != name);
            headers.push((name, secret.expose()));
        }
        headers
    }

    /// The headers of the request where pinhole itself makes it, with this method: what names the cluster, and
    /// what is for the access log, is of no use then. `None` for a value that is not UTF-8, which the host's
    /// call does not take.
    pub fn call<'h>(&'h self, method: &'h str) -> Option<Vec<(&'h str, &'h str)>> {
        let unused = [":method", CLUSTER_HEADER, "x-envoy-original-path"];
        let headers = self.headers().into_iter().filter(|(name, _)| !unused.contains(name));
        let own = headers.map(|(name, value)| Some((name, std::str::from_utf8(value).ok()?)));
        [Some((":method", method))].into_iter().chain(own).collect()
    }
}

// Not derived: authority and path are the origin's at the gate.
impl fmt::Debug for UpstreamRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamRequest(…)")
    }
}

/// The value of `x-forwarded-proto`, which Envoy has set: `https`, or else `http`.
pub(super) fn forwarded_proto(headers: &Headers) -> &'static str {
    match single(headers, "x-forwarded-proto") {
        Some(b"https") => "https",
        _ => "http",
    }
}

/// Headers that join traces (Envoy's request id, W3C Trace Context, and both forms of Zipkin's B3).
const TRACE_HEADERS: [&str; 9] = [
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

/// The trace headers of a request that have the form of one, of limited length: letters, digits and `-` in those of B3,
/// visible ASCII in the others.
pub(super) fn trace_context(headers: &Headers) -> Vec<(&'static str, String)> {
    let plain = |name: &str, value: &[u8]| {
        let is_b3 = name.contains("b3");
        let allowed = |byte: &u8| match is_b3 {
            true => byte.is_ascii_alphanumeric() || *byte == b'-',
            false => (0x20..0x7f).contains(byte),
        };
        let has_form = (1..=512).contains(&value.len()) && value.iter().all(allowed);
        has_form.then(|| String::from_utf8(value.to_vec()).ok()).flatten()
    };
    TRACE_HEADERS.iter().filter_map(|name| Some((*name, plain(name, single(headers, name)?)?))).collect()
}
