//! The compiled policy: what requests meet. [`Policy::decide`] is the front door of the edge role,
//! [`Policy::open`] that of the gate role.
//!
//! A policy is complete when it is made (see [`crate::config`]): every preset, origin and secret it
//! refers to is there, so that a request can fail only for what the request says. INVARIANT: a
//! decision depends on the policy and the request alone; nothing here does I/O.

#[cfg(not(target_arch = "wasm32"))]
pub mod advice;
pub mod bounds;
pub mod decision;
mod edge;
mod fetch;
mod gate;
pub mod host;
pub mod limit;
pub mod pattern;
pub mod query;
pub mod rejection;
pub mod route;
pub mod routes;
pub mod supply;
pub mod variants;

use std::collections::BTreeMap;

use crate::forwarding::Forwarded;
use crate::options::Options;
use crate::origin::Origin;
use crate::request::path::Path;
use crate::request::{Headers, Method};
use crate::resizer::Resizer;
use crate::resizer::authority::AskedWith;
use crate::response::{self, AnswerRule, Verdict};

use decision::{Decision, Forward, Refusal, Rule, UpstreamRequest};
use rejection::Rejection;
use route::SignatureRule;
use routes::Routes;
use supply::Supply;

/// The compiled policy.
#[derive(Debug)]
pub struct Policy {
    pub(crate) presets: BTreeMap<String, Options>,
    pub(crate) routes: Routes,
    pub(crate) origins: BTreeMap<String, Origin>,
    pub(crate) resizer: Resizer,
    pub(crate) supply: Supply,
}

impl Policy {
    /// What the edge does with a request. `ends` says that nothing follows the headers; `now` is the
    /// time in seconds since 1970, without which no signed URL is served.
    pub fn decide<'p>(&'p self, headers: &Headers, ends: bool, now: Option<u64>) -> Decision<'p> {
        match edge::decide(self, headers, ends, now) {
            Ok(forward) => Decision::Forward(Box::new(forward)),
            Err(refusal) => Decision::Reject(refusal),
        }
    }

    /// The route of a host and a path: its index, and what it asks of signatures.
    pub fn signature_of(&self, host: &str, path: &Path) -> Option<(usize, Option<&SignatureRule>)> {
        let (index, route, _) = self.routes.find(host, path)?;
        Some((index, route.signature.as_ref()))
    }

    /// What the gate does with a request. `ends` says that nothing follows the headers; `now` is the time
    /// in seconds since 1970, without which no request is signed.
    pub fn open<'p>(&'p self, headers: &Headers, ends: bool, now: Option<u64>) -> Decision<'p> {
        match gate::open(self, headers, ends, now) {
            Ok(forward) => Decision::Forward(Box::new(forward)),
            Err(rejection) => Decision::Reject(Refusal::new(rejection, Rule::Gate)),
        }
    }

    /// The request for the source of a forwarded one, as the gate or the edge itself makes it; without what of
    /// the visitor's credentials is forwarded. For [`Forward`]s of the edge.
    pub fn source_request<'p>(
        &'p self,
        forward: &Forward<'p>,
        now: Option<u64>,
    ) -> Result<UpstreamRequest<'p>, Rejection> {
        let source = (&forward.source, Forwarded::new());
        fetch::request(self, forward.origin, source, Method::Get, &[], now)
    }

    /// Whether sources are pushed, and not fetched by the resizer.
    pub fn pushes(&self) -> bool {
        matches!(self.supply, Supply::Push(_))
    }

    /// The authority under which the resizer is asked: what Envoy logs as that of a request that was let through.
    /// `None` where the visitor's is kept.
    pub fn resizer_authority(&self) -> Option<&str> {
        match &self.resizer.authority {
            AskedWith::Own(authority) => Some(authority.as_str()),
            AskedWith::Kept => None,
        }
    }

    /// What an upstream's answer means, and what of it may go on.
    pub fn judge(&self, rule: &AnswerRule, headers: &Headers) -> Verdict {
        response::judge(rule, &self.supply.marks().etags, headers)
    }
}
