//! Envoy's text formats: its own default, Istio's, and that of this project's envoy.yaml.
//!
//! Envoy escapes nothing, so a line is read from both ends: the request up to the flags from its beginning,
//! the authority from its end; what lies between may hold anything. Sources: Envoy's "Access logging" page,
//! Istio's `EnvoyTextLogFormat`.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::Line;
use crate::replay::entry::{Entry, Unread, given, status};
use crate::replay::moment::seconds;

/// `[time] "METHOD path PROTOCOL" status flags`, and the rest.
static BEGINNING: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)\A\[([^\]]*)\] "(\S+) (\S+) (\S+)" (\d+|-) (\S+) (.*)\z"#).ok());

/// Bytes received and sent, two durations, `"forwarded for" "user agent" "request id" "authority" "upstream"`.
static END: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)\A(\d+|-) (?:\d+|-) \S+ \S+ ".*" "[^"]*" "([^"]*)" "[^"]*"\z"#).ok());

/// The details of status, termination and transport first, and where it went last.
static ISTIO_END: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // Details of a module's own answer are empty: two blanks.
    let details = r#"\S* .*? ".*?" "#;
    let places = r"(?: \S+){6}";
    let end = r#"(\d+|-) (?:\d+|-) \S+ \S+ ".*" "[^"]*" "([^"]*)" "[^"]*""#;
    Regex::new(&format!(r"(?-u)\A{details}{end}{places}\z")).ok()
});

/// `[time] role METHOD path status flags`, and `name=value` pairs.
static PINHOLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u)\A\[([^\]]*)\] (edge|gate) (\S+) (\S+) (\d+|-) (\S+)(?: (.*))?\z").ok()
});

/// Reads a line of Envoy's default format.
pub fn read(line: &[u8]) -> Result<Entry<'_>, Unread> {
    read_with(&END, line).ok_or(Unread::Form("Envoy's default format"))
}

/// Reads a line of Istio's default format.
pub fn read_istio(line: &[u8]) -> Result<Entry<'_>, Unread> {
    read_with(&ISTIO_END, line).ok_or(Unread::Form("Istio's default format"))
}

fn read_with<'l>(end: &LazyLock<Option<Regex>>, line: &'l [u8]) -> Option<Entry<'l>> {
    let (_, [time, method, path, _, code, _, rest]) = BEGINNING.as_ref()?.captures(line)?.extract();
    let (_, [received, authority]) = end.as_ref()?.captures(rest)?.extract();
    Some(Entry {
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(path),
        host: given(authority).map(Cow::Borrowed),
        at: seconds(time),
        status: status(code),
        by_envoy: true,
        has_body: given(received).is_some_and(|count| count != b"0"),
        headers: Vec::new(),
    })
}

/// Reads a line of this project's own format. Lines of the gate are passed over: it is asked by resizers.
pub fn read_pinhole(line: &[u8]) -> Result<Line<'_>, Unread> {
    let form = || Unread::Form("the format of envoy/envoy.yaml");
    let groups = PINHOLE.as_ref().and_then(|regex| regex.captures(line)).ok_or_else(form)?;
    let group = |index| groups.get(index).map_or(&b""[..], |group| group.as_bytes());
    if group(2) == b"gate" {
        return Ok(Line::Other);
    }
    let pairs = group(7).split(|byte| *byte == b' ');
    let value = |name: &[u8]| pairs.clone().find_map(|pair| given(pair.strip_prefix(name)?));
    Ok(Line::Entry(Entry {
        method: Cow::Borrowed(group(3)),
        target: Cow::Borrowed(group(4)),
        host: value(b"authority=").or(value(b"host=")).map(Cow::Borrowed),
        at: seconds(group(1)),
        status: status(group(5)),
        by_envoy: true,
        has_body: false,
        headers: Vec::new(),
    }))
}
