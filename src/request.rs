//! A request as received, read once: method, host, path, query and the few headers that matter.
//!
//! Everything here is parsed from bytes that a stranger chose; whatever is in doubt is refused.
//! The rules, in the order in which they are checked:
//!
//! 1. `:method`, `:authority` and `:path` occur exactly once each, and `:method` is `GET` or `HEAD`.
//! 2. There is no body, no `upgrade` and no `expect`.
//! 3. The authority is a host name or address with an optional port, and nothing else.
//! 4. `:path` is at most [`MOST_TARGET`] bytes at the edge and [`MOST_TOKEN`] at the gate, and what the
//!    edge reads parses as path and query (see [`path`], [`query`]).
//!
//! Does not belong here: what any path or query means (`policy`).

pub mod path;
pub mod query;
pub mod spelling;

use crate::policy::host;
use crate::policy::rejection::Rejection;

use path::Path;
use query::Query;

/// Longest `:path` that the edge reads, in bytes. Long enough for real file names, short enough that
/// the sealed source fits into the 8 KiB request line that resizers and origins commonly accept.
pub const MOST_TARGET: usize = 2048;

/// Longest `:path` that the gate reads, in bytes: the token of the longest source is shorter.
pub const MOST_TOKEN: usize = 8192;

/// Header names and values as the host delivers them: lower case names, repeated names kept.
pub type Headers = [(String, Vec<u8>)];

/// All values of the header `name`, in order.
pub fn values<'a>(headers: &'a Headers, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

/// The value of the header `name`, if it occurs exactly once.
pub fn single<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    let mut all = values(headers, name);
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// The two methods that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
}

impl Method {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
        }
    }
}

/// What stands around the target: the parts of a request that both roles check alike.
#[derive(Debug)]
pub struct Request<'a> {
    method: Method,
    host: String,
    target: &'a str,
    headers: &'a Headers,
}

impl<'a> Request<'a> {
    /// Reads the headers. `ends` says that no body and no trailers follow them; `most` is the longest
    /// `:path` in bytes.
    pub fn parse(headers: &'a Headers, ends: bool, most: usize) -> Result<Request<'a>, Rejection> {
        let method = match single(headers, ":method").ok_or(Rejection::MalformedRequest)? {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            _ => return Err(Rejection::MethodNotAllowed),
        };
        if !ends || ["upgrade", "expect"].iter().any(|name| values(headers, name).next().is_some()) {
            return Err(Rejection::BodyNotAllowed);
        }
        let host = single(headers, ":authority").and_then(parse_host).ok_or(Rejection::MalformedHost)?;
        let target = single(headers, ":path").ok_or(Rejection::MalformedRequest)?;
        if target.len() > most {
            return Err(Rejection::PathTooLong);
        }
        let target =
            std::str::from_utf8(target).map_err(|error| match target.get(..error.valid_up_to()) {
                Some(before) if before.contains(&b'?') => Rejection::MalformedQuery,
                _ => Rejection::MalformedPath,
            })?;
        Ok(Request { method, host, target, headers })
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The host of the authority: lower case, without port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `:path` as received.
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// All headers as received.
    pub fn headers(&self) -> &'a Headers {
        self.headers
    }

    /// The path, decoded.
    pub fn path(&self) -> Result<Path, Rejection> {
        Path::parse(self.raw_path())
    }

    /// The path as received.
    pub fn raw_path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The first parameter that the query has twice, to name it in a refusal.
    pub fn repeated_parameter(&self) -> Option<String> {
        Query::repeated(self.target.split_once('?')?.1)
    }

    /// The query, decoded.
    pub fn query(&self) -> Result<Query, Rejection> {
        Query::parse(self.target.split_once('?').map(|(_, query)| query))
    }
}

/// The host of an authority, in lower case: RFC 3986 `reg-name` of the characters DNS uses, or an
/// address. One trailing dot is refused rather than removed, since it names the same host twice.
pub fn parse_host(authority: &[u8]) -> Option<String> {
    let authority = std::str::from_utf8(authority).ok()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, after.strip_prefix(':').or(after.is_empty().then_some("0"))?)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, port),
            None => (authority, "0"),
        },
    };
    let bracketed = authority.starts_with('[');
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    let port_ok = digits && port.parse::<u16>().is_ok();
    ((bracketed || host::is_name(host)) && port_ok).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn hosts_are_read_without_port_and_in_lower_case() {
        for (authority, want) in [
            ("Example.COM", Some("example.com")),
            ("example.com:443", Some("example.com")),
            ("127.0.0.1:10000", Some("127.0.0.1")),
            ("[::1]:80", Some("::1")),
            ("[::1]", Some("::1")),
            ("", None),
            ("example.com.", None),
            ("a,b", None),
            ("user@host", None),
            ("host:", None),
            ("host:99999", None),
            ("host:80:80", None),
            ("[::1", None),
            ("[nonsense]", None),
            ("[::1]x", None),
            ("ho st", None),
            ("h/../x", None),
        ] {
            assert_eq!(parse_host(authority.as_bytes()).as_deref(), want, "{authority}");
        }
    }

    #[test]
    fn i25_pseudo_headers_occur_exactly_once() {
        let good = [(":method", "GET"), (":authority", "a"), (":path", "/")];
        assert!(Request::parse(&headers(&good), true, MOST_TARGET).is_ok());
        for index in 0..good.len() {
            let mut fewer = good.to_vec();
            let removed = fewer.remove(index);
            assert!(Request::parse(&headers(&fewer), true, MOST_TARGET).is_err(), "without {removed:?}");
            let mut more = good.to_vec();
            more.push(good[index]);
            assert!(Request::parse(&headers(&more), true, MOST_TARGET).is_err(), "twice {removed:?}");
        }
    }

    #[test]
    fn bodies_upgrades_and_other_methods_are_refused() {
        let with = |extra: (&'static str, &'static str), ends| {
            let pairs = [(":method", "GET"), (":authority", "a"), (":path", "/"), extra];
            Request::parse(&headers(&pairs), ends, MOST_TARGET).map(|request| request.method())
        };
        assert_eq!(with(("accept", "*/*"), true), Ok(Method::Get));
        assert_eq!(with(("accept", "*/*"), false), Err(Rejection::BodyNotAllowed));
        assert_eq!(with(("upgrade", "websocket"), true), Err(Rejection::BodyNotAllowed));
        assert_eq!(with(("expect", "100-continue"), true), Err(Rejection::BodyNotAllowed));
        let post = headers(&[(":method", "POST"), (":authority", "a"), (":path", "/")]);
        assert_eq!(Request::parse(&post, true, MOST_TARGET).map(|_| ()), Err(Rejection::MethodNotAllowed));
        let lower = headers(&[(":method", "get"), (":authority", "a"), (":path", "/")]);
        assert_eq!(Request::parse(&lower, true, MOST_TARGET).map(|_| ()), Err(Rejection::MethodNotAllowed));
    }
}
