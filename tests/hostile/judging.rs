//! What becomes of one request in the core, and whether that may be: `tests/invariants` says what holds.
//!
//! What the edge seals is opened by the gate, so that both halves see every payload. A panic is a violation like any
//! other. Does not belong here: where requests come from, and counting.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pinhole::policy::decision::{Decision, Forward};
use pinhole::policy::rejection::Rejection;
use pinhole::request::MOST_TOKEN;
use pinhole::secret::Secret;
use pinhole::signature::KeyRing;
use pinhole::signature::grant::Grant;
use pinhole::signature::key::{KeyId, SigningKey};
use serde_json::Value;

use super::invariants::{Asked, Subject, Violation, violation};
use super::requests::{Role, UNLISTED};

/// The time of every request.
pub const NOW: u64 = 1_800_000_000;

/// A policy under which payloads are run.
pub struct Policy {
    pub name: &'static str,
    subject: Subject,
}

/// The policies of `policies/`.
const DOCUMENTS: &[(&str, &[u8])] = &[
    ("routes", include_bytes!("policies/routes.json")),
    ("keep", include_bytes!("policies/keep.json")),
    ("push", include_bytes!("policies/push.json")),
];

/// Loads them.
pub fn policies() -> Vec<Policy> {
    let load = |(name, document): &(&'static str, &[u8])| {
        let subject =
            Subject::load(document, &environment).unwrap_or_else(|error| panic!("{name}.json: {error}"));
        Policy { name, subject }
    };
    DOCUMENTS.iter().map(load).collect()
}

fn environment(name: &str) -> Option<String> {
    Some(match name {
        // No key that documents use in their examples: payloads are taken of such, and would tell it.
        "IMAGINARY_KEY" => "c2d90e17ab5f8864".repeat(4),
        "PINHOLE_SEAL_KEY" => "a7c41f0be96d2835".repeat(4),
        name => format!("Bearer secret-of-{}-0b7d44e1", name.to_ascii_lowercase().replace('_', "-")),
    })
}

/// Path and query of a URL that is signed for [`NOW`], with its width left free.
pub fn signed() -> String {
    let (_, document) = DOCUMENTS[0];
    let document: Value = serde_json::from_slice(document).expect("JSON");
    let key = document["signing"]["keys"]["k1"]["value"].as_str().expect("a text");
    let key = SigningKey::from_hex(&Secret::new(key.to_owned())).expect("a key");
    let ring = KeyRing::new([(KeyId::parse("k1").expect("a name"), key)].into()).expect("a key");
    let grant = Grant {
        host: "img.example.com".to_owned(),
        path: "/signed/small/landscape.jpg".to_owned(),
        free: vec!["width".to_owned()],
        exp: NOW + 86_400,
        kid: "k1".to_owned(),
        ..Grant::default()
    };
    ring.sign(&grant).expect("what can be signed")
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Served,
    Refused(Rejection),
}

/// A worker's judgement.
#[derive(Default)]
pub struct Judge {
    /// Outcomes that were judged already: refusals; requests that go on from positions whose payload is in a header,
    /// where the same to the byte is as good as the first; and requests for sources of nothing but words, which are the
    /// same but for the word. With queries that would hide that what was asked was ignored, so they are not in here.
    known: HashSet<u64>,
}

