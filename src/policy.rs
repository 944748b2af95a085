//! The compiled policy: what requests meet. [`Policy::decide`] is the front door of the edge role,
//! [`Policy::open`] that of the gate role.
//!
//! A policy is complete when it is made (see [`crate::config`]): every preset, origin and secret it
//! refers to is there, so that a request can fail only for what the request says. INVARIANT: a
//! decision depends on the policy and the request alone; nothing here does I/O.

pub mod decision;
pub mod limit;
pub mod rejection;
pub mod route;

use std::collections::BTreeMap;

use crate::negotiate;
use crate::request::path::SourcePath;
use crate::request::{self, Headers, MOST_TARGET, MOST_TOKEN, Method, Request};
use crate::resizer::{Resizer, SourceUrl};
use crate::response::{AnswerRule, Cache, Role};
use crate::seal::{SealKey, Source};
use crate::transform::{InvalidSize, Options, Transform};

use decision::{Decision, Forward, Refusal, Rule, UpstreamRequest};
use rejection::Rejection;
use route::Route;

/// Where the resizer fetches sources, and the key of the tokens it fetches them by.
#[derive(Debug)]
pub struct Gate {
    /// The gate's URL without a slash at its end.
    pub url: String,
    /// Seals at the edge, opens at the gate.
    pub seal: SealKey,
}

/// The compiled policy.
#[derive(Debug)]
pub struct Policy {
    pub(crate) presets: BTreeMap<String, Options>,
    pub(crate) routes: Vec<Route>,
    pub(crate) origins: BTreeMap<String, crate::origin::Origin>,
    pub(crate) resizer: Resizer,
    pub(crate) gate: Gate,
}

impl Policy {
    /// What the edge does with a request. `ends` says that nothing follows the headers.
    pub fn decide<'p>(&'p self, headers: &Headers, ends: bool) -> Decision<'p> {
        match self.decide_at_edge(headers, ends) {
            Ok(forward) => Decision::Forward(Box::new(forward)),
            Err(refusal) => Decision::Reject(refusal),
        }
    }

    /// What the gate does with a request. `ends` says that nothing follows the headers.
    pub fn open<'p>(&'p self, headers: &Headers, ends: bool) -> Decision<'p> {
        match self.open_at_gate(headers, ends) {
            Ok(forward) => Decision::Forward(Box::new(forward)),
            Err(rejection) => Decision::Reject(Refusal { rejection, rule: Rule::Gate }),
        }
    }

    fn decide_at_edge<'p>(&'p self, headers: &Headers, ends: bool) -> Result<Forward<'p>, Refusal> {
        let by_request = |rejection| Refusal { rejection, rule: Rule::Request };
        let request = Request::parse(headers, ends, MOST_TARGET).map_err(by_request)?;
        let (path, query) = request.path_and_query().map_err(by_request)?;

        let no_route = Refusal { rejection: Rejection::NoRoute, rule: Rule::Routes };
        let (index, route, found) = self
            .routes
            .iter()
            .enumerate()
            .find_map(|(index, route)| route.find(request.host(), &path).map(|found| (index, route, found)))
            .ok_or(no_route)?;
        let by_route = |rejection| Refusal { rejection, rule: Rule::Route(index) };
        let source = SourcePath::parse(found.source).map_err(by_route)?;
        let (preset, base) = match found.preset {
            Some(name) => {
                let unknown = Refusal { rejection: Rejection::UnknownPreset, rule: Rule::Presets };
                let (name, options) = self.presets.get_key_value(name).ok_or(unknown)?;
                (Some(name.as_str()), options.or(route.default))
            }
            None => (None, route.default),
        };
        let asked = route
            .query
            .read(&query)
            .map_err(|(rejection, option)| Refusal { rejection, rule: Rule::Limit(index, option) })?;
        let options = asked.or(base);
        let frame = options.frame().map_err(|_: InvalidSize| by_route(Rejection::MissingSize))?;

        let negotiated = options.format.is_some_and(|format| format.concrete().is_none());
        let format = options.format.map(|format| {
            let accept = request::values(headers, "accept");
            format.concrete().unwrap_or_else(|| negotiate::choose(accept, self.resizer.dialect().formats))
        });
        let transform = Transform { frame, quality: options.quality, format };

        // The policy defines every origin that a route names, and none with a name too long to seal.
        let failed = by_route(Rejection::UpstreamFailed);
        let origin = self.origins.get(&route.origin).ok_or(failed)?;
        let sealed = Source { origin: origin.name().to_owned(), path: source };
        let token = self.gate.seal.seal(&sealed).ok_or(failed)?;
        let path = self.resizer.path(&transform, &SourceUrl::new(&self.gate.url, &token)).ok_or(failed)?;

        let cache =
            if origin.is_public() { Cache::Public { max_age: route.max_age } } else { Cache::Private };
        let upstream = UpstreamRequest {
            cluster: &self.resizer.cluster,
            // Always GET: imgproxy answers HEAD without checking the signature, and only a GET makes
            // the picture whose size a HEAD must tell.
            method: Method::Get,
            scheme: "http",
            authority: &self.resizer.authority,
            path,
            credentials: None,
            context: decision::trace_context(headers),
            forwarded_proto: decision::forwarded_proto(headers),
            original_path: Some(request.target().to_owned()),
        };
        let answer = AnswerRule { role: Role::Edge, method: request.method(), cache, negotiated };
        Ok(Forward {
            rule: Rule::Route(index),
            preset,
            origin,
            source: sealed.path,
            transform: Some(transform),
            upstream,
            answer,
        })
    }

    fn open_at_gate<'p>(&'p self, headers: &Headers, ends: bool) -> Result<Forward<'p>, Rejection> {
        let request = Request::parse(headers, ends, MOST_TOKEN)?;
        let token = request.target().strip_prefix('/').ok_or(Rejection::NotSealed)?;
        let source = self.gate.seal.open(token).ok_or(Rejection::NotSealed)?;
        let origin = self.origins.get(&source.origin).ok_or(Rejection::NotSealed)?;
        let upstream = UpstreamRequest {
            cluster: origin.cluster(),
            method: request.method(),
            scheme: origin.url().scheme().name(),
            authority: origin.url().authority(),
            path: origin.path_of(&source.path),
            credentials: Some(origin.credentials()),
            context: Vec::new(),
            forwarded_proto: decision::forwarded_proto(headers),
            original_path: None,
        };
        let cache =
            if origin.is_public() { Cache::Public { max_age: route::MAX_AGE } } else { Cache::Private };
        let answer = AnswerRule { role: Role::Gate, method: request.method(), cache, negotiated: false };
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
}
