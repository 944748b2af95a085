//! The gate's decision: from the resizer's request for a sealed source to the origin's.
//!
//! INVARIANT: the only thing read of the request is its token; without one that the edge sealed,
//! every request gets the same refusal.

use super::decision::{Forward, Rule};
use super::rejection::Rejection;
use super::supply::Supply;
use super::{Policy, fetch, route};
use crate::credentials::CredentialName;
use crate::request::{Headers, MOST_TOKEN, Request};
use crate::response::{AnswerRule, Cache, Role};
use crate::secret::Secret;
use crate::validators::Condition;

/// Opens one request; see [`Policy::open`].
pub(super) fn open<'p>(
    policy: &'p Policy,
    headers: &Headers,
    ends: bool,
    now: Option<u64>,
) -> Result<Forward<'p>, Rejection> {
    let request = Request::parse(headers, ends, MOST_TOKEN)?;
    // Where sources are pushed, nothing was ever sealed.
    let Supply::Gate(gate) = &policy.supply else { return Err(Rejection::NotSealed) };
    let token = request.target().strip_prefix('/').ok_or(Rejection::NotSealed)?;
    let source = gate.seal.open(token).ok_or(Rejection::NotSealed)?;
    let origin = policy.origins.get(&source.origin).ok_or(Rejection::NotSealed)?;
    // The list is asked again: it may have become shorter since the token was made.
    let allowed = |(name, _): &(CredentialName, Secret)| origin.forward().allows(name);
    let forwarded = source.forwarded.into_iter().filter(allowed).collect();
    let upstream = fetch::request(policy, origin, (&source.path, forwarded), request.method(), headers, now)?;
    let cache = if origin.is_public() { Cache::Public { max_age: route::MAX_AGE } } else { Cache::Private };
    let answer = AnswerRule {
        role: Role::Gate,
        method: request.method(),
        cache,
        vary: Vec::new(),
        placeholder: false,
        fallback: None,
        privacy: gate.privacy(origin, token, Role::Gate),
        variant: "source".to_owned(),
        last_modified: origin.last_modified(),
        // A resizer always gets the whole source: it could make nothing of a 304.
        condition: Condition::None,
    };
    Ok(Forward {
        rule: Rule::Gate,
        preset: None,
        origin,
        source: source.path,
        transform: None,
        upstream,
        push: None,
        answer,
    })
}
