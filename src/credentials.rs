//! What opens an origin: headers that the gate sets, and the [`Scheme`] by which it signs each request.
//!
//! The gate builds an origin's request from nothing but the policy, so a header is either made here or
//! not sent at all. A scheme is a file: [`aws`], [`azure`], [`secure_auth`]; it is handed the request as
//! it goes out and the time, and gives headers. INVARIANTS: a header's name is checked once, in
//! [`CredentialName::parse`]; a value is a [`Secret`] that a header can carry; what cannot be signed,
//! for want of a clock, is not sent.
//!
//! Keys are rotated at the origin: it accepts the old key and the new one while policies are replaced,
//! and each request is signed with the one key that the policy has. So there is no list of keys here.

pub mod aws;
pub mod azure;
pub mod mac;
pub mod moment;
pub mod secure_auth;
pub mod word;

use std::borrow::Cow;

use crate::origin;
use crate::request::Method;
use crate::secret::Secret;

use moment::Moment;
use word::Word;

/// The lower-case name of a header that may carry a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialName(http::HeaderName);

/// Headers that belong to one hop of a connection (RFC 9110 7.6.1), to the message's framing, or to
/// the proxies: a credential under such a name would change what the request is.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Prefixes of names that Envoy and pinhole keep for themselves.
const RESERVED_PREFIXES: &[&str] = &["x-envoy-", "x-pinhole-", "x-forwarded-"];

impl CredentialName {
    /// Takes a header name that can carry a credential.
    pub fn parse(name: &str) -> Option<CredentialName> {
        let name: http::HeaderName = name.parse().ok()?;
        // RFC 9110 allows `*` in a name; here it would be read as a wildcard, and there is none.
        let reserved = name.as_str().contains('*')
            || RESERVED.contains(&name.as_str())
            || RESERVED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
        (!reserved).then_some(CredentialName(name))
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Whether a header can carry this value: no line breaks or other controls, no blanks at its ends.
pub fn is_header_value(secret: &Secret) -> bool {
    let bytes = secret.expose();
    // RFC 9110 5.5 allows a tab, but no credential needs one, and what servers make of it is in doubt.
    let is_plain = http::HeaderValue::from_bytes(bytes).is_ok() && !bytes.contains(&b'\t');
    is_plain && bytes.trim_ascii().len() == bytes.len()
}

/// Headers that are the same on every request.
pub type Static = Vec<(CredentialName, Secret)>;

/// How requests to an origin are signed.
#[derive(Default)]
pub enum Scheme {
    /// They are not.
    #[default]
    Unsigned,
    /// AWS Signature Version 4.
    Aws(aws::Key),
    /// The key of an Azure storage account.
    AzureSharedKey(azure::SharedKey),
    /// A query that opens an Azure container.
    AzureSas(azure::Sas),
    /// SecureAuth's HMAC.
    SecureAuth(secure_auth::Key),
}

impl Scheme {
    /// The headers that it may write, which nobody else may.
    pub fn headers(&self) -> &'static [&'static str] {
        match self {
            Scheme::Unsigned | Scheme::AzureSas(_) => &[],
            Scheme::Aws(_) => aws::HEADERS,
            Scheme::AzureSharedKey(_) => azure::HEADERS,
            Scheme::SecureAuth(_) => secure_auth::HEADERS,
        }
    }
}

/// What opens an origin.
#[derive(Default)]
pub struct Credentials {
    set: Static,
    scheme: Scheme,
}

/// A request to an origin as it goes out, but for what opens it.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    /// The method.
    pub method: Method,
    /// The scheme of its URL.
    pub scheme: origin::Scheme,
    /// `:authority`.
    pub authority: &'a str,
    /// `:path`, encoded, without a query.
    pub path: &'a str,
}

/// What opens one request.
#[derive(Default)]
pub struct Opening<'p> {
    /// The whole query, without its question mark.
    pub query: Option<&'p Word>,
    /// Header names and values.
    pub headers: Vec<(&'p str, Cow<'p, Secret>)>,
}

impl Credentials {
    /// Credentials that are always the same.
    pub fn of_static(set: Static) -> Credentials {
        Credentials { set, scheme: Scheme::Unsigned }
    }

