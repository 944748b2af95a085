//! imgproxy's side of its URLs (docs.imgproxy.net, "Processing an image", "Signing a URL").
//!
//! The signature is over the salt and all that follows it. Segments with a colon are options, up to the first
//! without; from there on it is base64url, in which slashes mean nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::reading::{KEY, Options, Parameters, Reading, base64_text, colour, drop_if, flip, number};

/// The salt that URLs are signed with in these tests.
pub const SALT: &[u8] = b"a salt of the tests, long enough";

/// What imgproxy, without its commercial version, does for a path.
pub fn read(path: &str) -> Option<Reading> {
    read_with(path, KEY, SALT)
}

/// The same with other keys.
pub fn read_with(path: &str, key: &[u8], salt: &[u8]) -> Option<Reading> {
    let (signature, _) = path.strip_prefix('/')?.split_once('/')?;
    let signed = path.strip_prefix('/')?.strip_prefix(signature)?;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
    mac.update(salt);
    mac.update(signed.as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;

    let segments: Vec<&str> = signed.strip_prefix('/')?.split('/').collect();
    let count = segments.iter().position(|segment| !segment.contains(':')).unwrap_or(segments.len());
    let (options, source) = segments.split_at(count);
    let mut options = Parameters::new(options.iter().filter_map(|option| option.split_once(':')))?;
    let mut reading = Reading { source: Some(base64_text(&source.concat())?), ..Reading::default() };

    let resize = options.take("rs")?;
    let [kind, width, height, enlarge] = resize.split(':').collect::<Vec<_>>().try_into().ok()?;
    reading.set_sides(width, height)?;
    let extends = options.take_flag("ex", "1")?;
    let fit = match (kind, enlarge, extends) {
        ("fit", "0", false) => "scale-down",
        ("fit", "1", false) => "contain",
        ("fit", "1", true) => "pad",
        ("fill", "1", false) => "cover",
        ("fill", "0", false) => "crop",
        ("fill-down", "0", false) => "aspect-crop",
        ("force", "1", false) => "squeeze",
        _ => return None,
    };
    reading.set_fit(fit)?;
    if let Some(gravity) = options.take("g") {
        reading.set("gravity", gravity_name(&gravity)?)?;
    }
    let turned = read_turning(&mut options, &mut reading)?;
    match (options.take("t").as_deref(), options.take("c")) {
        (None, None) => {}
        (Some("10"), None) => reading.set("trim", "border")?,
        // It is cropped after it is turned.
        (None, Some(area)) if !turned => {
            let [width, height, corner, left, top] = area.split(':').collect::<Vec<_>>().try_into().ok()?;
            (corner == "nowe").then_some(())?;
            let sides = [left, top, width, height].map(number).into_iter().collect::<Option<Vec<_>>>()?;
            reading.set("trim", format!("box:{}", sides.join(";")))?;
        }
        _ => return None,
    }
    if let Some(digits) = options.take("bg") {
        let colour = colour(&digits)?;
        if (fit, colour.as_str()) != ("pad", "#ffffff") {
            reading.set("background", colour)?;
        }
    }
    for (own, name) in [("bl", "blur"), ("sh", "sharpen"), ("q", "quality")] {
        if let Some(value) = options.take(own) {
            reading.set(name, number(&value)?)?;
        }
    }
    match (options.take("sm").as_deref(), options.take("kcr").as_deref()) {
        (None, None) => {}
        (Some("1"), Some("0")) => reading.set("metadata", "none")?,
        (Some("1"), Some("1")) => reading.set("metadata", "copyright")?,
        (Some("0"), None) => reading.set("metadata", "keep")?,
        _ => return None,
    }
    match options.take("f").as_deref() {
        None => {}
        Some("jpg") => reading.set("format", "jpeg")?,
        Some(format @ ("avif" | "webp" | "png")) => reading.set("format", format)?,
        Some(_) => return None,
    }
    options.are_all_read()?;
    Some(reading)
}

/// What a decision is for imgproxy.
pub fn fold(options: &mut Options) {
    let is_padded = options.get("fit").is_some_and(|fit| fit == "pad");
    if is_padded {
        drop_if(options, "background", "#ffffff");
    }
    // IMGPROXY_MAX_ANIMATION_FRAMES and IMGPROXY_JPEG_PROGRESSIVE say these.
    drop_if(options, "anim", "false");
    for format in options.get_mut("format").into_iter().filter(|format| *format == "baseline-jpeg") {
        *format = "jpeg".to_owned();
    }
}

fn gravity_name(gravity: &str) -> Option<String> {
    let name = match gravity {
        "we" => "left",
        "ea" => "right",
        "no" => "top",
        "so" => "bottom",
        "sm" => "auto",
        point => {
            let (x, y) = point.strip_prefix("fp:")?.split_once(':')?;
            return Some(format!("{}x{}", number(x)?, number(y)?));
        }
    };
    Some(name.to_owned())
}

/// imgproxy turns, then mirrors: what is horizontal then was vertical before a quarter turn.
fn read_turning(options: &mut Parameters, reading: &mut Reading) -> Option<bool> {
    let rotate = options.take("rot");
    let quarter = matches!(rotate.as_deref(), Some("90" | "270"));
    if let Some(degrees) = &rotate {
        matches!(degrees.as_str(), "90" | "180" | "270").then(|| reading.set("rotate", degrees))??;
    }
    let Some(arguments) = options.take("fl") else { return Some(rotate.is_some()) };
    let (horizontal, vertical) = match arguments.as_str() {
        "1:0" => (true, false),
        "0:1" => (false, true),
        "1:1" => (true, true),
        _ => return None,
    };
    let (horizontal, vertical) = if quarter { (vertical, horizontal) } else { (horizontal, vertical) };
    reading.set("flip", flip(horizontal, vertical)?)?;
    Some(true)
}

#[test]
fn what_imgproxy_would_refuse_or_mistake_is_an_error() {
    let signed = |options: &str| {
        let path = format!("/{options}/aHR0cDovL2dhdGUvYSUyRmI");
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(KEY).unwrap();
        mac.update(SALT);
        mac.update(path.as_bytes());
        format!("/{}{path}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    assert_eq!(read(&signed("rs:fit:3:2:0")).unwrap().source.unwrap(), "http://gate/a%2Fb");
    for options in [
        "q:80",
        "rs:fit:0:0:0",
        "rs:fit:3:2:0/rs:fit:4:2:0",
        "rs:fit:3:2:0/raw:1",
        "rs:fit:3:2:0/plain",
        "rs:fill:3:2:1/g:obj:face",
        "rs:fit:3:2:0/c:3:2:nowe:0:0/rot:90",
        "rs:fit:3:2:0/bg:red",
        "rs:fit:3:2:0/f:gif",
    ] {
        assert_eq!(read(&signed(options)), None, "{options}");
    }
    assert_eq!(read("/unsafe/rs:fit:3:2:0/aHR0cDovL2dhdGUvYSUyRmI"), None);
}
