//! Access logs of one JSON object a line, with the keys that Envoy's and Istio's examples and nginx's
//! variables have. Keys are compared in lower case, `-` and `.` as `_`, without a colon before them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::replay::entry::{Entry, Text, Unread, given, request_line, status};
use crate::replay::moment::seconds;

/// What is looked for, and under which keys, the first one that is there.
const METHOD: &[&str] = &["method", "request_method"];
const TARGET: &[&str] = &["x_envoy_original_path", "original_path", "path", "request_uri"];
const LINE: &[&str] = &["request"];
const HOST: &[&str] = &["authority", "http_host", "host"];
const STATUS: &[&str] = &["response_code", "status", "status_code"];
const TIME: &[&str] =
    &["start_time", "timestamp", "@timestamp", "time", "time_iso8601", "time_local", "msec"];
const RECEIVED: &[&str] = &["bytes_received"];
/// What nginx calls otherwise.
const ENVOYS: &[&str] = &["response_code"];

/// The headers that policies look at, by their keys, alone or after `http_` or `req_`.
const HEADERS: [(&str, &str); 15] = [
    ("accept", "accept"),
    ("referer", "referer"),
    ("referrer", "referer"),
    ("save_data", "save-data"),
    ("ect", "ect"),
    ("rtt", "rtt"),
    ("downlink", "downlink"),
    ("sec_ch_width", "sec-ch-width"),
    ("sec_ch_viewport_width", "sec-ch-viewport-width"),
    ("sec_ch_dpr", "sec-ch-dpr"),
    ("sec_ch_ua_mobile", "sec-ch-ua-mobile"),
    ("viewport_width", "viewport-width"),
    ("width", "width"),
    ("dpr", "dpr"),
    ("upgrade", "upgrade"),
];

/// Reads a line.
pub fn read(line: &[u8]) -> Result<Entry<'_>, Unread> {
    let members: BTreeMap<String, Value> =
        serde_json::from_slice(line).map_err(|_| Unread::Form("JSON, one object a line"))?;
    let members: BTreeMap<String, String> =
        members.iter().filter_map(|(key, value)| Some((plain(key), text(value)?))).collect();
    let find = |keys: &[&str]| keys.iter().find_map(|key| members.get(*key));
    let value = |keys: &[&str]| find(keys).and_then(|value| given(value.as_bytes()));
    let own = |bytes: &[u8]| -> Text<'static> { Cow::Owned(bytes.to_vec()) };
    let (method, own_host, target) = match (value(METHOD), value(TARGET), value(LINE)) {
        (Some(method), Some(target), _) => (own(method), None, own(target)),
        (_, _, Some(line)) => request_line(own(line))?,
        (None, _, None) => return Err(Unread::Missing("`method`")),
        (_, None, None) => return Err(Unread::Missing("`path`")),
    };
    let mut headers: Vec<(&'static str, Option<Text<'static>>)> = Vec::new();
    for (key, name) in HEADERS {
        let keys = [key.to_owned(), format!("http_{key}"), format!("req_{key}")];
        let found = keys.iter().find_map(|key| members.get(key));
        if let Some(found) = found.filter(|_| headers.iter().all(|(other, _)| *other != name)) {
            headers.push((name, given(found.as_bytes()).map(own)));
        }
    }
    Ok(Entry {
        method,
        target,
        host: own_host.or(value(HOST).map(own)),
        at: value(TIME).and_then(seconds),
        status: value(STATUS).and_then(status),
        by_envoy: find(ENVOYS).is_some(),
        has_body: value(RECEIVED).is_some_and(|count| count != b"0"),
        headers,
    })
}

fn plain(key: &str) -> String {
    key.trim_start_matches(':').to_ascii_lowercase().replace(['-', '.'], "_")
}

/// The text of a value; of none where it is no text and no number.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null => Some("-".to_owned()),
        _ => None,
    }
}
