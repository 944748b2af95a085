//! thumbor's side of its URLs (thumbor `url.py`, its filters, libthumbor `base64_hmac_sha1.py`).
//!
//! The hash is over everything after it as it is on the wire. The options have a fixed order; what is left is
//! the source, decoded once.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use regex::Regex;
use sha1::Sha1;

use super::reading::{KEY, Options, Parameters, Reading, colour, drop_if, drop_white, number, unescape};
use super::turned::Turned;

/// What thumbor does for a path.
pub fn read(path: &str) -> Option<Reading> {
    read_with(path, KEY)
}

/// The same with another key.
pub fn read_with(path: &str, key: &[u8]) -> Option<Reading> {
    let (hash, options) = path.strip_prefix('/')?.split_once('/')?;
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(key).ok()?;
    mac.update(options.as_bytes());
    mac.verify_slice(&URL_SAFE.decode(hash).ok()?).ok()?;

    let Parts { area, fit_in, stretch, turned, filters, source } = Parts::of(options, "trim")?;
    let mut filters = Parameters::new(filters.into_iter())?;
    let mut reading = Reading { source: Some(unescape(source)?), ..Reading::default() };
    let side = turned.side;
    let degrees = clockwise(filters.take("rotate").as_deref())?;
    Turned { degrees, ..turned }.note(&mut reading)?;
    if let Some(area) = area {
        reading.set("trim", area)?;
    }
    // The second argument has it fill what is transparent, too.
    let around = match filters.take("fill") {
        None => None,
        Some(arguments) => Some(arguments.strip_suffix(",1")?.to_owned()),
    };
    let both = reading.options.contains_key("width") && reading.options.contains_key("height");
    let (upscale, no_upscale) = (filters.take_flag("upscale", "")?, filters.take_flag("no_upscale", "")?);
    let fit = match (fit_in, upscale, no_upscale, filters.take_flag("stretch", "")?, around.is_some()) {
        (true, false, false, false, false) => "scale-down",
        (true, true, false, false, false) => "contain",
        (true, true, false, false, true) => "pad",
        (false, false, false, false, false) if both => "cover",
        // Without a second side it is scaled, up or down.
        (false, false, false, false, false) => "contain",
        (false, false, true, false, false) if both => "crop",
        (false, false, false, true, false) if both => "squeeze",
        _ => return None,
    };
    (!stretch && (side.is_none() || matches!(fit, "cover" | "crop"))).then_some(())?;
    reading.set_fit(fit)?;
    for digits in around.into_iter().chain(filters.take("background_color")) {
        reading.set("background", colour(&digits)?)?;
    }
    for name in ["blur", "saturation", "quality"] {
        if let Some(value) = filters.take(name) {
            reading.set(name, number(&value)?)?;
        }
    }
    if let Some(arguments) = filters.take("sharpen") {
        reading.set("sharpen", number(arguments.strip_suffix(",1.0,true")?)?)?;
    }
    if let Some(percent) = filters.take("brightness") {
        reading.set("brightness", factor(&percent)?)?;
    }
    if let Some(percent) = filters.take("contrast") {
        reading.set("contrast", squared(percent.parse().ok()?))?;
    }
    match filters.take("format").as_deref() {
        None => {}
        Some(format @ ("avif" | "webp" | "jpeg" | "png")) => reading.set("format", format)?,
        Some(_) => return None,
    }
    drop_white(&mut reading.options);
    filters.are_all_read()?;
    Some(reading)
}

/// What a decision is for thumbor.
pub fn fold(options: &mut Options) {
    drop_white(options);
    drop_if(options, "metadata", "none");
    drop_if(options, "anim", "false");
    // The nearest whole percent whose square it is.
    if let Some(contrast) = options.get_mut("contrast") {
        let root = contrast.parse::<f64>().unwrap().sqrt();
        *contrast = squared((root * 100.0 - 100.0).round());
    }
}

/// The factor of a contrast in percent, which thumbor squares.
fn squared(percent: f64) -> String {
    let root = percent / 100.0 + 1.0;
    format!("{:.2}", root * root).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The factor that so many percent more or less are.
pub fn factor(percent: &str) -> Option<String> {
    let hundredths = percent.parse::<i32>().ok()?.checked_add(100).filter(|factor| *factor >= 0)?;
    let factor = format!("{:.2}", f64::from(hundredths) / 100.0);
    Some(factor.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// How far it is turned by a filter that turns counter-clockwise.
pub fn clockwise(rotate: Option<&str>) -> Option<u32> {
    match rotate {
        None => Some(0),
        Some("90") => Some(270),
        Some("180") => Some(180),
        Some("270") => Some(90),
        Some(_) => None,
    }
}

/// Options and source, whatever the border is cut off by.
static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
    let grammar = [
        r"\A(?:(?<border>trim[^/]*)/)?",
        r"(?:(?<left>\d+)x(?<top>\d+):(?<right>\d+)x(?<bottom>\d+)/)?",
        r"(?<fit_in>fit-in/)?(?<stretch>stretch/)?",
        r"(?<mirrored>-)?(?<width>\d+)x(?<upside_down>-)?(?<height>\d+)/",
        r"(?:(?<across>left|center|right)/(?<down>top|middle|bottom)/)?(?<smart>smart/)?",
        r"(?:filters:(?<filters>[^/]+)/)?(?<source>[^/]+)\z",
    ];
    Regex::new(&grammar.concat()).unwrap()
});

/// A URL without its hash, taken apart as thumbor and imagor do.
pub struct Parts<'u> {
    /// What is cut off: `border`, or a box.
    pub area: Option<String>,
    /// Whether the picture is fitted into the box.
    pub fit_in: bool,
    /// Whether it is stretched to fill the box.
    pub stretch: bool,
    /// The box, the side that is kept and how it is mirrored; it is turned by a filter.
    pub turned: Turned<'u>,
    /// The filters with their arguments, in order.
    pub filters: Vec<(&'u str, &'u str)>,
    /// The source, encoded.
    pub source: &'u str,
}

