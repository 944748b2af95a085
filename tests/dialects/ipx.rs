//! ipx's side of its URLs (unjs/ipx 3.1.1, `dist/shared`).
//!
//! The first segment is modifiers, split at `,` and `&`, then at the first `_`, `:` or `=`, only then decoded. All
//! that follows is the source, decoded when it is routed and again before it is fetched.

use super::reading::{Options, Parameters, Reading, colour, drop_if, drop_white, flip, number, unescape};

/// What ipx does for a path.
pub fn read(path: &str) -> Option<Reading> {
    let (modifiers, source) = path.strip_prefix('/')?.split_once('/')?;
    let once = unescape(source)?;
    // What has no protocol then is taken for a file.
    if !once.starts_with("http://") && !once.starts_with("https://") {
        return None;
    }
    let mut reading = Reading { source: Some(unescape(&once)?), ..Reading::default() };
    let values = ['_', ':', '='];
    let pairs =
        modifiers.split([',', '&']).map(|modifier| modifier.split_once(values).unwrap_or((modifier, "")));
    let mut modifiers = Parameters::new(pairs)?;

    let fit = read_size(&mut modifiers, &mut reading)?;
    reading.set_fit(fit)?;
    if let Some(position) = modifiers.take("pos") {
        match position.as_str() {
            "attention" => reading.set("gravity", "auto")?,
            side @ ("left" | "right" | "top" | "bottom") => reading.set("gravity", side)?,
            _ => return None,
        }
    }
    if modifiers.take_flag("trim", "null")? {
        reading.set("trim", "border")?;
    }
    // Without it the EXIF orientation would be lost; an angle would take its place.
    modifiers.take_flag("rotate", "null")?.then_some(())?;
    let (mirrored, upside_down) = (modifiers.take_flag("flop", "")?, modifiers.take_flag("flip", "")?);
    if let Some(flip) = flip(mirrored, upside_down) {
        reading.set("flip", flip)?;
    }
    for (own, name) in [("blur", "blur"), ("sharpen", "sharpen"), ("q", "quality")] {
        if let Some(value) = modifiers.take(own) {
            reading.set(name, number(&value)?)?;
        }
    }
    if modifiers.take_flag("grayscale", "")? {
        reading.set("saturation", "0")?;
    }
    if modifiers.take_flag("animated", "")? {
        reading.set("anim", "true")?;
    }
    match modifiers.take("f").as_deref() {
        None => {}
        Some(format @ ("avif" | "webp" | "jpeg" | "png")) => reading.set("format", format)?,
        Some(_) => return None,
    }
    // A colour without `flatten` would be around the picture only; `flatten` without a colour is black.
    match (modifiers.take("b"), modifiers.take_flag("flatten", "")?) {
        (None, false) if fit != "pad" => {}
        (Some(value), true) => reading.set("background", colour(unescape(&value)?.strip_prefix('#')?)?)?,
        _ => return None,
    }
    drop_white(&mut reading.options);
    modifiers.are_all_read()?;
    Some(reading)
}

/// One of `w`, `h` and `s`, and the fit that comes of it.
fn read_size(modifiers: &mut Parameters, reading: &mut Reading) -> Option<&'static str> {
    let may_enlarge = modifiers.take_flag("enlarge", "")?;
    let fit = modifiers.take("fit");
    match (modifiers.take("w"), modifiers.take("h"), modifiers.take("s")) {
        (Some(width), None, None) => reading.set_sides(&width, "0")?,
        (None, Some(height), None) => reading.set_sides("0", &height)?,
        (None, None, Some(sides)) => {
            let (width, height) = sides.split_once('x')?;
            reading.set_sides(width, height)?;
            // Without, the box would be made to fit into the picture.
            may_enlarge.then_some(())?;
            return match fit?.as_str() {
                "inside" => Some("contain"),
                "cover" => Some("cover"),
                "contain" => Some("pad"),
                "fill" => Some("squeeze"),
                _ => None,
            };
        }
        _ => return None,
    }
    match (fit, may_enlarge) {
        (None, false) => Some("scale-down"),
        (None, true) => Some("contain"),
        _ => None,
    }
}

/// What a decision is for ipx.
pub fn fold(options: &mut Options) {
    drop_white(options);
    drop_if(options, "metadata", "none");
    drop_if(options, "anim", "false");
    if options.get("format").is_some_and(|format| format != "webp") {
        drop_if(options, "anim", "true");
    }
    // A half turn is both mirrorings.
    if options.remove("rotate").is_some() {
        let before = options.remove("flip").unwrap_or_default();
        if let Some(flip) = flip(!before.contains('h'), !before.contains('v')) {
            options.insert("flip".to_owned(), flip.to_owned());
        }
    }
}

#[test]
fn what_ipx_would_pass_over_or_mistake_is_an_error() {
    let source = "http%3A%2F%2Fgate%2Fa%25252Fb";
    let reading = read(&format!("/enlarge,s_3x2,fit_cover,rotate_null/{source}")).unwrap();
    assert_eq!(reading.source.unwrap(), "http://gate/a%2Fb");
    for modifiers in [
        "_",
        "w_0,rotate_null",
        "w_3",
        "w_3,rotate_90",
        "w_3,h_2,rotate_null",
        "s_3x2,fit_cover,rotate_null",
        "enlarge,s_3x2,rotate_null",
        "enlarge,s_3x2,fit_contain,rotate_null",
        "w_3,w_4,rotate_null",
        "w_3,rotate_null,b_ff8800,flatten",
        "w_3,rotate_null,b_%23ff8800",
        "w_3,rotate_null,trim_10",
        "w_3,rotate_null,modulate_2",
        "w_3,rotate_null,f_auto",
    ] {
        assert_eq!(read(&format!("/{modifiers}/{source}")), None, "{modifiers}");
    }
    assert_eq!(read("/w_3,rotate_null/http%253A%252F%252Fgate%252Fa"), None, "a file of that name");
}
