//! The rules of sizes, one after the other, as `envoy/policy.md` has them.
//!
//! Sizes that client hints choose (`auto`) are left to `tests/cases/hints.json`.

use serde_json::{Map, Value};

/// What is decided about a size.
#[derive(Debug, PartialEq)]
pub enum Size {
    /// Width and height in device pixels; 0 for a side that is not bounded. `exact` where nothing was shrunk.
    Box { width: u64, height: u64, exact: bool },
    /// A refusal, for one of these reasons.
    Refused(Vec<&'static str>),
    /// It depends on hints.
    Hinted,
}

/// Fits that need both sides.
const BOTH: [&str; 5] = ["cover", "crop", "aspect-crop", "pad", "squeeze"];

/// A number in hundredths: up to seven digits, no needless zero before them, up to three digits behind a point.
fn hundredths(text: &str) -> Option<u64> {
    let (before, after) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.chars().all(|digit| "0123456789".contains(digit));
    if !digits(before)
        || !digits(after)
        || before.len() > 7
        || after.len() > 3
        || (before.len() > 1 && before.starts_with('0'))
    {
        return None;
    }
    let thousandths: u64 = format!("{before}{after:0<3}").parse().unwrap();
    Some((thousandths + 5) / 10)
}

/// A whole number from 1 on.
fn whole(text: &str) -> Option<u64> {
    hundredths(text).filter(|number| !text.contains('.') && *number >= 100)
}

/// A number of the document, in hundredths; a quality may be a word, a size may not.
fn number(value: &Value) -> Option<u64> {
    value.as_f64().map(|number| (number * 100.0).round() as u64)
}

/// What a limit makes of a number, both in hundredths.
fn limited(limit: &Value, asked: u64, (least, most): (u64, u64)) -> Result<u64, &'static str> {
    if let Some(listed) = limit.get("one_of").and_then(Value::as_array) {
        let mut steps: Vec<u64> = listed.iter().filter_map(number).collect();
        steps.sort_unstable();
        if steps.contains(&asked) {
            return Ok(asked);
        }
        let chosen = match limit.get("else").and_then(Value::as_str) {
            Some("snap-up") => steps.iter().find(|step| **step > asked).or(steps.last()),
            // The larger one where two are as near.
            Some("nearest") => steps.iter().rev().min_by_key(|step| step.abs_diff(asked)),
            _ => None,
        };
        return chosen.copied().ok_or("value-not-allowed");
    }
    let bound = |key: &str, otherwise: u64| limit.get(key).and_then(number).unwrap_or(otherwise);
    let clamps = |key: &str| limit.get(key).and_then(Value::as_str) == Some("clamp");
    let (least, most) = (bound("min", least), bound("max", most));
    match asked {
        asked if asked < least && clamps("under") => Ok(least),
        asked if asked < least => Err("under-limit"),
        asked if asked > most && clamps("over") => Ok(most),
        asked if asked > most => Err("over-limit"),
        asked => Ok(asked),
    }
}

