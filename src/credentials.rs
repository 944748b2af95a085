//! What opens an origin: headers that the gate sets, and the names that may be among them.
//!
//! The gate builds an origin's request from nothing but the policy, so a header is either set here
//! or not sent at all. INVARIANT: a name is checked once, in [`CredentialName::parse`]; a value is a
//! [`Secret`] that a header can carry.

use crate::secret::Secret;

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
    http::HeaderValue::from_bytes(bytes).is_ok() && bytes.trim_ascii().len() == bytes.len()
}

/// The headers that open an origin.
#[derive(Debug, Default)]
pub struct Credentials {
    set: Vec<(CredentialName, Secret)>,
}

impl Credentials {
    /// Credentials that are always the same.
    pub fn of_static(set: Vec<(CredentialName, Secret)>) -> Credentials {
        Credentials { set }
    }

    /// Whether the origin is open to everybody.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.set.iter().map(|(name, value)| (name.as_str(), value))
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

    #[test]
    fn a_value_is_one_line() {
        assert!(is_header_value(&Secret::new("Bearer abc")));
        for value in ["a\r\nb", "a\n", " a", "a\0"] {
            assert!(!is_header_value(&Secret::new(value)), "{value:?}");
        }
    }
}
