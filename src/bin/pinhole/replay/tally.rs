//! What a replay adds up to. Its size does not depend on the length of the logs.
//!
//! What is kept: a count for each reason, route and preset; the hashes of at most [`MOST_PICTURES`] pictures,
//! sources and transforms, and of [`MOST_PICTURES_OF_ROUTE`] pictures of each route; the [`MOST_NAMED`] most
//! frequent transforms, refused requests and sources with many pictures; the first few lines that could not
//! be read. Beyond these numbers counts are estimates, and told as such.

use std::collections::BTreeMap;

use super::count::{Distinct, Frequent, hash_of};
use super::entry::{Entry, Unread};
use super::judge::{Before, Judge, Judgement, Unjudged};

/// So many different pictures are counted exactly.
pub const MOST_PICTURES: usize = 1 << 18;
/// So many of each route.
pub const MOST_PICTURES_OF_ROUTE: usize = 1 << 12;
/// So many names of each kind are kept at least.
pub const MOST_NAMED: usize = 10_000;
/// So many unreadable lines are shown.
pub const MOST_UNREAD: usize = 5;
/// So much of a path is kept.
const MOST_SHOWN: usize = 200;

/// A refused request, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefusedRequest {
    /// Why.
    pub reason: &'static str,
    /// By which rule.
    pub rule: String,
    /// Of which host.
    pub host: String,
    /// Its path; with its query, if that holds no signature.
    pub target: String,
}

/// What one route came to.
pub struct OfRoute {
    /// Requests that it would serve.
    pub served: u64,
    /// Requests that it would refuse.
    pub refused: u64,
    /// Of these, requests that were served before.
    pub newly_refused: u64,
    /// Different pictures.
    pub pictures: Distinct,
}

impl Default for OfRoute {
    fn default() -> OfRoute {
        OfRoute { served: 0, refused: 0, newly_refused: 0, pictures: Distinct::new(MOST_PICTURES_OF_ROUTE) }
    }
}

/// A line that could not be read.
pub struct UnreadLine {
    /// In which log.
    pub log: String,
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub reason: Unread,
}

/// The sum of a replay.
pub struct Tally<'p> {
    /// Lines that hold no request, as it should be.
    pub passed_over: u64,
    /// Lines that could not be read.
    pub unread: u64,
    /// The first of them.
    pub first_unread: Vec<UnreadLine>,
    /// Requests whose log has no host.
    pub hostless: u64,
    /// Requests, by what became of them and what would.
    pub changes: BTreeMap<(Before, bool), u64>,
    /// Requests of which cannot be known what would.
    pub unjudged: BTreeMap<Unjudged, u64>,
    /// Refused requests by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// By route.
    pub routes: BTreeMap<usize, OfRoute>,
    /// Served requests by preset.
    pub presets: BTreeMap<&'p str, u64>,
    /// Different sources with different transforms.
    pub pictures: Distinct,
    /// Different sources.
    pub sources: Distinct,
    /// Different transforms.
    pub transforms: Distinct,
    /// Requests by transform.
    pub by_transform: Frequent<String>,
    /// Pictures by source, as far as it is known which ones are new.
    pub by_source: Frequent<(&'p str, String)>,
    /// Refused requests.
    pub refused: Frequent<RefusedRequest>,
    /// Those of them that were served before.
    pub newly_refused: Frequent<RefusedRequest>,
}

impl Default for Tally<'_> {
    fn default() -> Self {
        Tally {
            passed_over: 0,
            unread: 0,
            first_unread: Vec::new(),
            hostless: 0,
            changes: BTreeMap::new(),
            unjudged: BTreeMap::new(),
            reasons: BTreeMap::new(),
            routes: BTreeMap::new(),
            presets: BTreeMap::new(),
            pictures: Distinct::new(MOST_PICTURES),
            sources: Distinct::new(MOST_PICTURES),
            transforms: Distinct::new(MOST_PICTURES),
            by_transform: Frequent::new(MOST_NAMED),
            by_source: Frequent::new(MOST_NAMED),
            refused: Frequent::new(MOST_NAMED),
            newly_refused: Frequent::new(MOST_NAMED),
        }
    }
}

impl<'p> Tally<'p> {
    /// Adds a line that could not be read.
    pub fn unread(&mut self, log: &str, line: u64, reason: Unread) {
        one_more(&mut self.unread);
        if self.first_unread.len() < MOST_UNREAD {
            self.first_unread.push(UnreadLine { log: log.to_owned(), line, reason });
        }
    }

    /// Adds a request.
    pub fn add(&mut self, judge: &Judge<'_>, entry: &Entry<'_>, before: Before, judgement: &Judgement<'p>) {
        if judge.logged_host(entry).is_none() {
            one_more(&mut self.hostless);
        }
        match judgement {
            Judgement::Unjudged(why) => one_more(self.unjudged.entry(*why).or_default()),
            Judgement::Served { route, preset, source, transform } => {
                one_more(self.changes.entry((before, true)).or_default());
                if let Some(preset) = preset {
                    one_more(self.presets.entry(preset).or_default());
                }
                let picture = hash_of((source, transform));
                if self.pictures.add(picture) {
                    self.by_source.add(source.clone());
                }
                self.sources.add(hash_of(source));
                self.transforms.add(hash_of(transform));
                self.by_transform.add(transform.clone());
                let route = self.routes.entry(*route).or_default();
                one_more(&mut route.served);
                route.pictures.add(picture);
            }
            Judgement::Refused { route, refusal, is_signed } => {
                one_more(self.changes.entry((before, false)).or_default());
                one_more(self.reasons.entry(refusal.rejection.reason()).or_default());
                let is_new = before == Before::Served;
                if let Some(route) = route {
                    let route = self.routes.entry(*route).or_default();
                    one_more(&mut route.refused);
                    if is_new {
                        one_more(&mut route.newly_refused);
                    }
                }
                let target = if *is_signed {
                    entry.target.split(|byte| *byte == b'?').next().unwrap_or_default()
                } else {
                    &entry.target
                };
                let request = RefusedRequest {
                    reason: refusal.rejection.reason(),
                    rule: refusal.rule.to_string(),
                    host: crate::screen::shown(judge.host_of(entry), MOST_SHOWN),
                    target: crate::screen::shown(target, MOST_SHOWN),
                };
                if is_new {
                    self.newly_refused.add(request.clone());
                }
                self.refused.add(request);
            }
        }
    }

    /// Requests of which is known what the policy would do: let them through, or not.
    pub fn judged(&self, served: bool) -> u64 {
        self.changes.iter().filter(|((_, now), _)| *now == served).map(|(_, count)| *count).sum()
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        let unjudged: u64 = self.unjudged.values().sum();
        self.judged(true).saturating_add(self.judged(false)).saturating_add(unjudged)
    }

    /// Requests that were answered in one way and would now be in another.
    pub fn change(&self, before: Before, served: bool) -> u64 {
        self.changes.get(&(before, served)).copied().unwrap_or_default()
    }
}

fn one_more(count: &mut u64) {
    *count = count.saturating_add(1);
}