    /// Headers that are always the same, and a scheme that writes others.
    pub fn new(set: Static, scheme: Scheme) -> Credentials {
        Credentials { set, scheme }
    }

    /// Whether the origin is open to everybody.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && matches!(self.scheme, Scheme::Unsigned)
    }

    /// Whether each request is signed by itself.
    pub fn signs(&self) -> bool {
        !matches!(self.scheme, Scheme::Unsigned)
    }

    /// What opens this request. `now` is the time in seconds since 1970; `None` where a signature needs
    /// it and it is not known.
    pub fn open(&self, request: &Unsigned<'_>, now: Option<u64>) -> Option<Opening<'_>> {
        let moment = || now.and_then(Moment::new);
        let (query, signed) = match &self.scheme {
            Scheme::Unsigned => (None, Vec::new()),
            Scheme::AzureSas(sas) => (Some(sas.query()), Vec::new()),
            Scheme::Aws(key) => (None, key.sign(request, &self.set, moment()?)?),
            Scheme::AzureSharedKey(key) => (None, key.sign(request, &self.set, moment()?)?),
            Scheme::SecureAuth(key) => (None, key.sign(request, moment()?)),
        };
        let fixed = self.set.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value)));
        let signed = signed.into_iter().map(|(name, value)| (name, Cow::Owned(value)));
        Some(Opening { query, headers: fixed.chain(signed).collect() })
    }
}

// Not derived: schemes hold expanded keys.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_a_name_of_its_own() {
        assert_eq!(CredentialName::parse("Authorization").unwrap().as_str(), "authorization");
        assert!(CredentialName::parse("x-ms-version").is_some());
        for name in
            ["", ":path", "host", "Connection", "x-envoy-retry-on", "x-pinhole-cluster", "a b", "é", "*"]
        {
            assert_eq!(CredentialName::parse(name), None, "{name}");
        }
    }

    const REQUEST: Unsigned<'_> =
        Unsigned { method: Method::Get, scheme: origin::Scheme::Http, authority: "a", path: "/b" };

    fn secure_auth() -> Scheme {
        let id = Word::parse(&Secret::new("id"), b":").unwrap();
        Scheme::SecureAuth(secure_auth::Key::new(
            id,
            mac::MacKey::from_hex(&Secret::new("ab".repeat(16))).unwrap(),
        ))
    }

    #[test]
    fn nothing_is_signed_without_a_clock() {
        let credentials = Credentials::new(Vec::new(), secure_auth());
        assert!(credentials.open(&REQUEST, None).is_none());
        assert!(credentials.open(&REQUEST, Some(u64::MAX)).is_none());
        assert_eq!(credentials.open(&REQUEST, Some(0)).unwrap().headers.len(), 2);
    }

    #[test]
    fn what_is_always_the_same_needs_no_clock() {
        let set = || vec![(CredentialName::parse("x-key").unwrap(), Secret::new("k"))];
        assert_eq!(Credentials::of_static(set()).open(&REQUEST, None).unwrap().headers.len(), 1);
        let sas = || Scheme::AzureSas(azure::Sas::parse(&Secret::new("sig=a")).unwrap());
        let credentials = Credentials::new(set(), sas());
        let opening = credentials.open(&REQUEST, None).unwrap();
        assert_eq!((opening.query.map(Word::expose), opening.headers.len()), (Some("sig=a"), 1));
        assert!(!Credentials::new(Vec::new(), sas()).is_empty() && Credentials::default().is_empty());
    }

    #[test]
    fn fixed_headers_go_beside_signed_ones() {
        let set = vec![(CredentialName::parse("x-key").unwrap(), Secret::new("k"))];
        let credentials = Credentials::new(set, secure_auth());
        let opening = credentials.open(&REQUEST, Some(0)).unwrap();
        let names: Vec<_> = opening.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["x-key", "authorization", "x-sa-date"]);
    }

    #[test]
    fn a_value_is_one_line() {
        assert!(is_header_value(&Secret::new("Bearer abc")));
        for value in ["a\r\nb", "a\n", " a", "a\0", "a\tb"] {
            assert!(!is_header_value(&Secret::new(value)), "{value:?}");
        }
    }
}
