//! Client hints: what browsers tell about the place of the picture and about their connection.
//!
//! Two options look at them: `width=auto` and `slow-connection-quality`. What cannot be parsed counts
//! as not said. The names of all hints that are read stand in `vary` where one of the two is used.
//! Sources: Cloudflare's "Make responsive images" and "Optimize for slow connections" pages for the
//! rules, the Client Hints specifications of WICG for the headers.

use crate::options::value::{Value, whole};
use crate::options::{OptionName, Options};
use crate::request::{Headers, single};

/// The widths that `width=auto` chooses from where the policy lists none (Cloudflare's defaults).
pub const BREAKPOINTS: [u32; 4] = [320, 768, 960, 1200];

/// The width that a phone is given where no hint tells more, and the one for everything else.
const WITHOUT_HINTS: (u32, u32) = (768, 1200);

/// What `vary` says of an answer that a hint changed.
pub const WIDTH_HINTS: &str =
    "sec-ch-width, width, sec-ch-viewport-width, viewport-width, sec-ch-dpr, dpr, sec-ch-ua-mobile";
/// The same for slow connections.
pub const CONNECTION_HINTS: &str = "save-data, ect, rtt, downlink";

/// A hint that is a number, in hundredths.
fn number(headers: &Headers, names: &[&str]) -> Option<u32> {
    let value = names.iter().find_map(|name| single(headers, name))?;
    let text = std::str::from_utf8(value).ok()?;
    let (before, after) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    if !plain(before, 6) || !plain(after, 6) {
        return None;
    }
    let hundredths: u32 = format!("{after:0<2}").get(..2)?.parse().ok()?;
    before.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths)
}

/// The width in device pixels that the page has for the picture, as far as it is known.
fn wanted_width(headers: &Headers) -> u32 {
    if let Some(width) = number(headers, &["sec-ch-width", "width"]) {
        return width / 100;
    }
    if let Some(viewport) = number(headers, &["sec-ch-viewport-width", "viewport-width"]) {
        let dpr = number(headers, &["sec-ch-dpr", "dpr"]).unwrap_or(100).clamp(100, 200);
        return (viewport / 100).saturating_mul(dpr) / 100;
    }
    let (phone, other) = WITHOUT_HINTS;
    if single(headers, "sec-ch-ua-mobile") == Some(b"?1") { phone } else { other }
}

/// Whether the connection is slow: the visitor saves data, or it is measured as slow.
fn is_slow(headers: &Headers) -> bool {
    let is = |name, values: &[&[u8]]| single(headers, name).is_some_and(|value| values.contains(&value));
    is("save-data", &[b"on", b"?1"])
        || is("ect", &[b"slow-2g", b"2g", b"3g"])
        || number(headers, &["rtt"]).is_some_and(|milliseconds| milliseconds > 15_000)
        || number(headers, &["downlink"]).is_some_and(|megabits| megabits < 500)
}

/// Puts numbers in the place of what depends on hints; a width is in device pixels then. `breakpoints` are the widths to choose from,
/// sorted. Gives the names of the hints that were looked at.
pub fn apply(options: &mut Options, breakpoints: &[u32], headers: &Headers) -> Vec<&'static str> {
    let mut looked_at = Vec::new();
    if options.word(OptionName::Width) == Some("auto") {
        looked_at.push(WIDTH_HINTS);
        let breakpoints = if breakpoints.is_empty() { &BREAKPOINTS } else { breakpoints };
        let wanted = wanted_width(headers);
        let chosen = breakpoints.iter().find(|width| **width >= wanted).or(breakpoints.last());
        if let Some(width) = chosen {
            options.set(OptionName::Width, Value::Number(whole(*width)));
        }
    }
    if let Some(slow) = options.take(OptionName::SlowConnectionQuality) {
        looked_at.push(CONNECTION_HINTS);
        if is_slow(headers) {
            options.set(OptionName::Quality, slow);
        }
    }
    looked_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[track_caller]
    fn check_width(hints: &[(&str, &str)], want: u32) {
        let mut options = Options::default();
        options.set(OptionName::Width, Value::Word("auto"));
        assert_eq!(apply(&mut options, &[], &headers(hints)), [WIDTH_HINTS]);
        assert_eq!(options.number(OptionName::Width), Some(whole(want)), "{hints:?}");
    }

    #[test]
    fn the_next_larger_breakpoint_is_chosen() {
        check_width(&[("sec-ch-width", "300")], 320);
        check_width(&[("width", "321")], 768);
        check_width(&[("sec-ch-viewport-width", "400"), ("sec-ch-dpr", "2.0")], 960);
        check_width(&[("sec-ch-width", "9999")], 1200);
    }

    #[test]
    fn without_hints_or_with_nonsense_phones_get_less() {
        check_width(&[], 1200);
        check_width(&[("sec-ch-ua-mobile", "?1")], 768);
        check_width(&[("sec-ch-width", "1e3"), ("sec-ch-ua-mobile", "?1")], 768);
        check_width(&[("sec-ch-width", "300"), ("sec-ch-width", "1200")], 1200);
        for nonsense in ["+300", "0000300", "300.", ".5", "300.+1", "-1", ""] {
            check_width(&[("sec-ch-width", nonsense)], 1200);
        }
        check_width(&[("sec-ch-width", "000300.000000")], 320);
        check_width(&[("sec-ch-width", "320.99")], 320);
    }

    #[test]
    fn a_slow_connection_changes_the_quality() {
        for (hint, slow) in [
            (("save-data", "on"), true),
            (("ect", "3g"), true),
            (("ect", "4g"), false),
            (("rtt", "151"), true),
            (("rtt", "150"), false),
            (("downlink", "4.9"), true),
            (("downlink", "5"), false),
            (("downlink", "-1"), false),
        ] {
            let mut options = Options::default();
            options.set(OptionName::Quality, Value::Number(whole(85)));
            options.set(OptionName::SlowConnectionQuality, Value::Number(whole(50)));
            assert_eq!(apply(&mut options, &[], &headers(&[hint])), [CONNECTION_HINTS]);
            let want = if slow { 50 } else { 85 };
            assert_eq!(options.number(OptionName::Quality), Some(whole(want)), "{hint:?}");
        }
    }
}
