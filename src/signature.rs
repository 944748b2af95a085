//! Signed URLs: served only where the holder of a key said so, for a time.
//!
//! The form of a signed URL, for those who sign, is in `envoy/signed-urls.md`. The rules, in the order
//! in which they are checked:
//!
//! 1. Path and query are in their canonical spelling; `exp`, `kid`, `sig` and perhaps `free` are there
//!    once and well-formed ([`claim`]). All of that can be seen in the URL by anybody.
//! 2. The tag is that of the [message](claim) under the key that `kid` names. An unknown key costs the
//!    same time as a wrong tag.
//! 3. `free` names only what the route leaves free; the URL has not expired and does not live longer
//!    than the route allows. Only who holds a valid tag learns any of this.
//!
//! Does not belong here: the clock (a caller's, and one that fails refuses), and what the parameters
//! mean (`policy`). INVARIANT: [`KeyRing::verify`] is the only way to a [`Verified`], and everything
//! that its query holds was covered by the tag or is free by the route.

mod claim;
pub mod grant;
pub mod key;

use std::collections::BTreeMap;
use std::fmt;

use crate::options::OptionName;
use crate::request::query::Query;

use claim::{Claim, SIG};
use key::{KeyId, SigningKey, Tag};

/// The live keys. A key is retired by leaving it out.
#[derive(Debug, Clone)]
pub struct KeyRing {
    keys: BTreeMap<KeyId, SigningKey>,
    /// Any key: asked where the named one does not exist.
    decoy: SigningKey,
}

/// What a route asks of its signatures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The options that a signature may leave free. Empty means none.
    pub free: Vec<OptionName>,
    /// How far off an expiry may be, in seconds.
    pub max_life: u32,
}

/// What a valid signature grants.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    /// The query without the parameters of the signature, which is no part of what goes upstream.
    pub query: Query,
    /// The seconds until the expiry, at least 1. No cache may keep the answer for longer.
    pub life: u32,
}

/// A signature was refused. The visitor gets the same answer whatever the cause was, so it compares
/// equal to nothing and its `Debug` says nothing.
pub struct Refused {
    cause: Cause,
}

impl Refused {
    /// Why: for the operator only, who holds the keys. Never for an answer, nor for a header of one.
    pub fn for_operator(&self) -> Cause {
        self.cause
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused(…)")
    }
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Refused {
        Refused { cause }
    }
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// An escape that is not needed, or in lower case.
    #[error("the path or the query is not in its canonical spelling")]
    Spelling,
    /// A parameter of the signature is absent.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter of the signature is not of its form.
    #[error("the parameter `{0}` is malformed")]
    Malformed(&'static str),
    /// The key does not exist.
    #[error("no key has the name that `kid` gives")]
    UnknownKey,
    /// The tag is not that of this URL.
    #[error("`sig` was not made for this URL with this key")]
    WrongTag,
    /// The route does not leave free what the signature does.
    #[error("`free` names a parameter that the route does not leave free")]
    NotFree,
    /// There is no clock.
    #[error("the time is not known")]
    NoClock,
    /// It is too late.
    #[error("the URL has expired")]
    Expired,
    /// The expiry is further away than the route allows.
    #[error("`exp` is further away than the route allows")]
    TooFar,
}

impl KeyRing {
    /// A ring of at least one key. `None` if there is none: such a ring would refuse everything.
    pub fn new(keys: BTreeMap<KeyId, SigningKey>) -> Option<KeyRing> {
        let decoy = keys.values().next()?.clone();
        Some(KeyRing { keys, decoy })
    }

    /// Verifies the signature of a request: `host` and `target` as in [`crate::request::Request`],
    /// `query` the target's query taken apart, `now` in seconds since 1970.
    pub fn verify(
        &self,
        host: &str,
        target: &str,
        mut query: Query,
        terms: &Terms,
        now: Option<u64>,
    ) -> Result<Verified, Refused> {
        let tag = query.take(SIG).ok_or(Cause::Missing(SIG))?;
        let tag = Tag::parse(&tag).ok_or(Cause::Malformed(SIG))?;
        let claim = Claim::read(host, target, query)?;
        self.check_tag(&claim, &tag)?;
        if !claim.free().all(|name| OptionName::named(name).is_some_and(|name| terms.free.contains(&name))) {
            return Err(Cause::NotFree.into());
        }
        let life = life(claim.expires(), terms.max_life, now)?;
        Ok(Verified { query: claim.into_query(), life })
    }

    /// The names of the keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(KeyId::as_str)
    }

    fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.keys.get(kid)
    }

    fn check_tag(&self, claim: &Claim<'_>, tag: &Tag) -> Result<(), Cause> {
        let key = self.find(claim.kid());
        // Before it is known whether the key exists, so that both cases take the same time.
        let valid = key.unwrap_or(&self.decoy).verify(claim.message().as_bytes(), tag);
        match key {
            None => Err(Cause::UnknownKey),
            Some(_) if !valid => Err(Cause::WrongTag),
            Some(_) => Ok(()),
        }
    }
}

/// The seconds that are left: at least 1, at most `max_life`.
fn life(expires: u64, max_life: u32, now: Option<u64>) -> Result<u32, Cause> {
    let now = now.ok_or(Cause::NoClock)?;
    let left = expires.checked_sub(now).filter(|left| *left > 0).ok_or(Cause::Expired)?;
    u32::try_from(left).ok().filter(|left| *left <= max_life).ok_or(Cause::TooFar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i35_a_life_ends_at_its_expiry_and_begins_no_earlier_than_allowed() {
        for (expires, max_life, now, want) in [
            (100, 60, Some(99), Ok(1)),
            (100, 60, Some(40), Ok(60)),
            (100, 60, Some(39), Err(Cause::TooFar)),
            (100, 60, Some(0), Err(Cause::TooFar)),
            (100, 60, Some(100), Err(Cause::Expired)),
            (100, 60, Some(101), Err(Cause::Expired)),
            (100, 60, Some(u64::MAX), Err(Cause::Expired)),
            (100, 60, None, Err(Cause::NoClock)),
            (100, 0, Some(99), Err(Cause::TooFar)),
            (9_999_999_999, u32::MAX, Some(0), Err(Cause::TooFar)),
            (1 + (1 << 32), u32::MAX, Some(0), Err(Cause::TooFar)),
            (u64::from(u32::MAX), u32::MAX, Some(0), Ok(u32::MAX)),
        ] {
            assert_eq!(life(expires, max_life, now), want, "{expires} {max_life} {now:?}");
        }
    }

    #[test]
    fn a_refusal_does_not_show_its_cause() {
        let shown: std::collections::BTreeSet<String> =
            [Cause::Spelling, Cause::Missing(SIG), Cause::Malformed(SIG), Cause::WrongTag, Cause::Expired]
                .map(|cause| format!("{:?}", Refused::from(cause)))
                .into();
        assert_eq!(shown.len(), 1);
    }

    #[test]
    fn a_ring_has_a_key() {
        assert!(KeyRing::new(BTreeMap::new()).is_none());
    }
}
