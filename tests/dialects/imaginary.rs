//! imaginary's side of its URLs (imaginary `middleware.go`, `params.go`, `image.go`, bimg `resizer.go`; run with 1.2.4).
//!
//! The query is decoded once, as Go does it; the signature is over the path and the query as Go would write it
//! again, sorted. A pipeline's operations are JSON; each reads what the one before it wrote.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::reading::{Options, Parameters, Reading, drop_if, drop_white, number, unescape};
use super::turned::Turned;

/// The key that URLs are signed with in these tests: imaginary takes none that is shorter than 32 bytes.
pub const KEY: &[u8] = b"a key of the tests, long enough for imaginary";

/// What imaginary does for a path.
pub fn read(path: &str) -> Option<Reading> {
    let (operation, query) = path.split_once('?')?;
    let mut parameters = BTreeMap::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=')?;
        parameters.insert(name, unescape(&value.replace('+', " "))?).is_none().then_some(())?;
    }
    let sign = parameters.remove("sign")?;
    (sign == tag(operation, &parameters)?).then_some(())?;

    let mut reading = Reading { source: parameters.remove("url"), ..Reading::default() };
    let steps = match (operation.strip_prefix('/')?, parameters.remove("operations")) {
        ("pipeline", Some(steps)) if parameters.is_empty() => serde_json::from_str(&steps).ok()?,
        (_, Some(_)) | ("pipeline", None) => return None,
        (operation, None) => {
            let params = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            vec![Step { operation: operation.to_owned(), params }]
        }
    };
    (1..=10).contains(&steps.len()).then_some(())?;
    read_steps(steps, &mut reading)?;
    drop_white(&mut reading.options);
    Some(reading)
}

/// What a decision is for imaginary.
pub fn fold(options: &mut Options) {
    drop_white(options);
    drop_if(options, "metadata", "none");
    drop_if(options, "anim", "false");
    // Black would be no colour.
    if let Some(background) = options.get_mut("background").filter(|colour| *colour == "#000000") {
        *background = "#000001".to_owned();
    }
}

