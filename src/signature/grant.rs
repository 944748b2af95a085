//! Making signed URLs: for the command line and the tests; the filter only verifies.
//!
//! A grant is written as a URL without tag, and that URL is then read by the very code that verifies.
//! INVARIANT: whatever [`KeyRing::sign`] gives is accepted by [`KeyRing::verify`] until it expires,
//! where the route allows its free parameters and its life; what cannot be served is not signed.

use std::fmt::Write;

use super::claim::{Claim, EXP, FREE, KID, RESERVED, SIG};
use super::{Cause, KeyRing};
use crate::policy::rejection::Rejection;
use crate::request::path::{Part, Path};
use crate::request::query::Query;
use crate::request::spelling::spell;
use crate::request::{MOST_TARGET, parse_host};

/// What a signed URL shall grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The host. Its port is left out, since a signature does not cover it.
    pub host: String,
    /// The path, not percent-encoded.
    pub path: String,
    /// Names and values of parameters, not percent-encoded.
    pub parameters: Vec<(String, String)>,
    /// The names of the parameters that the holder of the URL may add, change and remove.
    pub free: Vec<String>,
    /// When the URL ends to be served, in seconds since 1970.
    pub exp: u64,
    /// The name of the key.
    pub kid: String,
}

/// Why a grant cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    /// There is no such key.
    #[error("there is no key `{0}`")]
    UnknownKey(String),
    /// The host is none.
    #[error("`{0}` is not a host")]
    Host(String),
    /// A name would be taken for something else in the URL.
    #[error("`{0}` cannot be the name of a parameter")]
    Name(String),
    /// No request for this URL would get as far as its signature.
    #[error("{}", .0.text())]
    Target(Rejection),
    /// The signature would be refused.
    #[error(transparent)]
    Claim(#[from] Cause),
}

impl KeyRing {
    /// The path and query of a signed URL: parameters sorted by name, `sig` last.
    pub fn sign(&self, grant: &Grant) -> Result<String, InvalidGrant> {
        let key = self.find(&grant.kid).ok_or_else(|| InvalidGrant::UnknownKey(grant.kid.clone()))?;
        let host = parse_host(grant.host.as_bytes()).ok_or_else(|| InvalidGrant::Host(grant.host.clone()))?;
        let mut target = unsigned(grant)?;
        let (path, query) = target.split_once('?').unwrap_or_default();
        Path::parse(path).map_err(InvalidGrant::Target)?;
        let query = Query::parse(Some(query)).map_err(InvalidGrant::Target)?;
        let tag = key.sign(Claim::read(&host, &target, query)?.message().as_bytes());
        write!(target, "&{SIG}={tag}").map_err(|_| InvalidGrant::Target(Rejection::PathTooLong))?;
        if target.len() > MOST_TARGET {
            return Err(InvalidGrant::Target(Rejection::PathTooLong));
        }
        Ok(target)
    }
}

