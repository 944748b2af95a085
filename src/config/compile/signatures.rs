//! Compiles signing keys, and what routes ask of signatures.
//!
//! INVARIANT: a route with `signature` has at least one key, so that it never serves an unsigned URL
//! for want of one.

use std::collections::BTreeMap;

use super::Findings;
use super::upstreams::secret_of;
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{RawSignature, RawSigning, Whole};
use crate::options::OptionName;
use crate::policy::query::QueryLimits;
use crate::policy::route::SignatureRule;
use crate::signature::key::{KeyId, SigningKey};
use crate::signature::{KeyRing, Terms};

/// The keys of the policy.
pub(super) type Keys = BTreeMap<KeyId, SigningKey>;

/// Compiles the keys.
pub(super) fn keys(findings: &mut Findings<'_>, place: &Place, raw: RawSigning) -> Keys {
    let RawSigning { keys } = raw;
    let place = place.key("keys");
    let raw = findings.required(keys, &place, "an object with at least one key").unwrap_or_default();
    let mut keys = Keys::new();
    for (name, raw) in raw {
        let place = place.key(&name);
        let id = KeyId::parse(&name);
        if id.is_none() {
            let wanted = "1 to 32 letters, digits, `-` and `_`";
            findings.note(ConfigError::new(place.clone(), format!("the name {}", quote(&name)), wanted));
        }
        let Some(secret) = secret_of(findings, &place, raw) else { continue };
        findings.unique_key(&place, &secret);
        let key = SigningKey::from_hex(&secret);
        if key.is_none() {
            let wanted = "at least 64 hexadecimal digits, such as `pinhole keygen` prints";
            findings.note(ConfigError::new(place, "a key that is something else", wanted));
        }
        keys.extend(id.zip(key));
    }
    keys
}

/// Compiles what a route asks.
pub(super) fn signature(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawSignature,
    known: &Keys,
    query: &QueryLimits,
) -> Option<SignatureRule> {
    let RawSignature { keys, free, max_life } = raw;
    let own = match keys {
        None => known.clone(),
        Some(names) => {
            let mut own = Keys::new();
            for (index, name) in names.iter().enumerate() {
                let Some(name) = name else { continue };
                match known.iter().find(|(id, _)| id.as_str() == name) {
                    Some((id, key)) => own.extend([(id.clone(), key.clone())]),
                    None => {
                        let place = place.key("keys").index(index);
                        let defined = known.keys().map(KeyId::as_str);
                        findings.note(ConfigError::undefined(place, name, "signing.keys", defined));
                    }
                }
            }
            own
        }
    };
    let mut options = Vec::new();
    for (index, name) in free.iter().flatten().enumerate() {
        let Some(name) = name else { continue };
        let named: Vec<&str> = query.iter().map(|(option, _)| option.name()).collect();
        match OptionName::named(name).filter(|option| query.get(*option).is_some()) {
            Some(option) => options.push(option),
            None => {
                let place = place.key("free").index(index);
                findings.note(ConfigError::undefined(place, name, "query", named));
            }
        }
    }
    let wanted = "the longest life of a URL in seconds, such as 86400";
    let max_life = findings.required(max_life, &place.key("max_life"), wanted);
    let ring = KeyRing::new(own);
    if ring.is_none() {
        findings.note(ConfigError::new(place.clone(), "no key", "at least one key in `signing.keys`"));
    }
    let Whole(max_life) = max_life?;
    Some(SignatureRule { ring: ring?, terms: Terms { free: options, max_life } })
}
