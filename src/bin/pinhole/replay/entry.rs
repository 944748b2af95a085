//! One line of an access log, as far as a policy could look at it.
//!
//! Does not belong here: how any format writes it (`format`), what a policy makes of it (`judge`).

use std::borrow::Cow;

/// Bytes of a log, as they are or with their escapes undone.
pub type Text<'l> = Cow<'l, [u8]>;

/// A request and what became of it, as its log tells.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Entry<'l> {
    /// The method.
    pub method: Text<'l>,
    /// Path and query.
    pub target: Text<'l>,
    /// The host that was asked for, where the log has it.
    pub host: Option<Text<'l>>,
    /// When, in seconds since 1970, where that can be read.
    pub at: Option<u64>,
    /// The status that was answered; `None` where there was no answer.
    pub status: Option<u16>,
    /// Whether Envoy wrote the line: then pinhole may have kept the query of a signed URL out of it.
    pub by_envoy: bool,
    /// Whether the log tells of a body.
    pub has_body: bool,
    /// Headers that the log has; `None` for one that it would have and the request did not.
    pub headers: Vec<(&'static str, Option<Text<'l>>)>,
}

/// Why a line is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is of another form.
    #[error("not a line of {0}")]
    Form(&'static str),
    /// It is a line of the format, and its request is none.
    #[error("no request in it, but `{0}`")]
    NoRequest(String),
    /// It lacks something that is needed.
    #[error("no {0}")]
    Missing(&'static str),
    /// It is longer than is read.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// No line before it has told what the format is.
    #[error("of no known format; `--format` tells which one it is")]
    NoFormat,
}

/// A field that may stand there as `-`, which means that there was nothing.
pub fn given(field: &[u8]) -> Option<&[u8]> {
    Some(field).filter(|field| !field.is_empty() && *field != b"-")
}

/// A status: three digits. `0` and `000` stand for no answer.
pub fn status(field: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(field).ok()?;
    text.parse().ok().filter(|status| (100..=999).contains(status))
}

/// The parts of a request line: method, host if the target has one, target.
pub fn request_line(line: Text<'_>) -> Result<(Text<'_>, Option<Text<'_>>, Text<'_>), Unread> {
    let shown = || Unread::NoRequest(crate::screen::shown(&line, 40));
    let first = line.iter().position(|byte| *byte == b' ').ok_or_else(shown)?;
    let (method, rest) = line.split_at_checked(first).ok_or_else(shown)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    // HTTP/0.9 has no version, and nobody speaks it.
    let last = rest.iter().rposition(|byte| *byte == b' ').ok_or_else(shown)?;
    let (target, version) = rest.split_at_checked(last).ok_or_else(shown)?;
    let is_method = !method.is_empty() && method.iter().all(|byte| byte.is_ascii_alphabetic());
    if !is_method || !version.starts_with(b" HTTP/") || target.is_empty() {
        return Err(shown());
    }
    let (host, target) = absolute(target);
    let own = |bytes: &[u8]| Cow::Owned(bytes.to_vec());
    Ok((own(method), host.map(own), own(target)))
}

/// Takes the host off a target in absolute form, as proxies are sent it (RFC 9112 3.2.2).
fn absolute(target: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = target.strip_prefix(b"http://").or(target.strip_prefix(b"https://")) else {
        return (None, target);
    };
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    match rest.split_at_checked(end) {
        Some((host, b"")) => (Some(host), b"/"),
        Some((host, target)) => (Some(host), target),
        None => (None, target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_is_taken_apart_and_what_is_none_is_told() {
        let parts = |line: &'static str| {
            request_line(Cow::Borrowed(line.as_bytes())).map(|(method, host, target)| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                (text(&method), host.map(|host| text(&host)), text(&target))
            })
        };
        let good = |method: &str, host: Option<&str>, target: &str| {
            Ok((method.to_owned(), host.map(str::to_owned), target.to_owned()))
        };
        assert_eq!(parts("GET /a?b HTTP/1.1"), good("GET", None, "/a?b"));
        assert_eq!(parts("GET /a b HTTP/1.1"), good("GET", None, "/a b"));
        assert_eq!(parts("GET http://h:80/a HTTP/1.1"), good("GET", Some("h:80"), "/a"));
        assert_eq!(parts("GET https://h HTTP/1.1"), good("GET", Some("h"), "/"));
        for line in ["-", "", "GET", "GET /a", "\x16\x03\x01 a b", "GET  HTTP/1.1"] {
            assert!(matches!(parts(line), Err(Unread::NoRequest(_))), "{line:?}");
        }
    }

    #[test]
    fn a_status_is_three_digits() {
        assert_eq!(
            [&b"200"[..], b"000", b"0", b"-", b"2 0"].map(status),
            [Some(200), None, None, None, None]
        );
    }
}
