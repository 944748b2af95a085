//! Counting in bounded memory: how many different things there were, and which were the most frequent.
//!
//! INVARIANT: exact while there are few; beyond that it is known that a count is an estimate, and how far off.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash that is the same in every run.
pub fn hash_of(thing: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// How many different things there were: all of their hashes while there are at most `most`, then the
/// smallest ones, from which the number of all is estimated (K minimum values; the standard error is one to
/// the square root of `most`).
pub struct Distinct {
    smallest: BTreeSet<u64>,
    most: usize,
    overflowed: bool,
}

impl Distinct {
    /// Exact up to so many.
    pub fn new(most: usize) -> Distinct {
        Distinct { smallest: BTreeSet::new(), most, overflowed: false }
    }

    /// Counts a thing. Says whether it is a new one, as far as that is known.
    pub fn add(&mut self, hash: u64) -> bool {
        if self.overflowed && self.smallest.last().is_some_and(|largest| hash > *largest) {
            return false;
        }
        let is_new = self.smallest.insert(hash);
        if self.smallest.len() > self.most {
            self.smallest.pop_last();
            self.overflowed = true;
        }
        is_new && !self.overflowed
    }

    /// Whether the count is no estimate.
    pub fn is_exact(&self) -> bool {
        !self.overflowed
    }

    /// The count.
    pub fn count(&self) -> u64 {
        let kept = u64::try_from(self.smallest.len()).unwrap_or(u64::MAX);
        match self.smallest.last() {
            Some(largest) if self.overflowed => {
                let share = (*largest as f64) / (u64::MAX as f64);
                ((kept.saturating_sub(1) as f64) / share).round() as u64
            }
            _ => kept,
        }
    }
}

/// How often things were there, of which the most frequent are wanted: all while there are at most twice
/// `most`, then only the `most` most frequent ones. What comes new after that may have been there before, at
/// most as often as the most frequent one that was dropped: its count begins with that, so that none is too
/// low (Space Saving, in batches).
pub struct Frequent<K> {
    counts: HashMap<K, u64>,
    most: usize,
    /// By how much a count may be too high.
    slack: u64,
}

impl<K: Hash + Ord + Clone> Frequent<K> {
    /// Keeps at least the so many most frequent.
    pub fn new(most: usize) -> Frequent<K> {
        Frequent { counts: HashMap::new(), most, slack: 0 }
    }

    /// Counts a thing.
    pub fn add(&mut self, key: K) {
        let slack = self.slack;
        let count = self.counts.entry(key).or_insert(slack);
        *count = count.saturating_add(1);
        if self.counts.len() > self.most.saturating_mul(2) {
            let mut kept = self.sorted();
            let dropped = kept.split_off(self.most);
            self.slack = dropped.first().map_or(slack, |(_, count)| *count);
            self.counts = kept.into_iter().collect();
        }
    }

    /// By how much a count may be too high.
    pub fn slack(&self) -> u64 {
        self.slack
    }

    /// All that are kept, the most frequent first.
    pub fn sorted(&self) -> Vec<(K, u64)> {
        let mut sorted: Vec<(K, u64)> =
            self.counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
        sorted.sort_by(|(one, count), (other, more)| more.cmp(count).then_with(|| one.cmp(other)));
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_exactly_and_many_nearly() {
        let mut distinct = Distinct::new(4096);
        for thing in 0..3000_u64 {
            assert!(distinct.add(hash_of(thing)));
            assert!(!distinct.add(hash_of(thing)));
        }
        assert_eq!((distinct.count(), distinct.is_exact()), (3000, true));
        for thing in 0..200_000_u64 {
            distinct.add(hash_of(thing));
        }
        assert!(!distinct.is_exact());
        assert_eq!(distinct.smallest.len(), 4096);
        // Four standard errors.
        let off = distinct.count().abs_diff(200_000);
        assert!(off < 12_500, "{off}");
    }

    #[test]
    fn the_most_frequent_are_kept_and_none_is_counted_too_low() {
        let mut frequent = Frequent::new(10);
        for round in 0..1000_u64 {
            frequent.add(round.checked_add(1000).unwrap());
            frequent.add(round % 3);
        }
        assert!(frequent.counts.len() <= 20);
        let top: Vec<(u64, u64)> = frequent.sorted().into_iter().take(3).collect();
        assert_eq!(top, [(0, 334), (1, 333), (2, 333)]);
        assert!(frequent.slack() > 0 && frequent.slack() < 333);
    }
}
