//! The gate's decision: from the resizer's request for a sealed source to the origin's.
//!
//! INVARIANT: the only thing read of the request is its token; without one that the edge sealed,
//! every request gets the same refusal.

use super::decision::{self, Forward, Rule, UpstreamRequest};
use super::rejection::Rejection;
use super::{Policy, route};
use crate::credentials::CredentialName;
use crate::request::{Headers, MOST_TOKEN, Request};
use crate::response::{AnswerRule, Cache, Role};
use crate::secret::Secret;

/// Opens one request; see [`Policy::open`].
pub(super) fn open<'p>(
    policy: &'p Policy,
    headers: &Headers,
    ends: bool,
    now: Option<u64>,
) -> Result<Forward<'p>, Rejection> {
    let request = Request::parse(headers, ends, MOST_TOKEN)?;
    let token = request.target().strip_prefix('/').ok_or(Rejection::NotSealed)?;
    let source = policy.gate.seal.open(token).ok_or(Rejection::NotSealed)?;
    let origin = policy.origins.get(&source.origin).ok_or(Rejection::NotSealed)?;
    let mut path = origin.path_of(&source.path);
    let opening = origin.open(request.method(), &path, now).ok_or(Rejection::UpstreamFailed)?;
    // The query of a shared access signature, which is the policy's; no other query leaves the gate.
    if let Some(query) = opening.query {
        path.push('?');
        path.push_str(query.expose());
    }
    // The list is asked again: it may have become shorter since the token was made.
    let allowed = |(name, _): &(CredentialName, Secret)| origin.forward().allows(name);
    let forwarded = source.forwarded.into_iter().filter(allowed).collect();
    let cache = if origin.is_public() { Cache::Public { max_age: route::MAX_AGE } } else { Cache::Private };
    let upstream = UpstreamRequest {
        cluster: origin.cluster(),
        method: request.method(),
        scheme: origin.url().scheme().name(),
        authority: origin.url().authority(),
        path,
        credentials: opening.headers,
        forwarded,
        cache: None,
        context: Vec::new(),
        forwarded_proto: decision::forwarded_proto(headers),
        original_path: None,
    };
    let answer = AnswerRule {
        role: Role::Gate,
        method: request.method(),
        cache,
        vary: Vec::new(),
        placeholder: false,
        privacy: policy.gate.privacy(origin, token, Role::Gate),
    };
    Ok(Forward {
        rule: Rule::Gate,
        preset: None,
        origin,
        source: source.path,
        transform: None,
        upstream,
        answer,
    })
}
