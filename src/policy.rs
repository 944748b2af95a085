//! The compiled policy: what requests meet. [`Policy::decide`] is the front door of the edge role,
//! [`Policy::open`] that of the gate role.
//!
//! A policy is complete when it is made (see [`crate::config`]): every preset, origin and secret it
//! refers to is there, so that a request can fail only for what the request says. INVARIANT: a
//! decision depends on the policy and the request alone; nothing here does I/O.

pub mod bounds;
pub mod decision;
mod edge;
mod gate;
pub mod host;
pub mod limit;
pub mod query;
pub mod rejection;
pub mod route;
pub mod variants;

use std::collections::BTreeMap;

use crate::config::raw::PrivateSources;
use crate::keeping::Ticket;
use crate::options::Options;
use crate::origin::Origin;
use crate::request::Headers;
use crate::request::path::Path;
use crate::resizer::Resizer;
use crate::response::{Privacy, Role};
use crate::seal::SealKeys;

use decision::{Decision, Refusal, Rule};
use route::{Route, SignatureRule};

/// Where the resizer fetches sources, and the key of the tokens it fetches them by.
#[derive(Debug)]
pub struct Gate {
    /// The gate's URL without a slash at its end.
    pub url: String,
    /// What is done about a source that its origin wants kept private.
    pub private_sources: PrivateSources,
    /// Seals at the edge, opens at the gate.
    pub seal: SealKeys,
}

impl Gate {
    /// What both roles do about the privacy of the source of this token.
    fn privacy(&self, origin: &Origin, token: &str, role: Role) -> Privacy {
        match (self.private_sources, role) {
            _ if !origin.is_public() => Privacy::Settled,
            (PrivateSources::NoStore, _) => Ticket::of(token).map_or(Privacy::Refused, Privacy::Noted),
            (PrivateSources::Refuse, Role::Gate) => Privacy::Refused,
            (PrivateSources::Refuse, Role::Edge) => Privacy::Settled,
        }
    }
}

/// The compiled policy.
#[derive(Debug)]
pub struct Policy {
    pub(crate) presets: BTreeMap<String, Options>,
    pub(crate) routes: Vec<Route>,
    pub(crate) origins: BTreeMap<String, Origin>,
    pub(crate) resizer: Resizer,
    pub(crate) gate: Gate,
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
        let mut routes = self.routes.iter().enumerate();
        let (index, route) = routes.find(|(_, route)| route.find(host, path).is_some())?;
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
}
