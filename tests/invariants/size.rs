//! The size of a picture: I13, I15 and I17, as bounds. `tests/spec` says to the pixel what it has to be.

use pinhole::policy::decision::{Forward, Rule};
use serde_json::Value;

use super::document::Document;
use super::path::unescape;
use super::{Asked, Held, Subject, hold};

/// The widths that `width=auto` chooses from where the policy lists none end with this one (`envoy/policy.md`).
const WIDEST_BY_HINTS: f64 = 1200.0;

/// The largest pixel ratio.
const MOST_DPR: f64 = 2.0;

/// Names of options that decide about a size, and what they are short for.
const NAMES: &[(&str, &str)] =
    &[("width", "width"), ("w", "width"), ("height", "height"), ("h", "height"), ("dpr", "dpr")];

/// What a request says of the size: options by their long names, values as they are.
fn asked_options(document: &Document, route: usize, asked: &Asked) -> Vec<(&'static str, String)> {
    let decode = |text: &str| String::from_utf8_lossy(&unescape(text.as_bytes())).into_owned();
    let (path, query) = asked.target().split_once('?').unwrap_or((asked.target(), ""));
    let path = decode(path);
    let segment = document.group(route, &path, "options").unwrap_or_default();
    let pairs = query.split('&').map(decode).chain(segment.split(',').map(str::to_owned));
    let named = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let (_, name) = NAMES.iter().find(|(other, _)| *other == name)?;
        Some((*name, value.to_owned()))
    });
    named.collect()
}

/// The largest number that a limit lets through.
fn most(limit: &Value, side: &str) -> Option<f64> {
    let listed = limit.get("one_of").and_then(Value::as_array).into_iter().flatten();
    let hints = (side == "width" && limit.to_string().contains("\"auto\"")).then_some(WIDEST_BY_HINTS);
    let listed: Vec<f64> = listed.filter_map(Value::as_f64).collect();
    let numbers = listed.iter().copied().chain(limit.get("max").and_then(Value::as_f64));
    numbers.chain(hints.filter(|_| listed.is_empty())).reduce(f64::max)
}

/// The largest side that presets and defaults have.
fn configured(document: &Document, route: usize, side: &str) -> f64 {
    let presets = [document.at(&["presets"]), document.of_route(route, &["presets"])];
    let presets = presets.into_iter().filter_map(Value::as_object).flatten().map(|(_, preset)| preset);
    let defaults = document.of_route(route, &["default"]);
    let sides = presets.chain([defaults]).filter_map(|options| options.get(side));
    let number = |value: &Value| match value.as_str() {
        Some(_) => most(document.of_route(route, &["query", side]), side).or(Some(WIDEST_BY_HINTS)),
        None => value.as_f64(),
    };
    let ratio = if document.at(&[]).to_string().contains("\"dpr\"") { MOST_DPR } else { 1.0 };
    sides.filter_map(number).fold(0.0, f64::max) * ratio
}

/// What holds for the frame of a picture that is served.
pub fn holds(subject: &Subject, asked: &Asked, forward: &Forward<'_>) -> Held {
    let (Rule::Route(route), Some(transform)) = (forward.rule, &forward.transform) else {
        return hold("I17", false, || format!("{:?} serves without a size", forward.rule));
    };
    let (document, frame) = (&subject.document, &transform.frame);
    hold("I17", frame.width() > 0 || frame.height() > 0, || "no side".to_owned())?;
    let options = asked_options(document, route, asked);
    for (side, found) in [("width", frame.width()), ("height", frame.height())] {
        let named: Vec<&str> =
            options.iter().filter(|(name, _)| *name == side).map(|(_, text)| text.as_str()).collect();
        hold("I15", named.len() <= 1, || format!("{side} twice: {named:?}"))?;
        for text in &named {
            let is_word = side == "width" && *text == "auto";
            hold("I15", is_word || is_number(text), || format!("{side}={text:?} was taken for a number"))?;
        }
        let limit = document.of_route(route, &["query", side]);
        let is_touched = !named.is_empty() || options.iter().any(|(name, _)| *name == "dpr");
        let by_request = most(limit, side).filter(|_| is_touched).unwrap_or_default();
        let bound = document.of_route(route, &["limits", side]).as_f64();
        let area = document.of_route(route, &["limits", "area"]).as_f64();
        let largest = by_request.max(configured(document, route, side));
        // A side that nobody asked for is as long as the bounds allow.
        let largest = match bound.or(area) {
            Some(open) if named.is_empty() => largest.max(open),
            _ => largest,
        };
        let largest = [bound, area].into_iter().flatten().fold(largest, f64::min);
        let invariant = if is_touched { "I13" } else { "I17" };
        hold(invariant, f64::from(found) <= largest, || format!("{side} {found}, of at most {largest}"))?;
        let is_plain = bound.or(area).is_none() && !document.at(&[]).to_string().contains("\"dpr\"");
        if let Some(number) = named.first().and_then(|text| text.parse::<f64>().ok()).filter(|_| is_plain) {
            exactly(limit, side, number, f64::from(found))?;
        }
    }
    Ok(())
}

/// I13 where nothing else has a say: what is listed, or what was asked, or the bound in its place.
fn exactly(limit: &Value, side: &str, asked: f64, found: f64) -> Held {
    let number = |key: &str| limit.get(key).and_then(Value::as_f64);
    let is = |key: &str, word: &str| limit.get(key).and_then(Value::as_str) == Some(word);
    let told = || format!("{side} {found} for {asked}, of {limit}");
    match limit.get("one_of").and_then(Value::as_array) {
        Some(listed) => hold("I13", listed.iter().any(|rung| rung.as_f64() == Some(found)), told),
        None => {
            let bounded = |bound: Option<f64>, clamps: bool| bound.filter(|_| clamps);
            let least = bounded(number("min"), is("under", "clamp")).unwrap_or(asked);
            let most = bounded(number("max"), is("over", "clamp")).unwrap_or(asked);
            hold("I13", found == asked.max(least).min(most), told)
        }
    }
}

/// I15: plain decimal, at most seven digits, and not zero.
pub fn is_number(text: &str) -> bool {
    (1..=7).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}
