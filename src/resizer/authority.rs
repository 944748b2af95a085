//! With which `:authority` a resizer is asked: the one that the policy gives it, or the visitor's host.
//!
//! The second is for proxies that bind a virtual host to its host, as Istio and Envoy Gateway do: after a rewritten
//! authority Envoy finds no virtual host, so there the route rewrites it. INVARIANT: what is kept is the host as the
//! request was parsed, without its port, and never its text; every route of such a policy lists its hosts, so the
//! policy still says which ones can be sent.

use std::borrow::Cow;

use crate::origin::Authority;

/// The word for it in a policy. A host of that name can be written with its port.
const KEEP: &str = "keep";

/// With which `:authority` a resizer is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedWith {
    /// This one.
    Own(Authority),
    /// The host that the visitor asked for.
    Kept,
}

impl AskedWith {
    /// Takes `keep`, or an authority.
    pub fn parse(text: &str) -> Option<AskedWith> {
        if text == KEEP { Some(AskedWith::Kept) } else { Authority::parse(text).map(AskedWith::Own) }
    }

    /// The authority for a visitor of this host, in the form of [`crate::request::Request::host`]. `None` for an
    /// address, which no route lists.
    pub fn for_host(&self, host: &str) -> Option<Cow<'_, Authority>> {
        match self {
            AskedWith::Own(authority) => Some(Cow::Borrowed(authority)),
            AskedWith::Kept => Authority::parse(host).map(Cow::Owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a policy's word makes of a visitor's host.
    fn asked_with(word: &str, host: &str) -> Option<String> {
        AskedWith::parse(word)?.for_host(host).map(|authority| authority.as_str().to_owned())
    }

    #[test]
    fn only_keep_keeps_the_visitors_host() {
        for (word, host, want) in [
            ("keep", "img.example.com", Some("img.example.com")),
            ("keep", "a_b.example.com", Some("a_b.example.com")),
            ("keep", "127.0.0.1", Some("127.0.0.1")),
            ("keep", "::1", None),
            ("keep", "", None),
            ("keep:80", "img.example.com", Some("keep:80")),
            ("Keep", "img.example.com", Some("keep")),
            ("resizer.internal:8080", "img.example.com", Some("resizer.internal:8080")),
            ("user@host", "img.example.com", None),
        ] {
            assert_eq!(asked_with(word, host).as_deref(), want, "{word}: {host}");
        }
    }
}
