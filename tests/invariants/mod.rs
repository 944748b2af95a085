//! What holds for one request and for one answer, whatever they are: invariants I1 to I49, as far as a single
//! decision shows them. `tests/README.md` has the table of all, and what shows the others.
//!
//! A [`Subject`] is a policy with its document, which is read here a second time, as JSON and by nothing of `src`.
//! [`Subject::decide`], [`Subject::open`] and [`Subject::judge`] ask pinhole and give either what it said or a
//! [`Violation`]: fuzz targets, hostile corpora and properties call them with any bytes. Does not belong here: where
//! requests come from. INVARIANT: nothing here panics, and nothing here changes what pinhole is given.
//!
//! Other crates take this in with `#[path = "invariants/mod.rs"] mod invariants;`.

#![allow(dead_code, reason = "who takes this in uses a part of it")]

pub mod answer;
pub mod document;
pub mod grammar;
pub mod headers;
pub mod path;
pub mod reply;
pub mod same;
pub mod size;
pub mod taint;

use std::fmt;

use pinhole::config;
use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, Forward, UpstreamRequest};
use pinhole::response::{AnswerRule, Verdict};

use document::Document;

/// Names and values of headers.
pub type Headers = Vec<(String, Vec<u8>)>;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its number, as `I7`.
    pub invariant: &'static str,
    /// What was found.
    pub found: String,
    /// What was asked or answered, if that is known already.
    pub request: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is broken: {}\n  by {}", self.invariant, self.found, self.request)
    }
}

impl std::error::Error for Violation {}

/// That something holds.
pub type Held = Result<(), Violation>;

/// Says that an invariant holds, or what was found.
pub fn hold(invariant: &'static str, holds: bool, found: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(Violation { invariant, found: found(), request: String::new() }) }
}

/// A request as Envoy delivers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// All headers.
    pub headers: Headers,
    /// Whether nothing follows them.
    pub ends: bool,
    /// The time in seconds since 1970.
    pub now: Option<u64>,
}

impl Asked {
    /// A request of these headers and nothing behind them.
    pub fn new(headers: Headers) -> Asked {
        Asked { headers, ends: true, now: Some(1_800_000_000) }
    }

    /// A GET of a target.
    pub fn get(authority: &str, target: &[u8]) -> Asked {
        let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", authority)];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let path = (":path".to_owned(), target.to_vec());
        Asked::new(pseudo.into_iter().chain([path]).collect())
    }

    /// The same with one header more.
    pub fn with(mut self, name: &str, value: &[u8]) -> Asked {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }

    /// The first value of a header.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let named = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// `:path` as far as it is text.
    pub fn target(&self) -> &str {
        self.value(":path").and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// The bytes of all headers together.
    fn size(&self) -> usize {
        size_of(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
    }
}

/// Each byte of the headers, to try the same again.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.headers {
            write!(f, "[{}: {}] ", name.escape_debug(), value.escape_ascii())?;
        }
        write!(f, "ends: {}, now: {:?}", self.ends, self.now)
    }
}

fn size_of<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> usize {
    headers.fold(0_usize, |sum, (name, value)| sum.saturating_add(name.len()).saturating_add(value.len()))
}

/// A policy, and what its document says.
pub struct Subject {
    /// What is asked.
    pub policy: Policy,
    /// What it was made of.
    pub document: Document,
}

impl Subject {
    /// Takes a policy document. Gives pinhole's own words about one that is wrong.
    pub fn load(document: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Result<Subject, String> {
        let errors = |errors: Vec<_>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let policy = config::load(document, environment).map_err(errors)?.policy;
        let document =
            Document::read(document, environment).ok_or("the document is read by one parser only")?;
        Ok(Subject { policy, document })
    }

    /// Asks the edge. `canaries` are texts that stand where nothing of them may go on: in headers that are not
    /// read, in other cookies.
    pub fn decide(&self, asked: &Asked, canaries: &[&[u8]]) -> Result<Decision<'_>, Violation> {
        let decision = self.policy.decide(&asked.headers, asked.ends, asked.now);
        self.holds(asked, &decision, canaries).map_err(|violation| by(violation, asked))?;
        Ok(decision)
    }

