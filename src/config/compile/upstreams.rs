//! Compiles what requests are sent to: origins and the gate. What opens an origin is the business of
//! `credentials`, the resizer that of `resizers`.

use std::collections::BTreeMap;

use super::{Findings, credentials, name_of};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{OriginAuth, RawGate, RawOrigin, RawSecret, Table};
use crate::origin::{BaseUrl, Cluster, Disclosure, Origin, Sharing};
use crate::policy::supply::{Gate, Marks};
use crate::seal::{SealKey, SealKeys};
use crate::secret::Secret;

pub(super) fn origins(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Table<RawOrigin>,
) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    if raw.is_empty() {
        findings.note(ConfigError::missing(place.clone(), "an object with at least one origin"));
    }
    for (name, raw) in raw {
        let place = place.key(&name);
        name_of(findings, &place, &name);
        if let Some(origin) = origin(findings, &place, name.clone(), raw) {
            origins.insert(name, origin);
        }
    }
    origins
}

fn origin(findings: &mut Findings<'_>, place: &Place, name: String, raw: RawOrigin) -> Option<Origin> {
    let RawOrigin { url, cluster, credentials, origin_auth, last_modified } = raw;
    let url = base_url(findings, &place.key("url"), url);
    let cluster = cluster_of(findings, &place.key("cluster"), cluster);
    let (credentials, forward) = credentials
        .map(|raw| credentials::credentials(findings, &place.key("credentials"), raw))
        .unwrap_or_default();
    let sharing = match origin_auth {
        Some(OriginAuth::SharePublicly) => Sharing::SharePublicly,
        None => Sharing::Private,
    };
    let disclosure = Disclosure { sharing, last_modified: last_modified.unwrap_or_default() };
    Some(Origin::new(name, url?, cluster?, credentials, forward, disclosure))
}

pub(super) fn gate(findings: &mut Findings<'_>, place: &Place, raw: RawGate) -> Option<Gate> {
    let RawGate { url, seal_key, previous_seal_key, private_sources } = raw;
    let url = base_url(findings, &place.key("url"), url);
    if let Some(url) = url.as_ref().filter(|url| !url.base().is_empty()) {
        let found = format!("the path {}", quote(url.base()));
        findings.note(ConfigError::new(place.key("url"), found, "a URL without a path"));
    }
    let secret = findings
        .required(seal_key, &place.key("seal_key"), SEAL_KEY_WANTED)
        .and_then(|raw| secret_of(findings, &place.key("seal_key"), raw));
    let current = secret.as_ref().and_then(|secret| seal_key_of(findings, &place.key("seal_key"), secret));
    let place = place.key("previous_seal_key");
    let has_previous = previous_seal_key.is_some();
    let previous = previous_seal_key.and_then(|raw| secret_of(findings, &place, raw));
    let previous = previous.and_then(|secret| seal_key_of(findings, &place, &secret));
    if has_previous != previous.is_some() {
        return None;
    }
    let private_sources = private_sources.unwrap_or_default();
    let marks = Marks::derive(secret?.expose())?;
    Some(Gate { url: url?.server(), private_sources, seal: SealKeys::new(current?, previous), marks })
}

const SEAL_KEY_WANTED: &str = "64 hexadecimal digits, such as `pinhole keygen` prints";

fn seal_key_of(findings: &mut Findings<'_>, place: &Place, secret: &Secret) -> Option<SealKey> {
    findings.unique_key(place, secret);
    let key = SealKey::from_hex(secret);
    if key.is_none() {
        findings.note(ConfigError::new(place.clone(), "a key that is something else", SEAL_KEY_WANTED));
    }
    key
}

fn base_url(findings: &mut Findings<'_>, place: &Place, url: Option<String>) -> Option<BaseUrl> {
    let url = findings.required(url, place, "a URL such as `https://secret.example.com/directory`")?;
    let parsed = BaseUrl::parse(&url);
    if let Err(invalid) = &parsed {
        // A URL may hold a password: its own text is not quoted.
        findings.note(ConfigError::new(place.clone(), "a URL of another form", invalid.to_string()));
    }
    parsed.ok()
}

pub(super) fn cluster_of(
    findings: &mut Findings<'_>,
    place: &Place,
    cluster: Option<String>,
) -> Option<Cluster> {
    let cluster = findings.required(cluster, place, "the name of a cluster of Envoy")?;
    let parsed = Cluster::parse(&cluster);
    if parsed.is_none() {
        findings.note(ConfigError::new(place.clone(), quote(&cluster), "1 to 256 visible ASCII characters"));
    }
    parsed
}

pub(super) fn required_secret(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Option<RawSecret>,
    wanted: &str,
) -> Option<Secret> {
    let raw = findings.required(raw, place, wanted)?;
    secret_of(findings, place, raw)
}

/// Looks a secret up.
pub(super) fn secret_of(findings: &mut Findings<'_>, place: &Place, raw: RawSecret) -> Option<Secret> {
    let RawSecret { env, value } = raw;
    match (env, value) {
        (Some(name), None) => {
            let value = (findings.environment)(&name).filter(|value| !value.is_empty());
            if value.is_none() {
                findings.note(ConfigError::unset_variable(place.key("env"), &name));
            }
            value.map(Secret::new)
        }
        (None, Some(value)) if value.is_empty() => {
            findings.note(ConfigError::missing(place.key("value"), "a secret"));
            None
        }
        (None, Some(value)) => Some(Secret::new(value)),
        (Some(_), Some(_)) => {
            findings.note(ConfigError::new(place.clone(), "both `env` and `value`", "one of the two"));
            None
        }
        (None, None) => {
            let wanted = "a secret: `{ \"env\": \"NAME\" }` or `{ \"value\": \"…\" }`";
            findings.note(ConfigError::missing(place.clone(), wanted));
            None
        }
    }
}
