//! The request for a source: to the hidden origin, with what opens it.
//!
//! The gate makes it of an opened token, the edge of its own decision where it pushes. INVARIANT: scheme,
//! authority, base path and credentials are the policy's; of the visitor's there is the source path, checked,
//! and what the origin's list names.

use std::borrow::Cow;

use super::Policy;
use super::decision::{self, UpstreamRequest};
use super::rejection::Rejection;
use crate::forwarding::Forwarded;
use crate::origin::Origin;
use crate::request::path::SourcePath;
use crate::request::{Headers, Method};

/// Builds the request. `headers` are those of the request that it is made for; `now` is the time in seconds since
/// 1970, without which no request is signed.
pub(super) fn request<'p>(
    policy: &'p Policy,
    origin: &'p Origin,
    (source, forwarded): (&SourcePath, Forwarded),
    method: Method,
    headers: &Headers,
    now: Option<u64>,
) -> Result<UpstreamRequest<'p>, Rejection> {
    let mut path = origin.path_of(source);
    let opening = origin.open(method, &path, now).ok_or(Rejection::UpstreamFailed)?;
    // The query of a shared access signature, which is the policy's; no other query leaves.
    if let Some(query) = opening.query {
        path.push('?');
        path.push_str(query.expose());
    }
    Ok(UpstreamRequest {
        cluster: origin.cluster(),
        method,
        scheme: origin.url().scheme().name(),
        authority: Cow::Borrowed(origin.url().authority()),
        path,
        credentials: opening.headers,
        forwarded,
        cache: None,
        via: Some(&policy.supply.marks().via),
        context: Vec::new(),
        forwarded_proto: decision::forwarded_proto(headers),
        original_path: None,
    })
}
