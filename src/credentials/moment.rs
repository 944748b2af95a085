//! [`Moment`]: the time that a signature names, as the host's clock told it.
//!
//! The core has no clock: whoever signs is handed a moment. INVARIANT: a moment lies between 1970 and
//! the end of the year 9999, the range in which no way of writing a date can fail.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first second of the year 10000.
const END: u64 = 253_402_300_800;

/// A second of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(SystemTime);

impl Moment {
    /// Takes the seconds since 1970.
    pub fn new(seconds: u64) -> Option<Moment> {
        let seconds = Some(seconds).filter(|seconds| *seconds < END)?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(Moment)
    }

    /// As RFC 9110 5.6.7 writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn http_date(self) -> String {
        httpdate::fmt_http_date(self.0)
    }

    /// As ISO 8601 writes it without separators: `19941106T084937Z`.
    pub fn basic(self) -> String {
        let date = time::OffsetDateTime::from(self.0);
        let (year, month, day) = date.to_calendar_date();
        let (hour, minute, second) = date.to_hms();
        format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
    }

    /// As the standard library has it.
    pub fn system_time(self) -> SystemTime {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_every_century() {
        for (seconds, want) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (END - 1, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(Moment::new(seconds).unwrap().http_date(), want);
        }
    }

    #[test]
    fn dates_are_written_without_separators() {
        for (seconds, want) in [
            (0, "19700101T000000Z"),
            (784_111_777, "19941106T084937Z"),
            (951_782_400, "20000229T000000Z"),
            (END - 1, "99991231T235959Z"),
        ] {
            assert_eq!(Moment::new(seconds).unwrap().basic(), want);
        }
    }

    #[test]
    fn after_9999_there_is_none() {
        assert_eq!(Moment::new(END), None);
        assert_eq!(Moment::new(u64::MAX), None);
    }
}