    /// What holds for a decision of the edge.
    pub fn holds(&self, asked: &Asked, decision: &Decision<'_>, canaries: &[&[u8]]) -> Held {
        same::for_edge(self, asked, decision)?;
        match decision {
            Decision::Reject(refusal) => reply::holds(self, asked, refusal, canaries),
            Decision::Forward(forward) => self.holds_for_forward(asked, forward, canaries),
        }
    }

    fn holds_for_forward(&self, asked: &Asked, forward: &Forward<'_>, canaries: &[&[u8]]) -> Held {
        bounded(asked, &forward.upstream)?;
        headers::of_edge(self, asked, forward)?;
        path::of_resizer(&forward.upstream.path)?;
        size::holds(self, asked, forward)?;
        taint::of_edge(self, forward, canaries)?;
        let source = match &forward.push {
            Some(fetch) => Ok(&fetch.upstream),
            None => Err(self.policy.source_request(forward, asked.now)),
        };
        match &source {
            Ok(upstream) => self.holds_for_source(forward, upstream, canaries)?,
            Err(Ok(upstream)) => self.holds_for_source(forward, upstream, canaries)?,
            // The origin's credentials need a clock, and there is none.
            Err(Err(rejection)) => hold("I4", rejection.status() >= 500, || format!("{rejection:?}"))?,
        }
        grammar::holds(self, asked, forward, canaries)
    }

    /// Asks the gate.
    pub fn open(&self, asked: &Asked, canaries: &[&[u8]]) -> Result<Decision<'_>, Violation> {
        let decision = self.policy.open(&asked.headers, asked.ends, asked.now);
        let held = same::for_gate(self, asked, &decision).and_then(|()| match &decision {
            Decision::Reject(refusal) => reply::holds(self, asked, refusal, canaries),
            Decision::Forward(forward) => bounded(asked, &forward.upstream)
                .and_then(|()| self.holds_for_source(forward, &forward.upstream, canaries)),
        });
        held.map_err(|violation| by(violation, asked))?;
        Ok(decision)
    }

    /// What holds for the request of a source.
    fn holds_for_source(
        &self,
        forward: &Forward<'_>,
        upstream: &UpstreamRequest<'_>,
        canaries: &[&[u8]],
    ) -> Held {
        let origin = self.document.origin(forward.origin.name());
        let origin = origin.ok_or_else(|| violation("I6", format!("no origin {:?}", forward.origin)))?;
        headers::of_source(&origin, upstream)?;
        path::below(&origin, forward.source.as_str(), &upstream.path)?;
        taint::of_source(self, &origin, upstream, canaries)
    }

    /// Has an upstream's answer judged.
    pub fn judge(
        &self,
        rule: &AnswerRule,
        headers: &Headers,
        canaries: &[&[u8]],
    ) -> Result<Verdict, Violation> {
        let verdict = self.policy.judge(rule, headers);
        let held = answer::holds(rule, headers, &verdict, canaries).and_then(|()| {
            hold("I2", self.policy.judge(rule, headers) == verdict, || "judged otherwise".to_owned())
        });
        held.map_err(|violation| by(violation, &Asked { headers: headers.clone(), ends: true, now: None }))?;
        Ok(verdict)
    }
}

/// A violation that is known to be one.
pub fn violation(invariant: &'static str, found: String) -> Violation {
    Violation { invariant, found, request: String::new() }
}

fn by(violation: Violation, asked: &Asked) -> Violation {
    Violation { request: asked.to_string(), ..violation }
}

/// I3: what goes on is no longer than a few times what came.
fn bounded(asked: &Asked, upstream: &UpstreamRequest<'_>) -> Held {
    let (came, goes) = (asked.size(), size_of(upstream.headers().into_iter()));
    hold("I3", goes <= came.saturating_mul(4).saturating_add(16_384), || format!("{goes} bytes of {came}"))
}
