//! Chooses a format from the visitor's `accept` header (RFC 9110 12.5.1).
//!
//! The rules: a format is possible if the header names its media type with a quality above zero; a
//! wildcard does not name AVIF or WebP, because clients that cannot show them send wildcards too.
//! The highest quality wins, the better format on a tie. JPEG is the answer where nothing else is
//! possible, named or not: there is no 406. What cannot be parsed names nothing.

use crate::transform::Format;

/// The formats that `auto` chooses from, best first. JPEG is the fallback and stands last.
pub const CANDIDATES: [Format; 3] = [Format::Avif, Format::Webp, Format::Jpeg];

/// More elements than this are not read.
const MOST_ELEMENTS: usize = 64;

/// The best of `supported` that the values of `accept` allow.
pub fn choose<'a>(accept: impl Iterator<Item = &'a [u8]>, supported: &[Format]) -> Format {
    let mut qualities = Qualities::default();
    let elements = accept.flat_map(|value| value.split(|byte| *byte == b',')).take(MOST_ELEMENTS);
    for (range, quality) in elements.filter_map(parse_element) {
        qualities.note(range, quality);
    }
    let mut best = (Format::Jpeg, 0);
    for format in CANDIDATES.into_iter().filter(|format| supported.contains(format)) {
        let quality = qualities.of(format);
        if quality > best.1 {
            best = (format, quality);
        }
    }
    best.0
}

/// What the header says about each range that matters here, in thousandths.
#[derive(Default)]
struct Qualities {
    avif: Option<u16>,
    webp: Option<u16>,
    jpeg: Option<u16>,
    images: Option<u16>,
    anything: Option<u16>,
}

impl Qualities {
    fn note(&mut self, range: &[u8], quality: u16) {
        let slot = match range.to_ascii_lowercase().as_slice() {
            b"image/avif" => &mut self.avif,
            b"image/webp" => &mut self.webp,
            b"image/jpeg" => &mut self.jpeg,
            b"image/*" => &mut self.images,
            b"*/*" => &mut self.anything,
            _ => return,
        };
        // A range named twice counts by its lower quality: whoever says no once is believed.
        *slot = Some(slot.map_or(quality, |other| other.min(quality)));
    }

    fn of(&self, format: Format) -> u16 {
        match format {
            Format::Avif => self.avif.unwrap_or(0),
            Format::Webp => self.webp.unwrap_or(0),
            Format::Jpeg => self.jpeg.or(self.images).or(self.anything).unwrap_or(0),
            Format::BaselineJpeg | Format::Png => 0,
        }
    }
}

/// One element: the media range, and its quality in thousandths (1000 where absent).
fn parse_element(element: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let range = parts.next()?;
    let mut quality = 1000;
    for parameter in parts {
        let mut sides = parameter.splitn(2, |byte| *byte == b'=');
        let name = sides.next()?;
        if name.eq_ignore_ascii_case(b"q") {
            quality = parse_quality(sides.next()?)?;
        }
    }
    Some((range, quality))
}

/// RFC 9110 12.4.2: `0`, `0.123`, `1` or `1.000`, in thousandths.
fn parse_quality(text: &[u8]) -> Option<u16> {
    let (whole, fraction): (&[u8], &[u8]) = match text {
        [whole] => (std::slice::from_ref(whole), &[]),
        [whole, b'.', fraction @ ..] => (std::slice::from_ref(whole), fraction),
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut padded = [b'0'; 3];
    padded.iter_mut().zip(fraction).for_each(|(slot, digit)| *slot = *digit);
    let thousandths: u16 = std::str::from_utf8(&padded).ok()?.parse().ok()?;
    match whole {
        b"0" => Some(thousandths),
        b"1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], want: Format) {
        let got = choose(accept.iter().map(|value| value.as_bytes()), &CANDIDATES);
        assert_eq!(got, want, "{accept:?}");
    }

    #[test]
    fn the_best_named_format_is_chosen() {
        check(&["image/avif,image/webp,image/apng,image/*,*/*;q=0.8"], Format::Avif);
        check(&["image/webp,*/*"], Format::Webp);
        check(&["image/png,image/*;q=0.8"], Format::Jpeg);
        check(&["text/html", "IMAGE/WEBP"], Format::Webp);
        check(&["image/webp;q=0.5, image/*;q=0.9"], Format::Jpeg);
        check(&["image/webp;q=0.5, image/*;q=0.4, */*;q=0.9"], Format::Webp);
    }

    #[test]
    fn a_wildcard_does_not_name_a_new_format() {
        check(&["*/*"], Format::Jpeg);
        check(&["image/*"], Format::Jpeg);
        check(&[], Format::Jpeg);
    }

    #[test]
    fn quality_zero_means_no() {
        check(&["image/avif;q=0,image/webp"], Format::Webp);
        check(&["image/avif;q=0.000, image/webp;q=0"], Format::Jpeg);
        check(&["image/avif", "image/avif;q=0"], Format::Jpeg);
    }

    #[test]
    fn the_higher_quality_wins_and_the_better_format_on_a_tie() {
        check(&["image/avif;q=0.5,image/webp;q=0.9"], Format::Webp);
        check(&["image/avif;q=0.1,image/jpeg"], Format::Jpeg);
        check(&["image/avif;q=0.9,image/webp;q=1"], Format::Webp);
        check(&["image/avif;q=0.9,image/webp;q=1.000"], Format::Webp);
        check(&["image/webp;q=0.5,image/avif;q=0.5,*/*;q=0.5"], Format::Avif);
    }

    #[test]
    fn what_cannot_be_parsed_names_nothing() {
        for element in [
            "image/avif;q=2",
            "image/avif;q=-1",
            "image/avif;q=",
            "image/avif;q",
            "image/avif;q=1.001",
            "avif",
        ] {
            check(&[element], Format::Jpeg);
        }
        let got = choose([b"\xff\xfe".as_slice(), b"image/webp"].into_iter(), &CANDIDATES);
        assert_eq!(got, Format::Webp);
    }

    #[test]
    fn only_what_the_resizer_can_make_is_chosen() {
        let got = choose([b"image/avif,image/webp".as_slice()].into_iter(), &[Format::Webp, Format::Jpeg]);
        assert_eq!(got, Format::Webp);
    }
}
