//! The Common Log Format and the combined one, which adds the referer and the user agent.
//!
//! As nginx (`combined`, and `main` of its packages) and Apache (`common`, `combined`, `vhost_combined`) write
//! them; further fields may follow. Within quotation marks nginx writes `\xHH` for quotation marks, backslashes,
//! controls and everything that is not ASCII; Apache `\"`, `\\`, `\n` and the like, and `\xHH`. Sources:
//! nginx's ngx_http_log_module, Apache's mod_log_config.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::replay::entry::{Entry, Text, Unread, given, request_line, status};
use crate::replay::moment::seconds;

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let quoted = r#""((?:[^"\\]|\\.)*)""#;
    let who = r"(?:(\S+):\d+ \S+ -|\S+ \S+) [^\[]+";
    Regex::new(&format!(
        r"(?-u)\A{who} \[([^\]]*)\] {quoted} (\d+|-) (?:\d+|-)(?: {quoted} {quoted})?(?: .*)?\z"
    ))
    .ok()
});

/// Reads a line.
pub fn read(line: &[u8]) -> Result<Entry<'_>, Unread> {
    let form = || Unread::Form("the common or combined format");
    let groups = LINE.as_ref().and_then(|regex| regex.captures(line)).ok_or_else(form)?;
    let group = |index| groups.get(index).map(|group| group.as_bytes());
    let (time, request) = (group(2).unwrap_or_default(), group(3).unwrap_or_default());
    let (method, own_host, target) = request_line(unescaped(request))?;
    // RFC 9112 3.2.2: a host in the request line counts before the one in `host`.
    let host = own_host.or(group(1).and_then(given).map(Cow::Borrowed));
    let mut headers = Vec::new();
    if let Some(referer) = group(5) {
        headers.push(("referer", given(referer).map(unescaped)));
    }
    Ok(Entry {
        method,
        target,
        host,
        at: seconds(time),
        status: status(group(4).unwrap_or_default()),
        by_envoy: false,
        has_body: false,
        headers,
    })
}

/// Undoes the escapes of both servers.
fn unescaped(text: &[u8]) -> Text<'_> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => match hexadecimal(*high, *low) {
                Some(byte) => (byte, after),
                None => (b'\\', after_backslash(rest)),
            },
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [b'v', after @ ..]) => (0x0b, after),
            (b'\\', [b'b', after @ ..]) => (0x08, after),
            (b'\\', [b'f', after @ ..]) => (0x0c, after),
            (b'\\', [escaped @ (b'"' | b'\\'), after @ ..]) => (*escaped, after),
            (byte, after) => (*byte, after),
        };
        plain.push(byte);
        rest = after;
    }
    Cow::Owned(plain)
}

fn after_backslash(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b"\\").unwrap_or_default()
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}
