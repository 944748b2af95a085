//! weserv's side of its URLs (weserv/images `query.cpp`, `uri_parser.cpp`, `api_manager_impl.cpp` and the processors).
//!
//! `url` is decoded once. (What follows a `#` in it would not be fetched, but the gate's URL has none.) In
//! front of it, nginx's secure link takes all of the query as it is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};

use super::reading::{
    KEY, Options, Parameters, Reading, colour, drop_if, drop_white, flip, number, unescape,
};

/// What weserv does for a path behind nginx's secure link.
pub fn read_signed(path: &str) -> Option<Reading> {
    let (signature, query) = path.strip_prefix("/s/")?.split_once("/?")?;
    let text = [query.as_bytes(), b" ", KEY].concat();
    (URL_SAFE_NO_PAD.encode(Md5::digest(text)) == signature).then_some(())?;
    read_query(query)
}

/// What weserv does for a path.
pub fn read(path: &str) -> Option<Reading> {
    read_query(path.strip_prefix("/?")?)
}

fn read_query(query: &str) -> Option<Reading> {
    let pairs = query.split('&').map(|pair| pair.split_once('='));
    let mut query = Parameters::new(pairs.collect::<Option<Vec<_>>>()?.into_iter())?;
    let mut reading = Reading { source: Some(unescape(&query.take("url")?)?), ..Reading::default() };
    let side = |side: Option<String>| side.unwrap_or_else(|| "0".to_owned());
    reading.set_sides(&side(query.take("w")), &side(query.take("h")))?;
    let never_enlarges = query.take_flag("we", "1")?;
    let fit = match (query.take("fit")?.as_str(), never_enlarges) {
        ("inside", true) => "scale-down",
        ("inside", false) => "contain",
        ("cover", false) => "cover",
        ("cover", true) => "crop",
        ("contain", false) => "pad",
        ("fill", false) => "squeeze",
        _ => return None,
    };
    reading.set_fit(fit)?;
    match query.take("a").as_deref() {
        None => {}
        Some("attention") => reading.set("gravity", "auto")?,
        Some(side @ ("left" | "right" | "top" | "bottom")) => reading.set("gravity", side)?,
        Some(_) => return None,
    }
    // Otherwise it is turned after it is resized, and width and height are those of the stored picture.
    let is_upright_first = query.take_flag("precrop", "1")?;
    let rotate = query.take("ro");
    let quarter = matches!(rotate.as_deref(), Some("90" | "270"));
    (is_upright_first || !(quarter || matches!(fit, "cover" | "crop" | "pad"))).then_some(())?;
    if let Some(degrees) = &rotate {
        (quarter || degrees == "180").then(|| reading.set("rotate", degrees))??;
    }
    // Mirrored after it is turned: what is horizontal then was vertical before a quarter turn.
    let (vertical, horizontal) = (query.take_flag("flip", "1")?, query.take_flag("flop", "1")?);
    let (horizontal, vertical) = if quarter { (vertical, horizontal) } else { (horizontal, vertical) };
    if let Some(flip) = flip(horizontal, vertical) {
        reading.set("flip", flip)?;
    }
    let area = ["cx", "cy", "cw", "ch"].map(|name| query.take(name));
    match (query.take("trim").as_deref(), area) {
        (None, [None, None, None, None]) => {}
        (Some("10"), [None, None, None, None]) => reading.set("trim", "border")?,
        // The area is one of the turned picture.
        (None, [Some(left), Some(top), Some(width), Some(height)])
            if is_upright_first && rotate.is_none() && !horizontal && !vertical =>
        {
            let sides = [&left, &top, &width, &height].map(|side| number(side));
            let sides = sides.into_iter().collect::<Option<Vec<_>>>()?;
            reading.set("trim", format!("box:{}", sides.join(";")))?;
        }
        _ => return None,
    }
    for (own, name) in [
        ("blur", "blur"),
        ("sharp", "sharpen"),
        ("mod", "brightness"),
        ("sat", "saturation"),
        ("q", "quality"),
    ] {
        if let Some(value) = query.take(own) {
            reading.set(name, number(&value)?)?;
        }
    }
    match (query.take("cbg"), query.take("bg")) {
        (None, None) if fit != "pad" => {}
        (None, Some(behind)) if fit != "pad" => reading.set("background", colour(&behind)?)?,
        (Some(around), Some(behind)) if fit == "pad" && around == behind => {
            reading.set("background", colour(&behind)?)?;
        }
        _ => return None,
    }
    if query.take_flag("n", "-1")? {
        reading.set("anim", "true")?;
    }
    match (query.take("output").as_deref(), query.take_flag("il", "1")?) {
        (None, false) => {}
        (Some("jpg"), true) => reading.set("format", "jpeg")?,
        (Some("jpg"), false) => reading.set("format", "baseline-jpeg")?,
        (Some(format @ ("avif" | "webp" | "png")), false) => reading.set("format", format)?,
        _ => return None,
    }
    drop_white(&mut reading.options);
    query.are_all_read()?;
    Some(reading)
}

/// What a decision is for weserv.
pub fn fold(options: &mut Options) {
    drop_white(options);
    drop_if(options, "metadata", "none");
    drop_if(options, "anim", "false");
    if options.get("format").is_some_and(|format| format != "webp") {
        drop_if(options, "anim", "true");
    }
}

#[test]
fn what_weserv_would_pass_over_or_mistake_is_an_error() {
    let source = "url=http%3A%2F%2Fgate%2Fa%252Fb";
    let reading = read(&format!("/?{source}&w=3&h=2&fit=cover&precrop=1")).unwrap();
    assert_eq!(reading.source.unwrap(), "http://gate/a%2Fb");
    for parameters in [
        "fit=inside",
        "w=3&fit=inside&w=4",
        "w=03&fit=inside",
        "w=3&h=2&fit=cover",
        "w=3&fit=inside&ro=90",
        "w=3&fit=inside&ro=45",
        "w=3&fit=inside&cx=1&cy=1&cw=2&ch=2",
        "w=3&fit=inside&precrop=1&flip=1&cx=1&cy=1&cw=2&ch=2",
        "w=3&h=2&fit=contain&precrop=1&bg=ffffff",
        "w=3&fit=inside&output=gif",
        "w=3&fit=inside&default=1",
        "w=3&fit=inside&filename=a",
    ] {
        assert_eq!(read(&format!("/?{source}&{parameters}")), None, "{parameters}");
    }
    assert_eq!(read_signed(&format!("/s/unsigned/?{source}&w=3&fit=inside")), None);
}