impl Judge {
    /// Asks, and says what came of it.
    pub fn judge(
        &mut self,
        policy: &Policy,
        role: Role,
        headers: Vec<(String, Vec<u8>)>,
        in_path: bool,
    ) -> Result<Outcome, Violation> {
        let asked = Asked { headers, ends: true, now: Some(NOW) };
        let judged = catch_unwind(AssertUnwindSafe(|| match role {
            Role::Edge => self.at_edge(policy, &asked, in_path),
            Role::Gate => at_gate(policy, &asked, true),
        }));
        judged.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(violation("I1", format!("a panic: {}", text.unwrap_or_default())))
        })
    }

    fn at_edge(&mut self, policy: &Policy, asked: &Asked, in_path: bool) -> Result<Outcome, Violation> {
        let subject = &policy.subject;
        let decision = subject.policy.decide(&asked.headers, asked.ends, asked.now);
        let plain = match &decision {
            Decision::Forward(forward) if in_path => Some(is_plain(forward, asked)),
            _ => None,
        };
        if plain != Some(false) && !self.known.insert(fingerprint(policy.name, &decision, plain.is_some())) {
            return Ok(outcome(&decision));
        }
        subject.decide(asked, &canaries())?;
        if let Decision::Forward(forward) = &decision
            && let Some(token) = token(forward)
        {
            let token = [("host", "127.0.0.1"), ("path", token)];
            let get =
                Asked { now: asked.now, ..Asked::get(token[0].1, format!("/{}", token[1].1).as_bytes()) };
            // What a visitor's list opens reaches its origin there, and nothing else does.
            match at_gate(policy, &get, false)? {
                Outcome::Served => {}
                Outcome::Refused(rejection) => {
                    return Err(violation(
                        "I11",
                        format!("the gate refuses what the edge sealed: {rejection:?}"),
                    ));
                }
            }
        }
        Ok(outcome(&decision))
    }
}

/// Asks the gate. `foreign`: by somebody who has no token, so that nothing may be opened.
fn at_gate(policy: &Policy, asked: &Asked, foreign: bool) -> Result<Outcome, Violation> {
    let decision = policy.subject.open(asked, &canaries())?;
    match outcome(&decision) {
        Outcome::Served if foreign => Err(violation("I38", "the gate opened what nobody sealed".to_owned())),
        outcome => Ok(outcome),
    }
}

fn canaries() -> [&'static [u8]; 1] {
    [UNLISTED.as_bytes()]
}

fn outcome(decision: &Decision<'_>) -> Outcome {
    match decision {
        Decision::Forward(_) => Outcome::Served,
        Decision::Reject(refusal) => Outcome::Refused(refusal.rejection),
    }
}

/// The sealed source in thumbor's URL.
fn token<'f>(forward: &'f Forward<'_>) -> Option<&'f str> {
    let (_, token) = forward.upstream.path.rsplit_once("%2F")?;
    (token.len() <= MOST_TOKEN).then_some(token)
}

/// Whether a source is words of letters and digits, as it was asked for, and nothing else was asked: what could be
/// wrong with one such request is then wrong with all of them.
fn is_plain(forward: &Forward<'_>, asked: &Asked) -> bool {
    let source = forward.source.as_str();
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    source.len() < 200 && source.split(['/', '.']).all(word) && asked.target().ends_with(source)
}

/// All that a decision says; without the words of its source, if it is plain.
fn fingerprint(policy: &str, decision: &Decision<'_>, is_plain: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (policy, is_plain).hash(&mut hasher);
    if let Decision::Forward(forward) = decision
        && let Some(fetch) = &forward.push
    {
        let kept = |(name, _): &(&str, &[u8])| !is_plain || *name != ":path";
        fetch.upstream.headers().into_iter().filter(kept).for_each(|header| header.hash(&mut hasher));
    }
    match decision {
        Decision::Forward(forward) if is_plain => {
            let own = |(name, _): &(&str, &[u8])| ![":path", "x-envoy-original-path"].contains(name);
            forward.upstream.headers().into_iter().filter(own).for_each(|header| header.hash(&mut hasher));
            let asked = forward.upstream.path.rsplit_once("%2F").map_or("", |(before, _)| before);
            // Behind the signature, which is another for each source.
            asked.splitn(3, '/').nth(2).hash(&mut hasher);
            format!("{:?} {:?} {:?}", forward.rule, forward.origin, forward.transform).hash(&mut hasher);
        }
        Decision::Forward(forward) => {
            forward.upstream.headers().hash(&mut hasher);
            format!("{:?}", forward.answer).hash(&mut hasher);
        }
        Decision::Reject(refusal) => format!("{refusal:?}").hash(&mut hasher),
    }
    hasher.finish()
}