/// The size for what a request names and what the policy has beside.
pub fn decide(route: &Value, named: &[(String, String)], beside: &Map<String, Value>) -> Size {
    let limit = |name: &str| &route["query"][name];
    let asked = |name: &str| {
        named.iter().filter(|(other, _)| other == name).map(|(_, text)| text.as_str()).collect::<Vec<_>>()
    };
    let mut reasons = Vec::new();
    let mut sides = Vec::new();
    for name in ["width", "height", "dpr"] {
        let texts = asked(name);
        if texts.len() > 1 {
            reasons.push("repeated-option");
        }
        if !texts.is_empty() && limit(name).is_null() {
            reasons.push("unknown-option");
        }
        let Some(text) = texts.first() else {
            sides.push((false, beside.get(name).map(|value| number(value).ok_or("auto"))));
            continue;
        };
        if name == "width" && *text == "auto" {
            return Size::Hinted;
        }
        let read = if name == "dpr" { hundredths(text).filter(|ratio| *ratio >= 10) } else { whole(text) };
        if read.is_none() {
            reasons.push("malformed-option");
        }
        sides.push((true, read.map(Ok)));
    }
    if sides.iter().any(|(_, side)| matches!(side, Some(Err(_)))) {
        return Size::Hinted;
    }
    let plain = |index: usize| sides[index].1.and_then(Result::ok);
    // The ratio is limited by itself, and makes device pixels of both sides, whoever asked for them.
    let mut ratio = plain(2).unwrap_or(100);
    if sides[2].0 {
        match limited(limit("dpr"), ratio, (10, 200)) {
            Ok(limited) => ratio = limited,
            Err(reason) => reasons.push(reason),
        }
    }
    let mut pixels = Vec::new();
    for (index, name) in ["width", "height"].into_iter().enumerate() {
        let Some(side) = plain(index) else {
            pixels.push(0);
            continue;
        };
        let mut device = ((side / 100 * ratio + 50) / 100).max(1);
        // A limit is for what a request has a hand in.
        let has_a_hand = sides[index].0 || (sides[2].0 && ratio != 100);
        if has_a_hand && !limit(name).is_null() {
            match limited(limit(name), device * 100, (100, 1_200_000)) {
                Ok(limited) => device = limited / 100,
                Err(reason) => reasons.push(reason),
            }
        }
        pixels.push(device.min(12_000));
    }
    if !reasons.is_empty() {
        return Size::Refused(reasons);
    }
    let fit = asked("fit").first().map(|fit| (*fit).to_owned());
    let fit = fit.or_else(|| beside.get("fit").and_then(Value::as_str).map(str::to_owned));
    let needs_both = fit.is_some_and(|fit| BOTH.contains(&fit.as_str()));
    if pixels == [0, 0] || (needs_both && pixels.contains(&0)) {
        return Size::Refused(vec!["missing-size"]);
    }
    bounded(&route["limits"], pixels[0], pixels[1])
}

/// What the bounds of the picture make of a box.
fn bounded(limits: &Value, width: u64, height: u64) -> Size {
    let bound = |key: &str| limits[key].as_f64().map_or(u64::MAX, |bound| bound as u64);
    let (widest, highest, area) = (bound("width"), bound("height"), bound("area"));
    if let (Some(ratios), true) = (limits["aspect_ratios"].as_array(), width > 0 && height > 0) {
        let fits = |ratio: &Value| {
            let (across, down) = ratio.as_str().unwrap().split_once(':').unwrap();
            let (across, down): (u64, u64) = (across.parse().unwrap(), down.parse().unwrap());
            // To within a pixel.
            (width * down).abs_diff(height * across) < across.max(down)
        };
        if !ratios.is_empty() && !ratios.iter().any(fits) {
            return Size::Refused(vec!["aspect-not-allowed"]);
        }
    }
    let is_inside = |w: u64, h: u64| w <= widest && h <= highest && w.max(1).saturating_mul(h.max(1)) <= area;
    let (mut w, mut h) = (width, height);
    if !is_inside(w, h) {
        if limits["over"].as_str() != Some("clamp") {
            return Size::Refused(vec!["over-limit"]);
        }
        // Pixel by pixel smaller along the longer side, in proportion, until it fits.
        let long = width.max(height);
        let fitting = (1..=long).rev().map(|side| {
            let scaled = |other: u64| if other == 0 { 0 } else { (other * side / long).max(1) };
            (scaled(width), scaled(height))
        });
        (w, h) = fitting.into_iter().find(|(w, h)| is_inside(*w, *h)).unwrap();
    }
    let exact = (w, h) == (width, height);
    // A side that nobody asked for is as long as the bounds allow.
    let open = |most: u64, beside: u64| match most.min(if area == u64::MAX { area } else { area / beside }) {
        u64::MAX => 0,
        most => most,
    };
    match (w, h) {
        (0, h) => Size::Box { width: open(widest, h), height: h, exact },
        (w, 0) => Size::Box { width: w, height: open(highest, w), exact },
        (width, height) => Size::Box { width, height, exact },
    }
}