/// The URL without its tag.
fn unsigned(grant: &Grant) -> Result<String, InvalidGrant> {
    // Everything that text in a name could be taken for: a parameter of the signature, the end of the
    // name, the next name in the list.
    let unclear = |name: &&String| RESERVED.contains(&name.as_str()) || name.contains('=');
    if let Some(name) = grant.parameters.iter().map(|(name, _)| name).find(unclear) {
        return Err(InvalidGrant::Name(name.clone()));
    }
    if let Some(name) = grant.free.iter().find(|name| unclear(name) || name.contains(',')) {
        return Err(InvalidGrant::Name(name.clone()));
    }

    let mut free: Vec<&str> = grant.free.iter().map(String::as_str).collect();
    free.sort_unstable();
    let free = free.join(",");
    let exp = grant.exp.to_string();
    let mut parameters: Vec<(&str, &str)> =
        grant.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    parameters.extend([(EXP, exp.as_str()), (KID, grant.kid.as_str())]);
    parameters.extend((!free.is_empty()).then_some((FREE, free.as_str())));
    parameters.sort_by_key(|(name, _)| *name);

    let mut target = String::new();
    spell(&grant.path, Part::Path, &mut target);
    for (index, (name, value)) in parameters.into_iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        spell(name, Part::Query, &mut target);
        target.push('=');
        spell(value, Part::Query, &mut target);
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::key::{KeyId, SigningKey};
    use super::*;
    use crate::secret::Secret;

    fn ring() -> KeyRing {
        let key = SigningKey::from_bytes(&Secret::new([1; 32])).unwrap();
        KeyRing::new(BTreeMap::from([(KeyId::parse("k1").unwrap(), key)])).unwrap()
    }

    fn grant() -> Grant {
        Grant {
            host: "a".into(),
            path: "/b".into(),
            parameters: Vec::new(),
            free: Vec::new(),
            exp: 1,
            kid: "k1".into(),
        }
    }

    fn pairs(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_url_is_sorted_and_ends_in_the_tag() {
        let grant = Grant {
            parameters: pairs(&[("width", "1"), ("text", "a b&c"), ("Z", "")]),
            free: vec!["width".into(), "height".into()],
            ..grant()
        };
        let target = ring().sign(&grant).unwrap();
        let (unsigned, tag) = target.split_once("&sig=").unwrap();
        assert_eq!(unsigned, "/b?Z=&exp=1&free=height,width&kid=k1&text=a%20b%26c&width=1");
        assert_eq!(tag.len(), 43);
    }

    #[test]
    fn what_cannot_be_served_is_not_signed() {
        let ring = ring();
        let signed = |change: &dyn Fn(&mut Grant)| {
            let mut grant = grant();
            change(&mut grant);
            ring.sign(&grant)
        };
        for path in ["", "a", "//a", "/a//b", "/../a", "/a\\b", "/a?b", "/a%41", "/a\nb"] {
            let refused = signed(&|grant| grant.path = path.into());
            assert!(matches!(refused, Err(InvalidGrant::Target(_))), "{path}: {refused:?}");
        }
        for host in ["", "a b", "a\n/b", "user@a", "a.", "[::g]"] {
            assert_eq!(signed(&|grant| grant.host = host.into()), Err(InvalidGrant::Host(host.into())));
        }
        for name in ["exp", "kid", "free", "sig", "a=b"] {
            let parameter = pairs(&[(name, "1")]);
            let want = Err(InvalidGrant::Name(name.into()));
            assert_eq!(signed(&|grant| grant.parameters = parameter.clone()), want);
            assert_eq!(signed(&|grant| grant.free = vec![name.into()]), want);
        }
        for parameters in [pairs(&[("a", "1\nb=2")]), pairs(&[("", "1")]), pairs(&[("a", "1"), ("a", "2")])] {
            let refused = signed(&|grant| grant.parameters = parameters.clone());
            assert!(matches!(refused, Err(InvalidGrant::Target(_))), "{refused:?}");
        }
        for (free, want) in [
            (vec!["a,b".to_owned()], InvalidGrant::Name("a,b".into())),
            (vec!["a".to_owned(), "a".to_owned()], InvalidGrant::Claim(Cause::Malformed("free"))),
        ] {
            assert_eq!(signed(&|grant| grant.free = free.clone()), Err(want));
        }
        for exp in [0, 10_000_000_000, u64::MAX] {
            assert_eq!(signed(&|grant| grant.exp = exp), Err(InvalidGrant::Claim(Cause::Malformed("exp"))));
        }
        let refused = signed(&|grant| grant.path = format!("/{}", "a".repeat(1990)));
        assert!(matches!(refused, Err(InvalidGrant::Target(_))), "{refused:?}");
        let unknown = signed(&|grant| grant.kid = "k2".into());
        assert_eq!(unknown, Err(InvalidGrant::UnknownKey("k2".into())));
    }
}
