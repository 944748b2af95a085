//! What a request may ask for: the limit of one option.
//!
//! INVARIANT: whatever [`Limit::apply`] returns is a value that the policy lists or a number between
//! its bounds; there is no limit without a largest number. Clamping and snapping are monotone and
//! idempotent.

use crate::config::raw::{Otherwise, Over};
use crate::options::kind::Kind;
use crate::options::value::{Number, Value};
use crate::policy::rejection::Rejection;

/// Which values an option may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Numbers between two bounds, the bounds included.
    Range {
        /// The least.
        least: Number,
        /// What happens to a smaller one.
        under: Over,
        /// The largest.
        most: Number,
        /// What happens to a larger one.
        over: Over,
    },
    /// The listed values only.
    OneOf {
        /// The numbers among them.
        ladder: Ladder,
        /// The other ones.
        words: Vec<Value>,
        /// What happens to any other number.
        otherwise: Otherwise,
    },
}

/// Sorted numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ladder(Vec<Number>);

impl Ladder {
    /// Sorts the numbers.
    pub fn new(mut rungs: Vec<Number>) -> Ladder {
        rungs.sort_unstable();
        rungs.dedup();
        Ladder(rungs)
    }

    /// The numbers.
    pub fn rungs(&self) -> &[Number] {
        &self.0
    }

    /// The least number that is not below `asked`; the largest of all where there is none.
    fn up(&self, asked: Number) -> Option<Number> {
        self.0.iter().copied().find(|rung| *rung >= asked).or(self.0.last().copied())
    }

    /// The number closest to `asked`, the larger one on a tie.
    fn nearest(&self, asked: Number) -> Option<Number> {
        let distance =
            |rung: &Number| (rung.in_hundredths().abs_diff(asked.in_hundredths()), std::cmp::Reverse(*rung));
        self.0.iter().copied().min_by_key(distance)
    }
}

impl Limit {
    /// The value to use where `asked` is asked for.
    pub fn apply(&self, asked: &Value) -> Result<Value, Rejection> {
        match (self, asked) {
            (Limit::OneOf { words, .. }, value) if words.contains(value) => Ok(value.clone()),
            (_, Value::Number(number)) => self.apply_number(*number).map(Value::Number),
            _ => Err(Rejection::ValueNotAllowed),
        }
    }

    fn apply_number(&self, asked: Number) -> Result<Number, Rejection> {
        match self {
            Limit::Range { least, under, .. } if asked < *least => match under {
                Over::Clamp => Ok(*least),
                Over::Reject => Err(Rejection::UnderLimit),
            },
            Limit::Range { most, over, .. } if asked > *most => match over {
                Over::Clamp => Ok(*most),
                Over::Reject => Err(Rejection::OverLimit),
            },
            Limit::Range { .. } => Ok(asked),
            Limit::OneOf { ladder, otherwise, .. } => {
                let chosen = match otherwise {
                    _ if ladder.0.binary_search(&asked).is_ok() => Some(asked),
                    Otherwise::SnapUp => ladder.up(asked),
                    Otherwise::Nearest => ladder.nearest(asked),
                    Otherwise::Reject => None,
                };
                chosen.ok_or(Rejection::ValueNotAllowed)
            }
        }
    }

    /// How many values can come out, at most.
    pub fn count(&self, kind: Kind) -> u64 {
        let numbers = |least: Number, most: Number| {
            let step = if kind.is_whole() { 100 } else { 1 };
            let span = most.in_hundredths().saturating_sub(least.in_hundredths());
            u64::from(span.checked_div(step).unwrap_or(span)).saturating_add(1)
        };
        let size = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        match self {
            Limit::Range { least, most, .. } => numbers(*least, *most),
            Limit::OneOf { ladder, words, .. } => size(ladder.0.len()).saturating_add(size(words.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::value::whole;

    fn number(value: u32) -> Value {
        Value::Number(whole(value))
    }

    #[test]
    fn outside_the_bounds_is_refused_or_clamped() {
        let limit = |over| Limit::Range { least: whole(10), under: over, most: whole(1000), over };
        assert_eq!(limit(Over::Reject).apply(&number(1000)), Ok(number(1000)));
        assert_eq!(limit(Over::Reject).apply(&number(1001)), Err(Rejection::OverLimit));
        assert_eq!(limit(Over::Reject).apply(&number(9)), Err(Rejection::UnderLimit));
        assert_eq!(limit(Over::Clamp).apply(&number(1001)), Ok(number(1000)));
        assert_eq!(limit(Over::Clamp).apply(&number(1)), Ok(number(10)));
        assert_eq!(limit(Over::Clamp).apply(&Value::Word("auto")), Err(Rejection::ValueNotAllowed));
    }

    #[test]
    fn other_numbers_than_the_listed_are_refused_or_snapped() {
        let ladder = Ladder::new([960, 320, 640, 320].map(whole).to_vec());
        let limit =
            |otherwise| Limit::OneOf { ladder: ladder.clone(), words: vec![Value::Word("auto")], otherwise };
        for (asked, up, nearest) in [
            (1, 320, 320),
            (320, 320, 320),
            (321, 640, 320),
            (480, 640, 640),
            (700, 960, 640),
            (5000, 960, 960),
        ] {
            assert_eq!(limit(Otherwise::SnapUp).apply(&number(asked)), Ok(number(up)), "{asked}");
            assert_eq!(limit(Otherwise::Nearest).apply(&number(asked)), Ok(number(nearest)), "{asked}");
        }
        assert_eq!(limit(Otherwise::Reject).apply(&number(640)), Ok(number(640)));
        assert_eq!(limit(Otherwise::Reject).apply(&number(641)), Err(Rejection::ValueNotAllowed));
        assert_eq!(limit(Otherwise::Nearest).apply(&Value::Word("auto")), Ok(Value::Word("auto")));
        let words_only =
            Limit::OneOf { ladder: Ladder::default(), words: vec![], otherwise: Otherwise::SnapUp };
        assert_eq!(words_only.apply(&number(1)), Err(Rejection::ValueNotAllowed));
    }

    #[test]
    fn values_are_counted() {
        let range =
            Limit::Range { least: whole(1), under: Over::Clamp, most: whole(1000), over: Over::Clamp };
        assert_eq!(range.count(Kind::Side), 1000);
        let dpr = Limit::Range { least: whole(1), under: Over::Clamp, most: whole(2), over: Over::Clamp };
        assert_eq!(dpr.count(Kind::Decimal { least: whole(1), most: whole(2) }), 101);
    }
}