impl<'u> Parts<'u> {
    /// Takes a URL apart in which `border` cuts off a border.
    pub fn of(options: &'u str, border: &str) -> Option<Parts<'u>> {
        let found = GRAMMAR.captures(options)?;
        let part = |name: &str| found.name(name).map(|part| part.as_str());
        if part("border").is_some_and(|found| found != border) {
            return None;
        }
        let area = match (part("border"), ["left", "top", "right", "bottom"].map(part)) {
            (None, [None, None, None, None]) => None,
            (Some(_), [None, None, None, None]) => Some("border".to_owned()),
            (None, [Some(left), Some(top), Some(right), Some(bottom)]) => {
                let extent = |from: &str, to: &str| to.parse::<u32>().ok()?.checked_sub(from.parse().ok()?);
                let (width, height) = (extent(left, right)?, extent(top, bottom)?);
                Some(format!("box:{};{};{width};{height}", number(left)?, number(top)?))
            }
            _ => return None,
        };
        let side = match (part("across"), part("down"), part("smart")) {
            (None, None, None) => None,
            (None, None, Some(_)) => Some("auto"),
            (Some(side @ ("left" | "right")), Some("middle"), None) => Some(side),
            (Some("center"), Some(side @ ("top" | "bottom")), None) => Some(side),
            _ => return None,
        };
        let filter = |filter: &'u str| filter.strip_suffix(')')?.split_once('(');
        Some(Parts {
            area,
            fit_in: part("fit_in").is_some(),
            stretch: part("stretch").is_some(),
            turned: Turned {
                width: part("width")?,
                height: part("height")?,
                side,
                mirrored: part("mirrored").is_some(),
                upside_down: part("upside_down").is_some(),
                degrees: 0,
            },
            filters: part("filters").map_or(Some(Vec::new()), |all| all.split(':').map(filter).collect())?,
            source: part("source")?,
        })
    }
}

/// Options as a test lists them.
pub fn listed(text: &str) -> Options {
    let pairs = text.split(',').map(|option| option.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A path with its hash.
fn signed(options: &str) -> String {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(KEY).unwrap();
    mac.update(options.as_bytes());
    format!("/{}/{options}", URL_SAFE.encode(mac.finalize().into_bytes()))
}

#[test]
fn a_url_is_read_as_thumbor_reads_it() {
    for (options, want) in [
        ("fit-in/300x0", "width=300"),
        ("400x0", "fit=contain,width=400"),
        ("3x2/left/middle/filters:no_upscale()", "fit=crop,gravity=left,height=2,width=3"),
        (
            "-2x3/left/middle/filters:rotate(270)",
            "fit=cover,flip=h,gravity=bottom,height=2,rotate=90,width=3",
        ),
        ("10x20:40x60/fit-in/3x0", "trim=box:10;20;30;40,width=3"),
        (
            "trim/fit-in/3x0/filters:brightness(-50):contrast(10)",
            "brightness=0.5,contrast=1.21,trim=border,width=3",
        ),
        (
            "fit-in/3x2/filters:upscale():fill(ff8800,1):quality(5):format(webp)",
            "background=#ff8800,fit=pad,format=webp,height=2,quality=5,width=3",
        ),
        ("fit-in/3x0/filters:background_color(ffffff):format(jpeg)", "format=jpeg,width=3"),
    ] {
        let reading = read(&signed(&format!("{options}/http%3A%2F%2Fgate%2Fa%252Fb"))).unwrap();
        assert_eq!(reading.options, listed(want), "{options}");
        assert_eq!(reading.source.unwrap(), "http://gate/a%2Fb");
    }
}

#[test]
fn what_thumbor_would_pass_over_is_an_error() {
    for options in [
        "0x0",
        "fit-in/3x0/smart",
        "fit-in/3x2/filters:fill(ffffff,1)",
        "fit-in/3x2/filters:upscale():fill(ffffff)",
        "3x2/left",
        "3x2/filters:quality(5):quality(6)",
        "3x2/filters:bogus(1)",
        "3x2/filters:format(gif)",
        "3x2/filters:rotate(45)",
        "stretch/3x2",
        "debug/3x2",
        "40x20:10x60/3x2",
        "3x2/a",
    ] {
        assert_eq!(read(&signed(&format!("{options}/source"))), None, "{options}");
    }
    assert!(read(&signed("3x2/source")).is_some());
    assert_eq!(read(&signed("3x2/source").replacen("3x2", "3x3", 1)), None);
    assert_eq!(read("/unsafe/3x2/source"), None);
}
