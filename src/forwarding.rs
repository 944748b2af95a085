//! Visitor credentials that an origin is given: which ones, and taking them out of a request.
//!
//! The rules:
//!
//! 1. A header or cookie is forwarded only if the origin's list names it exactly. An empty list
//!    forwards nothing, and there is no wildcard: `x_amz_date` is not `x-amz-date`.
//! 2. A header that the `connection` header nominates belongs to one hop (RFC 9110 7.6.1) and counts
//!    as absent.
//! 3. A credential occurs once. Which of two the origin would believe nobody knows, so both are refused.
//!
//! Forwarded values travel inside the sealed source: no resizer sees them. INVARIANT: nothing leaves
//! [`ForwardRule::collect`] that the list does not name, and the gate asks the list again.

use crate::credentials::{CredentialName, is_header_value};
use crate::policy::rejection::Rejection;
use crate::request::{Headers, values};
use crate::secret::Secret;

/// The headers that Cloudflare's `origin-auth: share-publicly` passes, and the one that AWS demands
/// beside them for temporary credentials.
pub const SHARE_PUBLICLY: [&str; 10] = [
    "authorization",
    "cookie",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-ms-date",
    "x-ms-version",
    "x-sa-date",
    "cf-access-client-id",
    "cf-access-client-secret",
];

/// The name of a cookie (RFC 6265 4.1.1: a token).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieName(String);

impl CookieName {
    /// Takes a cookie's name.
    pub fn parse(name: &str) -> Option<CookieName> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
        ((1..=128).contains(&name.len()) && name.bytes().all(token)).then(|| CookieName(name.to_owned()))
    }
}

/// What an origin is given of a visitor's request.
#[derive(Debug, Default)]
pub struct ForwardRule {
    headers: Vec<CredentialName>,
    cookies: Vec<CookieName>,
}

/// Names and values of forwarded headers.
pub type Forwarded = Vec<(CredentialName, Secret)>;

impl ForwardRule {
    /// Takes the names. Cookies are looked at one by one unless `cookie` is among the headers.
    pub fn new(headers: Vec<CredentialName>, cookies: Vec<CookieName>) -> ForwardRule {
        ForwardRule { headers, cookies }
    }

    /// Whether nothing is forwarded.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.cookies.is_empty()
    }

    /// Whether a header of this name may be forwarded.
    pub fn allows(&self, name: &CredentialName) -> bool {
        self.headers.contains(name) || (name.as_str() == "cookie" && !self.cookies.is_empty())
    }

    /// The names of the headers that may be forwarded.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let cookie = (!self.cookies.is_empty()).then_some("cookie");
        self.headers.iter().map(CredentialName::as_str).chain(cookie)
    }

    /// What a request has of the listed credentials.
    pub fn collect(&self, headers: &Headers) -> Result<Forwarded, Rejection> {
        let mut forwarded = Forwarded::new();
        for name in &self.headers {
            if is_nominated(headers, name.as_str()) {
                continue;
            }
            let value = match name.as_str() {
                // HTTP/2 clients split cookies over several fields; joined they are one (RFC 9113 8.2.3).
                "cookie" => join_cookies(headers),
                name => once(values(headers, name))?.map(<[u8]>::to_vec),
            };
            forwarded.extend(value.map(|value| (name.clone(), Secret::new(value))));
        }
        if let Some(cookies) = self.pick_cookies(headers)? {
            let name = CredentialName::parse("cookie").ok_or(Rejection::MalformedCredential)?;
            forwarded.push((name, Secret::new(cookies)));
        }
        if forwarded.iter().all(|(_, value)| is_header_value(value)) {
            Ok(forwarded)
        } else {
            Err(Rejection::MalformedCredential)
        }
    }

    /// The listed cookies as one header value, in the order of the list.
    fn pick_cookies(&self, headers: &Headers) -> Result<Option<Vec<u8>>, Rejection> {
        if is_nominated(headers, "cookie") {
            return Ok(None);
        }
        let mut picked = Vec::new();
        for CookieName(name) in &self.cookies {
            let named =
                cookies(headers).filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value);
            if let Some(value) = once(named)? {
                picked.push([name.as_bytes(), b"=", value].concat());
            }
        }
        Ok((!picked.is_empty()).then(|| picked.join(b"; ".as_slice())))
    }
}

