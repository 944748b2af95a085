//! When a request was made, as logs write it.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// `10/Oct/2000:13:55:36 -0700`, the Common Log Format's.
const COMMON: &[BorrowedFormatItem<'_>] = format_description!(
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);

/// Seconds since 1970 of a time in any of the usual forms: ISO 8601 with its offset, that of the Common Log
/// Format, or a number of seconds.
pub fn seconds(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let date = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, COMMON));
    match date {
        Ok(date) => u64::try_from(date.unix_timestamp()).ok(),
        Err(_) => text.split('.').next()?.parse().ok().filter(|seconds| *seconds < 100_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_time_is_read() {
        for text in [
            "2026-11-24T12:00:00Z",
            "2026-11-24T12:00:00.310Z",
            "2026-11-24T13:00:00+01:00",
            "24/Nov/2026:13:00:00 +0100",
            "24/Nov/2026:05:30:00 -0630",
            "1795521600",
            "1795521600.123",
        ] {
            assert_eq!(seconds(text.as_bytes()), Some(1_795_521_600), "{text}");
        }
        for text in ["", "-", "yesterday", "24/Nov/2026", "2026-11-24 12:00:00", "-5", "1795521600000"] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }
}
