//! Where upstream requests go: [`Origin`], the hidden server of source images, and the names that
//! Envoy knows upstreams by. (An origin here is never the `Origin` header of CORS.)
//!
//! INVARIANT: scheme, authority and base path of every upstream request are those of a value of this
//! file, which only the policy document makes; [`Origin::path_of`] is the one way from a source to an
//! upstream path. `Debug` shows an origin's name in the policy and nothing else.

use std::fmt;

use crate::config::raw::LastModified;
use crate::credentials::{Credentials, Opening, Unsigned};
use crate::forwarding::ForwardRule;
use crate::request::Method;
use crate::request::path::{Path, SourcePath};

/// The two schemes of a URL in the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// Envoy's name for a group of upstream hosts: visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster(String);

impl Cluster {
    /// Takes a cluster name, if it can be the value of a header.
    pub fn parse(name: &str) -> Option<Cluster> {
        let visible = (1..=256).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        visible.then(|| Cluster(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The value of `:authority` in an upstream request: a host with an optional port.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority(String);

impl Authority {
    /// Takes an authority without user information.
    pub fn parse(text: &str) -> Option<Authority> {
        let authority: http::uri::Authority = text.parse().ok()?;
        let plain = !text.contains('@') && !authority.host().is_empty() && authority.port_u16() != Some(0);
        let port_ok = text.ends_with(authority.host()) || authority.port_u16().is_some();
        (plain && port_ok).then(|| Authority(text.to_ascii_lowercase()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A URL of the policy: scheme, authority and a base path, without query and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    base: String,
}

/// Why a text is not a [`BaseUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Neither `http://` nor `https://`.
    #[error("a URL that begins with `http://` or `https://`")]
    Scheme,
    /// No host, or something beside host and port.
    #[error("a URL with a host and an optional port, without user information")]
    Authority,
    /// A query or a fragment.
    #[error("a URL without query and fragment")]
    QueryOrFragment,
    /// A path that has more than one reading.
    #[error("a URL whose path has neither dot segments nor encoded separators")]
    Path,
}

impl BaseUrl {
    /// Takes a URL apart. A slash at its end is as good as none.
    pub fn parse(url: &str) -> Result<BaseUrl, InvalidBaseUrl> {
        let (scheme, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (Scheme::Https, rest),
            (_, Some(rest)) => (Scheme::Http, rest),
            _ => return Err(InvalidBaseUrl::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(InvalidBaseUrl::QueryOrFragment);
        }
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, path.strip_suffix('/').unwrap_or(path)),
            None => (rest, ""),
        };
        let authority = Authority::parse(authority).ok_or(InvalidBaseUrl::Authority)?;
        let mut base = String::new();
        if !path.is_empty() {
            let path = Path::parse(&format!("/{path}")).map_err(|_| InvalidBaseUrl::Path)?;
            let segments = path.as_str().trim_start_matches('/');
            base.push('/');
            SourcePath::parse(segments).map_err(|_| InvalidBaseUrl::Path)?.encode_into(&mut base);
        }
        Ok(BaseUrl { scheme, authority, base })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The path, encoded: empty, or with a slash at its beginning and none at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Scheme and authority, without a slash at the end.
    pub fn server(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority.as_str())
    }
}

/// Whether answers that were fetched with credentials may be shown to everybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// They may not: no cache keeps them.
    #[default]
    Private,
    /// The operator wrote `"origin_auth": "share-publicly"`.
    SharePublicly,
}

/// What others learn of what an origin serves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disclosure {
    /// Who may see it.
    pub sharing: Sharing,
    /// Whether visitors learn when it was changed.
    pub last_modified: LastModified,
}

/// A hidden server of source images.
pub struct Origin {
    name: String,
    url: BaseUrl,
    cluster: Cluster,
    credentials: Credentials,
    forward: ForwardRule,
    disclosure: Disclosure,
}

impl Origin {
    /// Puts an origin together.
    pub fn new(
        name: String,
        url: BaseUrl,
        cluster: Cluster,
        credentials: Credentials,
        forward: ForwardRule,
        disclosure: Disclosure,
    ) -> Origin {
        Origin { name, url, cluster, credentials, forward, disclosure }
    }

    /// Its name in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scheme, authority and base path.
    pub fn url(&self) -> &BaseUrl {
        &self.url
    }

    /// Envoy's name for it.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What opens a request for this path, which is one of [`Origin::path_of`]; see [`Credentials::open`].
    pub fn open(&self, method: Method, path: &str, now: Option<u64>) -> Option<Opening<'_>> {
        let (scheme, authority) = (self.url.scheme, self.url.authority.as_str());
        self.credentials.open(&Unsigned { method, scheme, authority, path }, now)
    }

    /// What it is given of a visitor's credentials.
    pub fn forward(&self) -> &ForwardRule {
        &self.forward
    }

    /// Whether public caches may keep what it serves: it is open, or the operator said so.
    pub fn is_public(&self) -> bool {
        let is_open = self.credentials.is_empty() && self.forward.is_empty();
        is_open || self.disclosure.sharing == Sharing::SharePublicly
    }

    /// Whether visitors learn when a source was changed.
    pub fn last_modified(&self) -> LastModified {
        self.disclosure.last_modified
    }

    /// The upstream path of a source: always below the base path.
    pub fn path_of(&self, source: &SourcePath) -> String {
        let mut path = String::with_capacity(self.url.base.len().saturating_add(source.as_str().len()));
        path.push_str(&self.url.base);
        path.push('/');
        source.encode_into(&mut path);
        path
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(…)")
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, scheme, authority, base) in [
            (
                "https://secret.example.com/hidden-directory",
                Scheme::Https,
                "secret.example.com",
                "/hidden-directory",
            ),
            ("http://127.0.0.1:9000", Scheme::Http, "127.0.0.1:9000", ""),
            ("http://Bucket.S3.example.com/", Scheme::Http, "bucket.s3.example.com", ""),
            ("https://a/b c/".replace(' ', "%20").as_str(), Scheme::Https, "a", "/b%20c"),
            ("http://[::1]:80/x", Scheme::Http, "[::1]:80", "/x"),
        ] {
            let parsed = BaseUrl::parse(url).unwrap();
            assert_eq!(
                (parsed.scheme(), parsed.authority().as_str(), parsed.base()),
                (scheme, authority, base)
            );
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for (url, why) in [
            ("ftp://a/b", InvalidBaseUrl::Scheme),
            ("secret.example.com/x", InvalidBaseUrl::Scheme),
            ("http://", InvalidBaseUrl::Authority),
            ("http:///x", InvalidBaseUrl::Authority),
            ("http://user:pass@host/x", InvalidBaseUrl::Authority),
            ("http://host:/x", InvalidBaseUrl::Authority),
            ("http://host:99999/x", InvalidBaseUrl::Authority),
            ("http://host/x?y", InvalidBaseUrl::QueryOrFragment),
            ("http://host#x", InvalidBaseUrl::QueryOrFragment),
            ("http://host/a/../b", InvalidBaseUrl::Path),
            ("http://host//b", InvalidBaseUrl::Path),
            ("http://host/a%2fb", InvalidBaseUrl::Path),
        ] {
            assert_eq!(BaseUrl::parse(url).err(), Some(why), "{url}");
        }
    }

    #[test]
    fn a_source_stays_below_the_base_path() {
        let url = BaseUrl::parse("https://secret.example.com/hidden").unwrap();
        let cluster = Cluster::parse("photos").unwrap();
        let origin = Origin::new(
            "photos".into(),
            url,
            cluster,
            Credentials::default(),
            ForwardRule::default(),
            Disclosure::default(),
        );
        let source = SourcePath::parse("2024/a b.jpg").unwrap();
        assert_eq!(origin.path_of(&source), "/hidden/2024/a%20b.jpg");
        assert_eq!(format!("{origin:?}"), "Origin(\"photos\")");
    }
}
