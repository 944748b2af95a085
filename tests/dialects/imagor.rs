//! imagor's side of its URLs (imagor `imagorpath`, `vips/process.go` and `vips/filter.go`; run with 1.4.17).
//!
//! The hash, perhaps cut, is over everything after it as it is on the wire. What is left after the options is the
//! source: unescaped as a query is, and read as base64url after that where it says so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::reading::{
    KEY, Options, Parameters, Reading, base64_text, colour, drop_if, drop_white, flip, number, unescape,
};
use super::thumbor::{Parts, clockwise, factor};
use super::turned::Turned;

/// No side that is asked for is longer.
const MOST_PIXELS: u32 = 12_000;

/// What imagor does for a path.
pub fn read(path: &str) -> Option<Reading> {
    let (hash, options) = path.strip_prefix('/')?.split_once('/')?;
    let is_whole_or_cut = |tag: &String| tag == hash || (hash.len() >= 22 && tag.starts_with(hash));
    tags(options)?.iter().any(is_whole_or_cut).then_some(())?;

    let Parts { area, fit_in, stretch, turned, filters, source } = Parts::of(options, "trim:10")?;
    let source = unescape(&source.replace('+', " "))?;
    let source = source.strip_prefix("b64:").map_or(Some(source.clone()), base64_text)?;
    works_in_order(&filters)?;
    let mut filters = Parameters::new(filters.into_iter())?;
    let mut reading = Reading { source: Some(source), ..Reading::default() };

    let side = turned.side;
    let degrees = clockwise(filters.take("rotate").as_deref()).filter(|degrees| *degrees != 180)?;
    let [width, height] = [turned.width, turned.height].map(|side| bound(side, fit_in));
    Turned { degrees, width: width?, height: height?, ..turned }.note(&mut reading)?;
    let point = filters.take("focal");
    if let Some(point) = &point {
        let (x, y) = point.split_once('x')?;
        reading.set("gravity", format!("{}x{}", coordinate(x)?, coordinate(y)?))?;
    }
    // Where it trims a border, turns, or keeps a point, imagor has not yet turned the picture by EXIF when it
    // measures.
    let is_border = area.as_deref() == Some("border");
    let measures_stored = degrees != 0 || point.is_some() || is_border;
    let has_sides = (area.is_some() && !is_border) || side.is_some_and(|side| side != "auto");
    (!(measures_stored && has_sides) && !(point.is_some() && (is_border || has_turned(&reading))))
        .then_some(())?;
    if let Some(area) = area {
        // These are fractions, and all of the picture.
        (area != "box:0;0;1;1").then_some(())?;
        reading.set("trim", area)?;
    }

    let both = reading.options.contains_key("width") && reading.options.contains_key("height");
    let (upscale, fills) = (filters.take_flag("upscale", "")?, filters.take_flag("fill", "none")?);
    let fit = match (fit_in, stretch, upscale, fills) {
        (true, false, false, false) => "scale-down",
        (true, false, true, false) => "contain",
        (true, false, true, true) if both => "pad",
        (false, false, false, false) if both => "cover",
        (false, true, false, false) if both => "squeeze",
        _ => return None,
    };
    (fit == "cover" || (side.is_none() && point.is_none())).then_some(())?;
    reading.set_fit(fit)?;
    match filters.take("background_color") {
        Some(digits) => reading.set("background", colour(&digits)?)?,
        None if fit == "pad" => return None,
        None => {}
    }
    read_effects(&mut filters, &mut reading)?;
    if filters.take_flag("max_frames", "1")? {
        reading.set("anim", "false")?;
    }
    if !filters.take_flag("strip_exif", "")? {
        reading.set("metadata", "keep")?;
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

/// What a decision is for imagor.
pub fn fold(options: &mut Options) {
    drop_white(options);
    drop_if(options, "metadata", "none");
    drop_if(options, "anim", "true");
    // A half turn is both mirrorings.
    if options.get("rotate").is_some_and(|degrees| degrees == "180") {
        options.remove("rotate");
        let before = options.remove("flip").unwrap_or_default();
        if let Some(flip) = flip(!before.contains('h'), !before.contains('v')) {
            options.insert("flip".to_owned(), flip.to_owned());
        }
    }
}

/// The tags that imagor may be set up to ask for.
fn tags(options: &str) -> Option<[String; 3]> {
    fn tag<M: Mac + KeyInit>(options: &str) -> Option<String> {
        let mut mac = <M as KeyInit>::new_from_slice(KEY).ok()?;
        mac.update(options.as_bytes());
        Some(URL_SAFE.encode(mac.finalize().into_bytes()))
    }
    Some([tag::<Hmac<Sha1>>(options)?, tag::<Hmac<Sha256>>(options)?, tag::<Hmac<Sha512>>(options)?])
}

/// A side that is asked for, or `0`. With `fit-in`, imagor computes one that is absent by the stored picture.
fn bound(side: &str, fit_in: bool) -> Option<&str> {
    match number(side)?.parse::<u32>().ok()? {
        0 => (!fit_in).then_some("0"),
        1..=MOST_PIXELS => Some(side),
        _ => fit_in.then_some("0"),
    }
}

fn has_turned(reading: &Reading) -> bool {
    ["rotate", "flip"].iter().any(|name| reading.options.contains_key(*name))
}

/// A fraction of a side: from 1 on it would be pixels.
fn coordinate(text: &str) -> Option<&str> {
    match text {
        "0.9999" => Some("1"),
        text => number(text).filter(|text| *text == "0" || text.starts_with("0.")),
    }
}

/// That filters which need each other stand in the right order: greys get colours before contrast is computed on
/// them, and the result its bounds; what is filled with nothing is coloured.
fn works_in_order(filters: &[(&str, &str)]) -> Option<()> {
    let place = |name: &str| filters.iter().position(|(other, _)| *other == name);
    if let Some(contrast) = place("contrast") {
        (place("padding")? < contrast && contrast < place("modulate")?).then_some(())?;
    }
    match (place("fill"), place("background_color")) {
        (Some(fill), Some(background)) => (fill < background).then_some(()),
        _ => Some(()),
    }
}

/// Blur, sharpness, colours and quality.
fn read_effects(filters: &mut Parameters, reading: &mut Reading) -> Option<()> {
    if let Some(twice) = filters.take("blur") {
        let twice: u32 = twice.parse().ok()?;
        reading.set("blur", twice.checked_div(2).filter(|half| half.checked_mul(2) == Some(twice))?)?;
    }
    for name in ["sharpen", "quality"] {
        if let Some(value) = filters.take(name) {
            reading.set(name, number(&value)?)?;
        }
    }
    let has_colours = filters.take_flag("padding", "none,0")?;
    let contrast = filters.take("contrast");
    (has_colours == contrast.is_some()).then_some(())?;
    if let Some(percent) = contrast {
        // imagor's own formula, solved for the factor.
        let percent: f64 = percent.parse().ok()?;
        let factor = 259.0 * (2.55 * percent + 255.0) / (255.0 * (259.0 - 2.55 * percent));
        let factor = format!("{factor:.2}");
        reading.set("contrast", factor.trim_end_matches('0').trim_end_matches('.'))?;
    }
    if let Some(arguments) = filters.take("modulate") {
        let (brightness, others) = arguments.split_once(',')?;
        let saturation = others.strip_suffix(",0")?;
        for (name, percent) in [("brightness", brightness), ("saturation", saturation)] {
            if percent != "0" {
                reading.set(name, factor(percent)?)?;
            }
        }
    }
    Some(())
}

/// A path with its hash.
fn signed(options: &str) -> String {
    let [sha1, _, _] = tags(options).unwrap();
    format!("/{sha1}/{options}")
}

#[test]
fn a_url_is_read_as_imagor_reads_it() {
    for (options, want) in [
        ("fit-in/300x12001/filters:strip_exif()", "width=300"),
        ("fit-in/12001x300", "height=300,metadata=keep"),
        ("fit-in/3x2/filters:upscale():strip_exif()", "fit=contain,height=2,width=3"),
        (
            "fit-in/3x2/filters:upscale():fill(none):background_color(ff8800):strip_exif()",
            "background=#ff8800,fit=pad,height=2,width=3",
        ),
        ("stretch/-2x3/filters:rotate(90):strip_exif()", "fit=squeeze,flip=h,height=2,rotate=270,width=3"),
        ("-3x-2/right/middle/filters:strip_exif()", "fit=cover,flip=hv,gravity=left,height=2,width=3"),
        ("3x2/filters:focal(0.5x0.9999):strip_exif()", "fit=cover,gravity=0.5x1,height=2,width=3"),
        ("10x20:40x60/fit-in/3x12001/filters:strip_exif()", "trim=box:10;20;30;40,width=3"),
        ("trim:10/fit-in/3x12001/filters:blur(40):strip_exif()", "blur=20,trim=border,width=3"),
        (
            "fit-in/3x12001/filters:padding(none,0):contrast(33.68):modulate(0,-100,0):strip_exif()",
            "contrast=2,saturation=0,width=3",
        ),
        (
            "fit-in/3x12001/filters:max_frames(1):background_color(ffffff):quality(5):strip_exif():format(jpeg)",
            "anim=false,format=jpeg,quality=5,width=3",
        ),
    ] {
        for source in ["http%3A%2F%2Fgate%2Fa%252Fb%2B+c", "b64:aHR0cDovL2dhdGUvYSUyRmIrIGM"] {
            let reading = read(&signed(&format!("{options}/{source}"))).unwrap();
            assert_eq!(reading.options, super::thumbor::listed(want), "{options}");
            assert_eq!(reading.source.unwrap(), "http://gate/a%2Fb+ c");
        }
    }
}

#[test]
fn what_imagor_would_pass_over_or_mistake_is_an_error() {
    for options in [
        "fit-in/3x0",
        "fit-in/12001x12001",
        "3x12001",
        "3x2/filters:no_upscale()",
        "3x2/filters:contrast(20)",
        "3x2/filters:modulate(0,0,0):padding(none,0):contrast(20)",
        "3x2/filters:focal(1x0.5)",
        "3x2/filters:blur(3)",
        "3x2/filters:rotate(180)",
        "3x2/left/middle/filters:rotate(90)",
        "0x0:1x1/3x2",
        "1x2:3x4/3x2/filters:rotate(90)",
        "trim:10/3x2/filters:focal(0.5x0.5)",
        "-3x2/filters:focal(0.5x0.5)",
        "fit-in/3x2/filters:upscale():fill(none)",
        "fit-in/3x2/filters:upscale():background_color(ffffff):fill(none)",
        "fit-in/3x2/filters:bogus()",
        "trim/fit-in/3x2",
        "meta/fit-in/3x2",
    ] {
        assert_eq!(read(&signed(&format!("{options}/source"))), None, "{options}");
    }
}

#[test]
fn a_hash_may_be_of_each_kind_and_cut() {
    let [sha1, sha256, sha512] = tags("3x2/source").unwrap();
    let cut: String = sha512.chars().take(40).collect();
    for hash in [&sha1, &sha256, &sha512, &cut] {
        assert!(read(&format!("/{hash}/3x2/source")).is_some(), "{hash}");
        assert_eq!(read(&format!("/{hash}/3x3/source")), None);
    }
    for hash in ["unsafe", "", &cut.replace(|_: char| true, "A"), &sha1.chars().take(8).collect::<String>()] {
        assert_eq!(read(&format!("/{hash}/3x2/source")), None, "{hash}");
    }
}
