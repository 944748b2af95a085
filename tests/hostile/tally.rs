//! What was run, refused and served at each position, and the violations: counts, a table, and JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::judging::Outcome;
use super::requests::POSITIONS;

/// The counts of one position.
#[derive(Clone, Default)]
struct Counts {
    run: u64,
    served: u64,
    refused: BTreeMap<&'static str, u64>,
}

/// A violation with all that is needed to see it again. The one that comes first in its corpus is shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub place: (usize, u64),
    pub text: String,
}

/// All counts.
#[derive(Clone)]
pub struct Tally {
    positions: Vec<Counts>,
    /// Lines that were run.
    pub lines: u64,
    pub violations: u64,
    /// At which position which invariant was broken how often.
    pub kinds: BTreeMap<String, u64>,
    pub first: Option<Found>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            positions: vec![Counts::default(); POSITIONS.len()],
            lines: 0,
            violations: 0,
            kinds: BTreeMap::new(),
            first: None,
        }
    }
}

impl Tally {
    /// Counts what came of a request.
    pub fn count(&mut self, position: usize, outcome: Outcome) {
        let counts = &mut self.positions[position];
        counts.run += 1;
        match outcome {
            Outcome::Served => counts.served += 1,
            Outcome::Refused(rejection) => *counts.refused.entry(rejection.reason()).or_default() += 1,
        }
    }

    /// Counts a violation.
    pub fn violate(&mut self, position: usize, invariant: &str, found: impl FnOnce() -> Found) {
        self.positions[position].run += 1;
        self.violations += 1;
        *self.kinds.entry(format!("{invariant} at {}", POSITIONS[position].name)).or_default() += 1;
        if self.first.is_none() {
            self.first = Some(found());
        }
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: Tally) {
        for (mine, others) in self.positions.iter_mut().zip(other.positions) {
            mine.run += others.run;
            mine.served += others.served;
            for (reason, count) in others.refused {
                *mine.refused.entry(reason).or_default() += count;
            }
        }
        self.lines += other.lines;
        self.violations += other.violations;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.first = [self.first.take(), other.first].into_iter().flatten().min();
    }

    /// Requests that were run, and how many of them were served.
    pub fn totals(&self) -> (u64, u64) {
        self.positions.iter().fold((0, 0), |(run, served), one| (run + one.run, served + one.served))
    }

    /// One row for each position, with its most frequent reasons.
    pub fn table(&self) -> String {
        let mut table =
            format!("{:<32} {:>11} {:>11} {:>11}  refused for\n", "position", "run", "refused", "served");
        for (position, counts) in POSITIONS.iter().zip(&self.positions) {
            let refused: u64 = counts.refused.values().sum();
            let mut reasons: Vec<_> = counts.refused.iter().collect();
            reasons.sort_by_key(|(reason, count)| (u64::MAX - **count, **reason));
            let shown: Vec<_> =
                reasons.iter().take(4).map(|(reason, count)| format!("{reason} {count}")).collect();
            let more = if reasons.len() > 4 { ", …" } else { "" };
            let Counts { run, served, .. } = counts;
            let _ = writeln!(
                table,
                "{:<32} {run:>11} {refused:>11} {served:>11}  {}{more}",
                position.name,
                shown.join(", ")
            );
        }
        table
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let position = |(position, counts): (&super::requests::Position, &Counts)| json!({ "name": position.name, "run": counts.run, "served": counts.served, "refused": counts.refused });
        json!({
            "positions": POSITIONS.iter().zip(&self.positions).map(position).collect::<Vec<_>>(),
            "violations": self.violations,
            "kinds": self.kinds,
            "first": self.first.as_ref().map(|found| &found.text),
        })
    }
}
