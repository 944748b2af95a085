//! What a policy says of a request: which route, which options hold, in words of the document.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::{Map, Value};

use super::path;

/// Short names of options (`pinhole options`).
const SHORT: [(&str, &str); 7] = [
    ("w", "width"),
    ("h", "height"),
    ("g", "gravity"),
    ("q", "quality"),
    ("f", "format"),
    ("scq", "slow-connection-quality"),
    ("face-zoom", "zoom"),
];

/// A route that matches.
pub struct Matched<'d> {
    pub route: &'d Value,
    pub source: String,
    pub preset: Option<String>,
    pub segment: Option<String>,
}

/// The first route whose host and path match.
pub fn find<'d>(document: &'d Value, host: &str, text: &str) -> Option<Matched<'d>> {
    for route in document["routes"].as_array().unwrap() {
        let hosts: Option<Vec<String>> = route["hosts"]
            .as_array()
            .map(|hosts| hosts.iter().map(|host| host.as_str().unwrap().to_lowercase()).collect());
        let is_listed = |listed: &String| match listed.strip_prefix('*') {
            Some(below) => host.ends_with(below) && host.len() > below.len(),
            None => host == listed,
        };
        if hosts.is_some_and(|hosts| !hosts.iter().any(is_listed)) {
            continue;
        }
        let pattern = whole(route["path"].as_str().unwrap());
        if let Some(found) = pattern.captures(text) {
            let group = |name: &str| found.name(name).map(|group| group.as_str().to_owned());
            return Some(Matched {
                route,
                source: group("source")?,
                preset: group("preset"),
                segment: group("options"),
            });
        }
    }
    None
}

/// A pattern for all of a text. Compiling is slow beyond patience, so each is compiled once.
fn whole(pattern: &str) -> Regex {
    static COMPILED: LazyLock<Mutex<BTreeMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap();
    let compile = || Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
    compiled.entry(pattern.to_owned()).or_insert_with(compile).clone()
}

/// The options of a preset, those it extends beneath its own.
pub fn preset(document: &Value, route: &Value, name: &str) -> Option<Map<String, Value>> {
    let own = route.get("presets").and_then(|table| table.get(name));
    let found = match route.get("presets") {
        Some(_) => own?,
        None => document.get("presets")?.get(name)?,
    };
    Some(extended(document, route, found))
}

fn extended(document: &Value, route: &Value, preset: &Value) -> Map<String, Value> {
    let mut options = match preset.get("extends").and_then(Value::as_str) {
        Some(name) => {
            let own = route.get("presets").and_then(|table| table.get(name));
            let base = own.filter(|other| *other != preset).or_else(|| document.get("presets")?.get(name));
            base.map(|base| extended(document, route, base)).unwrap_or_default()
        }
        None => Map::new(),
    };
    options.extend(
        preset
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "extends")
            .map(|(k, v)| (k.clone(), v.clone())),
    );
    options
}

/// What a request names, by long names; nothing where its query is none.
pub fn named(query: Option<&str>, segment: Option<&str>) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for parameter in query.filter(|query| !query.is_empty()).into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = parameter.split_once('=').filter(|(name, _)| !name.is_empty())?;
        pairs.push((decode(name)?, decode(value)?));
    }
    if let Some(segment) = segment {
        let mut depth = 0;
        let mut piece = String::new();
        for character in segment.chars().chain([',']) {
            depth += i32::from(character == '(') - i32::from(character == ')');
            if character == ',' && depth <= 0 {
                let (name, value) = piece.split_once('=')?;
                pairs.push((name.to_owned(), value.to_owned()));
                piece.clear();
            } else {
                piece.push(character);
            }
        }
    }
    let long = |name: String| {
        SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| (*long).to_owned())
    };
    Some(pairs.into_iter().map(|(name, value)| (long(name), value)).collect())
}

/// A part of a query, decoded: what may stand in a path may stand there, escaped or not, and more.
fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits)
                .ok()
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?
                .to_owned();
            decoded.push(u8::from_str_radix(&digits, 16).unwrap());
        } else if path::read(&[b'/', b'a', byte]).is_some() && !b"+&".contains(&byte) || byte == b'?' {
            decoded.push(byte);
        } else {
            return None;
        }
    }
    String::from_utf8(decoded).ok().filter(|text| !text.chars().any(char::is_control))
}
