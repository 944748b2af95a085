//! What a policy document says, as far as invariants need it: read as JSON, by nothing of `src`.
//!
//! Does not belong here: whether it is valid, which pinhole has said before.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::path;

/// The headers that `share-publicly` passes (`envoy/policy.md`).
const SHARE_PUBLICLY: &[&str] = &[
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

/// Which headers the kinds of credentials write (`envoy/origins.md`).
const WRITTEN: &[(&str, &[&str])] = &[
    ("aws", &["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"]),
    ("azure_shared_key", &["authorization", "x-ms-date", "x-ms-version"]),
    ("secure_auth", &["authorization", "x-sa-date", "x-sa-ext-date"]),
    ("cloudflare_access", &["cf-access-client-id", "cf-access-client-secret"]),
    ("basic", &["authorization"]),
    ("bearer", &["authorization"]),
];

/// A document.
pub struct Document {
    json: Value,
    routes: Vec<Regex>,
    /// All secrets, each as it is written.
    secrets: BTreeMap<String, Vec<u8>>,
}

/// What a document says of an origin.
#[derive(Debug)]
pub struct Origin {
    /// Its name.
    pub name: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port, in lower case.
    pub authority: String,
    /// The base path in its one spelling, without a slash at its end.
    pub base: String,
    /// Envoy's name for it.
    pub cluster: String,
    /// The headers that open it.
    pub written: Vec<String>,
    /// The visitors' headers that it is given.
    pub forwarded: Vec<String>,
    /// Whether a query opens it.
    pub has_query: bool,
    /// Where its secrets are.
    place: String,
}

/// A part of a document; `Null` where there is none.
fn at<'v>(value: &'v Value, keys: &[&str]) -> &'v Value {
    keys.iter().fold(value, |value, key| value.get(key).unwrap_or(&Value::Null))
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_lowercase);
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.to_lowercase()).collect()
}

impl Document {
    /// Reads it. Secrets are looked up as pinhole looks them up.
    pub fn read(document: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Option<Document> {
        let json: Value = serde_json::from_slice(document).ok()?;
        let routes = at(&json, &["routes"]).as_array().into_iter().flatten();
        let whole = |route: &Value| Regex::new(&format!(r"\A(?:{})\z", at(route, &["path"]).as_str()?)).ok();
        let routes = routes.map(whole).collect::<Option<_>>()?;
        let mut secrets = BTreeMap::new();
        collect(&json, "", environment, &mut secrets);
        Some(Document { json, routes, secrets })
    }

    /// A part of it; `Null` where there is none.
    pub fn at(&self, keys: &[&str]) -> &Value {
        at(&self.json, keys)
    }

    /// A part of a route; `Null` where there is none.
    pub fn of_route(&self, index: usize, keys: &[&str]) -> &Value {
        at(&self.json, &["routes"]).get(index).map_or(&Value::Null, |route| at(route, keys))
    }

    /// A group of a route's pattern, in a decoded path.
    pub fn group<'p>(&self, index: usize, path: &'p str, group: &str) -> Option<&'p str> {
        Some(self.routes.get(index)?.captures(path)?.name(group)?.as_str())
    }

    /// The resizer: its name, its section.
    pub fn resizer(&self) -> (&str, &Value) {
        let section = at(&self.json, &["resizer"]).as_object().and_then(|section| section.iter().next());
        section.map_or(("", &Value::Null), |(name, section)| (name.as_str(), section))
    }

    /// A secret of the resizer.
    pub fn resizers_secret(&self, key: &str) -> Option<&[u8]> {
        self.secrets.get(&format!("/resizer/{}/{key}", self.resizer().0)).map(Vec::as_slice)
    }

    /// All secrets that opening an origin, or sealing, needs: which no resizer is told.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let secrets = self.secrets.iter().filter(|(place, _)| !place.starts_with("/resizer"));
        secrets.map(|(place, secret)| (place.as_str(), secret.as_slice()))
    }

    /// Whether one of these secrets is an origin's own.
    pub fn is_of(&self, place: &str, origin: &Origin) -> bool {
        place.starts_with(&origin.place)
    }

    /// All origins.
    pub fn origins(&self) -> Vec<Origin> {
        let names = at(&self.json, &["origins"]).as_object().into_iter().flatten();
        names.filter_map(|(name, _)| self.origin(name)).collect()
    }

    /// An origin.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        let section = at(&self.json, &["origins", name]);
        let (scheme, rest) = at(section, &["url"]).as_str()?.split_once("://")?;
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        let base = String::from_utf8(path::unescape(base.trim_end_matches('/').as_bytes())).ok()?;
        let credentials = at(section, &["credentials"]);
        let kinds = keys(credentials);
        let writes = |kind: &str| kinds.iter().any(|other| other == kind);
        let by_kind = WRITTEN.iter().filter(|(kind, _)| writes(kind)).flat_map(|(_, names)| names.iter());
        let mut forwarded = texts(at(credentials, &["forward"]));
        if forwarded.iter().any(|name| name == "share-publicly") {
            forwarded.extend(SHARE_PUBLICLY.iter().map(ToString::to_string));
        }
        if writes("cookies") {
            forwarded.push("cookie".to_owned());
        }
        Some(Origin {
            name: name.to_owned(),
            scheme: scheme.to_owned(),
            authority: authority.to_lowercase(),
            base: if base.is_empty() { base } else { format!("/{}", path::encode(&base)) },
            cluster: at(section, &["cluster"]).as_str()?.to_owned(),
            written: by_kind.map(ToString::to_string).chain(keys(at(credentials, &["set"]))).collect(),
            forwarded,
            has_query: writes("azure_sas"),
            place: format!("/origins/{name}/"),
        })
    }
}

/// Finds every `{ "env": … }` and `{ "value": … }`.
fn collect(
    value: &Value,
    place: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    secrets: &mut BTreeMap<String, Vec<u8>>,
) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let secret = match (key.as_str(), inner.as_str()) {
            ("env", Some(name)) => environment(name),
            ("value", Some(text)) => Some(text.to_owned()),
            _ => None,
        };
        match secret {
            Some(secret) => drop(secrets.insert(place.to_owned(), secret.into_bytes())),
            None => collect(inner, &format!("{place}/{key}"), environment, secrets),
        }
    }
}