/// Parameters as Go writes them.
fn encoded(parameters: &BTreeMap<&str, String>) -> String {
    let escaped = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let pair = |(name, value): (&&str, &String)| {
        format!("{name}={}", value.bytes().map(escaped).collect::<String>())
    };
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The signature of a path and its parameters.
fn tag(path: &str, parameters: &BTreeMap<&str, String>) -> Option<String> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(KEY).ok()?;
    mac.update(path.as_bytes());
    mac.update(encoded(parameters).as_bytes());
    Some(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// An operation of a pipeline. imaginary ignores what else `params` has, and this does not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    operation: String,
    params: BTreeMap<String, String>,
}

/// A step that is being read.
type Reads = (String, Parameters);

fn read_steps(steps: Vec<Step>, reading: &mut Reading) -> Option<()> {
    let count = steps.len();
    let mut rest = Vec::new();
    for Step { operation, params } in steps {
        let params = Parameters::new(params.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        rest.push((operation, params));
    }
    read_writing(&mut rest, reading)?;
    // What has metadata would be turned by EXIF by the next step again, and by whoever shows it; and WebP
    // never loses any.
    for (_, params) in &mut rest {
        params.take_flag("stripmeta", "true")?.then_some(())?;
    }
    (count > 1 || reading.options.get("format").is_none_or(|format| format != "webp")).then_some(())?;

    let mut rest = rest.into_iter().peekable();
    if let Some((_, mut params)) = rest.next_if(|(operation, _)| operation == "extract") {
        let sides = ["left", "top", "areawidth", "areaheight"].map(|name| params.take(name));
        let sides = sides.into_iter().collect::<Option<Vec<_>>>()?;
        sides.iter().try_for_each(|side| side.parse::<u32>().ok().map(|_| ()))?;
        params.are_all_read()?;
        reading.set("trim", format!("box:{}", sides.join(";")))?;
    }
    let mut main = rest.next()?;
    let pad = rest.next_if(|(operation, _)| operation == "enlarge");
    let turn = rest.next_if(|(operation, _)| ["rotate", "flip", "flop"].contains(&operation.as_str()));
    if let Some((_, params)) = rest.next_if(|(operation, _)| operation == "convert") {
        params.are_all_read()?;
    }
    rest.next().is_none().then_some(())?;
    read_box(&mut main, pad, turn, reading)
}

/// In which form each step writes: the last one as it is asked for, those before it without loss.
fn read_writing(steps: &mut [Reads], reading: &mut Reading) -> Option<()> {
    let ((_, last), before) = steps.split_last_mut()?;
    let kind = last.take("type");
    for (_, params) in before {
        let lossless = if kind.is_some() { ("type", "png") } else { ("quality", "100") };
        params.take_flag(lossless.0, lossless.1)?.then_some(())?;
    }
    if let Some(quality) = last.take("quality") {
        reading.set("quality", number(&quality)?)?;
    }
    match (kind.as_deref(), last.take_flag("interlace", "true")?) {
        (None, false) => Some(()),
        (Some("jpeg"), true) => reading.set("format", "jpeg"),
        (Some("jpeg"), false) => reading.set("format", "baseline-jpeg"),
        (Some(format @ ("webp" | "png")), false) => reading.set("format", format),
        _ => None,
    }
}

/// How it is resized, padded and turned at the end.
fn read_box(main: &mut Reads, pad: Option<Reads>, turn: Option<Reads>, reading: &mut Reading) -> Option<()> {
    let (operation, params) = main;
    let (width, height) = (params.take("width"), params.take("height"));
    let background = params.take("background");
    let gravity = params.take("gravity");
    let (force, whole) = (params.take_flag("force", "true")?, params.take_flag("nocrop", "true")?);
    let both = width.is_some() && height.is_some();
    let fit = match (operation.as_str(), both, force, whole, gravity.as_deref()) {
        ("resize", false, false, false, None) => "scale-down",
        ("resize", false, true, false, None) => "contain",
        // With any other gravity it is padded to the box; with this one it is cropped, when it already fits.
        ("resize", true, false, false, Some("smart")) => "scale-down",
        ("resize", true, true, false, None) => "squeeze",
        ("enlarge", true, false, true, None) if pad.is_some() => "pad",
        ("enlarge", true, false, true, None) => "contain",
        ("enlarge", true, false, false, Some(_)) => "cover",
        _ => return None,
    };
    if let Some((_, mut padding)) = pad {
        // The second time it is as large as it can be, and has the rest of the box around it.
        let same = [("width", &width), ("height", &height), ("background", &background)];
        (fit == "pad" && same.iter().all(|(name, value)| padding.take(name) == **value)).then_some(())?;
        for (name, value) in [("nocrop", "true"), ("embed", "true"), ("extend", "background")] {
            padding.take_flag(name, value)?.then_some(())?;
        }
        padding.are_all_read()?;
        background.as_ref()?;
    }
    let side = match gravity.as_deref().filter(|_| fit == "cover") {
        None | Some("centre") => None,
        Some("west") => Some("left"),
        Some("east") => Some("right"),
        Some("north") => Some("top"),
        Some("south") => Some("bottom"),
        Some("smart") => Some("auto"),
        Some(_) => return None,
    };
    let side_or_none = |side: Option<String>| side.unwrap_or_else(|| "0".to_owned());
    let (width, height) = (side_or_none(width), side_or_none(height));
    let (degrees, mirrored, upside_down) = turn.map_or(Some((0, false, false)), read_turn)?;
    Turned { width: &width, height: &height, side, mirrored, upside_down, degrees }.note(reading)?;
    reading.set_fit(fit)?;
    if let Some(background) = background {
        reading.set("background", colour(&background)?)?;
    }
    if let Some(sigma) = params.take("sigma") {
        reading.set("blur", number(&sigma)?)?;
    }
    params.are_all_read()
}

/// Clockwise degrees, and how it is mirrored before that. imaginary mirrors after it, by `flip` horizontally.
fn read_turn((operation, mut params): Reads) -> Option<(u32, bool, bool)> {
    let degrees: u32 = params.take("rotate").map_or(Some(0), |degrees| degrees.parse().ok())?;
    let (flip, flop) = (params.take_flag("flip", "true")?, params.take_flag("flop", "true")?);
    params.are_all_read()?;
    match operation.as_str() {
        "rotate" => matches!(degrees, 90 | 180 | 270).then_some(())?,
        "flip" => (degrees == 0 && flip).then_some(())?,
        _ => (degrees == 0 && flop).then_some(())?,
    }
    Some(if matches!(degrees, 90 | 270) { (degrees, flop, flip) } else { (degrees, flip, flop) })
}

/// `R,G,B`; black is none.
fn colour(text: &str) -> Option<String> {
    let parts = text.split(',').map(|part| part.parse::<u8>().ok()).collect::<Option<Vec<_>>>()?;
    let [red, green, blue] = parts.try_into().ok()?;
    ([red, green, blue] != [0; 3]).then(|| format!("#{red:02x}{green:02x}{blue:02x}"))
}

/// A signed path of parameters in words, apart by blanks.
fn signed(operation: &str, parameters: &str) -> String {
    let pairs = parameters.split(' ').map(|pair| pair.split_once('=').unwrap());
    let parameters = pairs.map(|(name, value)| (name, value.to_owned())).collect();
    format!("{operation}?{}&sign={}", encoded(&parameters), tag(operation, &parameters).unwrap())
}

/// The same of a pipeline, each step as its name and its parameters, without those that all steps have.
fn piped(steps: &[(&str, &str)]) -> String {
    let steps = steps.iter().map(|(operation, params)| {
        let pairs = params.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        let mut params: BTreeMap<&str, &str> = pairs.collect();
        params.insert("stripmeta", "true");
        serde_json::json!({ "operation": operation, "params": params })
    });
    let operations = steps.collect::<Vec<_>>();
    let parameters = BTreeMap::from([("operations", serde_json::Value::from(operations).to_string())]);
    format!("/pipeline?{}&sign={}", encoded(&parameters), tag("/pipeline", &parameters).unwrap())
}

#[test]
fn a_url_is_read_as_imaginary_reads_it() {
    for (operation, parameters, want) in [
        ("/resize", "width=300", "width=300"),
        ("/resize", "width=3 height=2 gravity=smart", "height=2,width=3"),
        ("/resize", "height=2 force=true", "fit=contain,height=2"),
        ("/resize", "width=3 height=2 force=true", "fit=squeeze,height=2,width=3"),
        ("/enlarge", "width=3 height=2 nocrop=true", "fit=contain,height=2,width=3"),
        ("/enlarge", "width=3 height=2 gravity=centre", "fit=cover,height=2,width=3"),
        ("/resize", "width=3 type=jpeg background=255,255,255", "format=baseline-jpeg,width=3"),
        ("/resize", "width=3 type=jpeg interlace=true quality=5", "format=jpeg,quality=5,width=3"),
        ("/resize", "width=3 background=255,136,0 sigma=9", "background=#ff8800,blur=9,width=3"),
    ] {
        let path = signed(operation, &format!("{parameters} stripmeta=true url=http://gate/a%2Fb+c&d"));
        let reading = read(&path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(reading.options, super::thumbor::listed(want), "{path}");
        assert_eq!(reading.source.unwrap(), "http://gate/a%2Fb+c&d");
    }
    let pushed = read(&signed("/resize", "width=3 stripmeta=true")).unwrap();
    assert_eq!(pushed.source, None, "the picture comes with the request");
}

#[test]
fn a_pipeline_is_read_step_by_step() {
    let steps = [
        ("extract", "left=1 top=2 areawidth=30 areaheight=40 type=png"),
        ("enlarge", "width=2 height=3 nocrop=true background=1,2,3 type=png"),
        ("enlarge", "width=2 height=3 nocrop=true background=1,2,3 embed=true extend=background type=png"),
        ("rotate", "rotate=90 flop=true type=webp"),
    ];
    let want = "background=#010203,fit=pad,flip=h,format=webp,height=2,rotate=90,trim=box:1;2;30;40,width=3";
    assert_eq!(read(&piped(&steps)).unwrap().options, super::thumbor::listed(want));
    let steps = [("resize", "width=3 type=png"), ("convert", "type=webp")];
    assert_eq!(read(&piped(&steps)).unwrap().options, super::thumbor::listed("format=webp,width=3"));
    let steps = [("resize", "width=3 quality=100"), ("flip", "flip=true flop=true")];
    assert_eq!(read(&piped(&steps)).unwrap().options, super::thumbor::listed("flip=hv,width=3"));
}

#[test]
fn what_imaginary_would_pass_over_or_mistake_is_an_error() {
    for (operation, parameters) in [
        ("/resize", "width=3"),
        ("/resize", "width=3 height=2 stripmeta=true"),
        ("/resize", "width=3 type=webp stripmeta=true"),
        ("/resize", "width=3 type=avif stripmeta=true"),
        ("/resize", "width=3 background=0,0,0 stripmeta=true"),
        ("/resize", "width=3 bogus=1 stripmeta=true"),
        ("/fit", "width=3 height=2 stripmeta=true"),
        ("/crop", "width=3 height=2 stripmeta=true"),
        ("/pipeline", "width=3 stripmeta=true"),
        ("resize", "width=3 stripmeta=true"),
    ] {
        assert_eq!(read(&signed(operation, parameters)), None, "{operation} {parameters}");
    }
    let path = signed("/resize", "width=3 stripmeta=true");
    assert!(read(&path).is_some());
    assert_eq!(read(&path.replace("width=3", "width=4")), None);
    assert_eq!(read(&path.replace("/resize", "/enlarge")), None);
    assert_eq!(read(&path.replace("?", "?width=3&")), None);
}

#[test]
fn steps_that_lose_something_on_the_way_are_an_error() {
    let enlarge = ("enlarge", "width=3 height=2 nocrop=true background=1,2,3 quality=100");
    for steps in [
        &[("resize", "width=3"), ("flip", "flip=true")][..],
        &[("resize", "width=3 type=jpeg"), ("convert", "type=webp")],
        &[("flip", "flip=true quality=100"), ("resize", "width=3")],
        &[("resize", "width=3 quality=100"), ("rotate", "rotate=360")],
        &[("resize", "width=3 quality=100"), ("flop", "flip=true")],
        &[enlarge, ("enlarge", "width=3 height=2 nocrop=true embed=true extend=background")],
        &[enlarge, ("enlarge", "width=3 height=3 nocrop=true background=1,2,3 embed=true extend=background")],
        &[("resize", "width=3 quality=100"), ("watermarkImage", "image=http://elsewhere/")],
        &[],
    ] {
        assert_eq!(read(&piped(steps)), None, "{steps:?}");
    }
}