/// The only value; none if there is none; a refusal if there are several.
fn once<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Rejection> {
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Rejection::RepeatedCredential),
    }
}

/// All cookies of a request, names and values.
fn cookies(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pairs =
        values(headers, "cookie").flat_map(|value| value.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    pairs.filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        Some((name, value.get(1..)?))
    })
}

fn join_cookies(headers: &Headers) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = values(headers, "cookie").collect();
    (!all.is_empty()).then(|| all.join(b"; ".as_slice()))
}

/// Whether the `connection` header makes this header one of the hop.
fn is_nominated(headers: &Headers, name: &str) -> bool {
    let nominated = values(headers, "connection").flat_map(|value| value.split(|byte| *byte == b','));
    nominated.map(<[u8]>::trim_ascii).any(|other| other.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(headers: &[&str], cookies: &[&str]) -> ForwardRule {
        let headers = headers.iter().map(|name| CredentialName::parse(name).unwrap()).collect();
        ForwardRule::new(headers, cookies.iter().map(|name| CookieName::parse(name).unwrap()).collect())
    }

    #[track_caller]
    fn check(rule: &ForwardRule, request: &[(&str, &str)], want: Result<&[(&str, &str)], Rejection>) {
        let headers: Vec<_> = request.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
        let got = rule.collect(&headers).map(|forwarded| {
            let text = |value: &Secret| String::from_utf8(value.expose().to_vec()).unwrap();
            forwarded.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect::<Vec<_>>()
        });
        let want =
            want.map(|want| want.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>());
        assert_eq!(got, want, "{request:?}");
    }

    #[test]
    fn an_empty_list_forwards_nothing() {
        let all: Vec<_> = SHARE_PUBLICLY.iter().map(|name| (*name, "canary")).collect();
        check(&rule(&[], &[]), &all, Ok(&[]));
    }

    #[test]
    fn operators_are_told_the_names() {
        assert_eq!(rule(&["b", "a"], &[]).names().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(rule(&["a"], &["session"]).names().collect::<Vec<_>>(), ["a", "cookie"]);
    }

    #[test]
    fn i20_names_are_exact_but_for_their_case() {
        let rule = rule(&["authorization", "x-amz-date"], &[]);
        check(&rule, &[("Authorization", "a"), ("x_amz_date", "b")], Ok(&[("authorization", "a")]));
        check(&rule, &[("x-amz-date ", "b"), ("x-amz-dat", "b"), ("xx-amz-date", "b")], Ok(&[]));
    }

    #[test]
    fn i19_a_credential_occurs_once_and_is_one_line() {
        let rule = rule(&["authorization"], &[]);
        check(&rule, &[("authorization", "a"), ("AUTHORIZATION", "b")], Err(Rejection::RepeatedCredential));
        check(&rule, &[("authorization", "a\r\nb: c")], Err(Rejection::MalformedCredential));
    }

    #[test]
    fn i21_what_belongs_to_the_hop_stays_there() {
        let rule = rule(&["authorization", "cookie"], &[]);
        let request = [("authorization", "a"), ("cookie", "b=1"), ("connection", "close, Authorization")];
        check(&rule, &request, Ok(&[("cookie", "b=1")]));
        let request = [("cookie", "b=1"), ("connection", "cookie")];
        check(&self::rule(&[], &["b"]), &request, Ok(&[]));
    }

    #[test]
    fn cookies_are_forwarded_whole_or_by_name() {
        let request = [("cookie", "a=1; session=s; b=2"), ("cookie", "c=3")];
        check(&rule(&["cookie"], &[]), &request, Ok(&[("cookie", "a=1; session=s; b=2; c=3")]));
        check(&rule(&[], &["session", "c"]), &request, Ok(&[("cookie", "session=s; c=3")]));
        check(&rule(&[], &["sessio", "SESSION"]), &request, Ok(&[]));
        let twice = [("cookie", "session=a; session=b")];
        check(&rule(&[], &["session"]), &twice, Err(Rejection::RepeatedCredential));
    }
}
