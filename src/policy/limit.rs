//! What a request may ask for: the limit of one option.
//!
//! INVARIANT: whatever [`NumberLimit::apply`] returns is a number that the operator wrote, or a
//! smaller one than the largest the operator wrote; there is no limit without a largest number.

use crate::config::raw::{Otherwise, Over};
use crate::policy::rejection::Rejection;

/// Which numbers an option may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberLimit {
    /// Any number from 1 to `max`.
    UpTo {
        /// The largest number.
        max: u32,
        /// What happens to a larger one.
        over: Over,
    },
    /// The listed numbers only: sorted, not empty.
    OneOf {
        /// The numbers.
        ladder: Ladder,
        /// What happens to any other.
        otherwise: Otherwise,
    },
}

/// Sorted numbers, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    rungs: Vec<u32>,
    top: u32,
}

impl Ladder {
    /// Sorts the numbers; `None` if there are none.
    pub fn new(mut rungs: Vec<u32>) -> Option<Ladder> {
        rungs.sort_unstable();
        rungs.dedup();
        let top = *rungs.last()?;
        Some(Ladder { rungs, top })
    }

    /// The least number that is not below `asked`; the largest of all where there is none.
    fn up(&self, asked: u32) -> u32 {
        self.rungs.iter().copied().find(|rung| *rung >= asked).unwrap_or(self.top)
    }

    /// The number closest to `asked`, the larger one on a tie.
    fn nearest(&self, asked: u32) -> u32 {
        let distance = |rung: &u32| (rung.abs_diff(asked), std::cmp::Reverse(*rung));
        self.rungs.iter().copied().min_by_key(distance).unwrap_or(self.top)
    }
}

impl NumberLimit {
    /// The number to use where `asked` is asked for.
    pub fn apply(&self, asked: u32) -> Result<u32, Rejection> {
        match self {
            NumberLimit::UpTo { max, .. } if asked <= *max => Ok(asked),
            NumberLimit::UpTo { max, over: Over::Clamp } => Ok(*max),
            NumberLimit::UpTo { over: Over::Reject, .. } => Err(Rejection::OverLimit),
            NumberLimit::OneOf { ladder, otherwise } => match otherwise {
                _ if ladder.rungs.binary_search(&asked).is_ok() => Ok(asked),
                Otherwise::SnapUp => Ok(ladder.up(asked)),
                Otherwise::Nearest => Ok(ladder.nearest(asked)),
                Otherwise::Reject => Err(Rejection::ValueNotAllowed),
            },
        }
    }

    /// The largest number that can come out.
    pub fn most(&self) -> u32 {
        match self {
            NumberLimit::UpTo { max, .. } => *max,
            NumberLimit::OneOf { ladder, .. } => ladder.top,
        }
    }
}

/// Reads a number of a request: `[1-9][0-9]{0,4}`, nothing else (no sign, no blank, no other digits).
pub fn parse_number(text: &str) -> Result<u32, Rejection> {
    let digits = (1..=5).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0');
    digits.then(|| text.parse().ok()).flatten().ok_or(Rejection::MalformedOption)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_decimal() {
        for (text, want) in [("1", 1), ("300", 300), ("99999", 99_999)] {
            assert_eq!(parse_number(text), Ok(want));
        }
        for text in [
            "",
            "0",
            "00",
            "01",
            "+1",
            "-1",
            "1.0",
            "1e3",
            "0x10",
            "NaN",
            "Infinity",
            "１００",
            "١٠٠",
            " 100",
            "100 ",
            "100px",
            "100000",
            "4294967297",
            "18446744073709551617",
            "1_000",
            "100,200",
            "100\0",
            "٣",
            "²",
        ] {
            assert_eq!(parse_number(text), Err(Rejection::MalformedOption), "{text}");
        }
    }

    #[test]
    fn over_the_maximum_is_refused_or_clamped() {
        let limit = |over| NumberLimit::UpTo { max: 1000, over };
        assert_eq!(limit(Over::Reject).apply(1000), Ok(1000));
        assert_eq!(limit(Over::Reject).apply(1001), Err(Rejection::OverLimit));
        assert_eq!(limit(Over::Clamp).apply(1001), Ok(1000));
        assert_eq!(limit(Over::Clamp).apply(1), Ok(1));
    }

    #[test]
    fn other_numbers_than_the_listed_are_refused_or_snapped() {
        let ladder = Ladder::new(vec![960, 320, 640, 320]).unwrap();
        let limit = |otherwise| NumberLimit::OneOf { ladder: ladder.clone(), otherwise };
        for (asked, up, nearest) in [
            (1, 320, 320),
            (320, 320, 320),
            (321, 640, 320),
            (480, 640, 640),
            (700, 960, 640),
            (5000, 960, 960),
        ] {
            assert_eq!(limit(Otherwise::SnapUp).apply(asked), Ok(up), "{asked}");
            assert_eq!(limit(Otherwise::Nearest).apply(asked), Ok(nearest), "{asked}");
        }
        assert_eq!(limit(Otherwise::Reject).apply(640), Ok(640));
        assert_eq!(limit(Otherwise::Reject).apply(641), Err(Rejection::ValueNotAllowed));
        assert_eq!(Ladder::new(vec![]), None);
    }
}
