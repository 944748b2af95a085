//! The policy document as operators write it: the wire shape and nothing else.
//!
//! Every member is optional here; what is required, and what refers to what, is the business of the
//! `compile` module. Belongs here: the names of all keys. Does not belong here: behaviour.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::transform::{Fit, FormatChoice, Pixels, Quality};

/// An array or object whose items can each be unreadable (reported, then passed over).
pub type List<T> = Vec<Option<T>>;
/// An object with names of the operator's choice as keys.
pub type Table<T> = BTreeMap<String, T>;

/// The whole document.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `routes`, `origins`, `resizer`, `gate` and `presets`"
)]
pub struct RawPolicy {
    /// Named bundles of options.
    pub presets: Option<Table<RawOptions>>,
    /// What is served, first match wins.
    pub routes: Option<List<RawRoute>>,
    /// The hidden servers of source images.
    pub origins: Option<Table<RawOrigin>>,
    /// The service that transforms.
    pub resizer: Option<RawResizer>,
    /// The place where the resizer fetches sources.
    pub gate: Option<RawGate>,
}

/// A preset, or a route's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `width`, `height`, `fit`, `quality` and `format`")]
pub struct RawOptions {
    /// Width of the box in pixels.
    pub width: Option<Pixels>,
    /// Height of the box in pixels.
    pub height: Option<Pixels>,
    /// How the picture is fitted into the box.
    pub fit: Option<Fit>,
    /// 1 to 100.
    pub quality: Option<Quality>,
    /// A format, or `auto`.
    pub format: Option<FormatChoice>,
}

/// One kind of URL that is served.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `path`, `origin`, `hosts`, `query`, `default` and `max_age`"
)]
pub struct RawRoute {
    /// A regular expression with named groups, anchored at both ends.
    pub path: Option<String>,
    /// The authorities that this route serves; all of them where absent.
    pub hosts: Option<List<String>>,
    /// Where the sources are.
    pub origin: Option<String>,
    /// The options a request may name, each with its limit.
    pub query: Option<RawQuery>,
    /// Options that hold where the request says nothing.
    pub default: Option<RawOptions>,
    /// How long caches may keep an answer, in seconds.
    pub max_age: Option<MaxAge>,
}

/// The limits of the options that a request may name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `width`, `height`, `fit`, `quality` and `format`")]
pub struct RawQuery {
    /// Limit of `?width=`.
    pub width: Option<RawNumbers<Pixels>>,
    /// Limit of `?height=`.
    pub height: Option<RawNumbers<Pixels>>,
    /// The fits that `?fit=` may name.
    pub fit: Option<RawWords<Fit>>,
    /// Limit of `?quality=`.
    pub quality: Option<RawNumbers<Quality>>,
    /// The formats that `?format=` may name.
    pub format: Option<RawWords<FormatChoice>>,
}

/// Which numbers a request may ask for.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `max` and `over`, or with `one_of` and `else`",
    bound(deserialize = "T: Deserialize<'de>")
)]
pub struct RawNumbers<T> {
    /// The largest.
    pub max: Option<T>,
    /// What happens to a larger one.
    pub over: Option<Over>,
    /// The only ones.
    pub one_of: Option<List<T>>,
    /// What happens to any other.
    #[serde(rename = "else")]
    pub otherwise: Option<Otherwise>,
}

/// Which words a request may ask for.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `one_of`",
    bound(deserialize = "T: Deserialize<'de>")
)]
pub struct RawWords<T> {
    /// The only ones.
    pub one_of: Option<List<T>>,
}

/// What happens to a number above the largest allowed one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`reject` or `clamp`")]
pub enum Over {
    /// The request is refused.
    #[default]
    Reject,
    /// The largest allowed number is used.
    Clamp,
}

/// What happens to a number that is not one of the allowed ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`reject`, `snap-up` or `nearest`")]
pub enum Otherwise {
    /// The request is refused.
    #[default]
    Reject,
    /// The next larger allowed number is used, or the largest where there is none.
    SnapUp,
    /// The closest allowed number is used, the larger one on a tie.
    Nearest,
}

/// How long caches may keep an answer: 0 seconds to a year.
#[derive(Debug, Clone, Copy)]
pub struct MaxAge(pub u32);

/// A hidden server of source images.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `url`, `cluster`, `credentials` and `origin_auth`")]
pub struct RawOrigin {
    /// Scheme, authority and base path: `https://secret.example.com/directory`.
    pub url: Option<String>,
    /// Envoy's name for it.
    pub cluster: Option<String>,
    /// What opens it.
    pub credentials: Option<RawCredentials>,
    /// Whether pictures fetched with credentials may be shown to everybody.
    pub origin_auth: Option<OriginAuth>,
}

/// Says that pictures fetched with credentials may be shown to everybody who knows the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`share-publicly`, or nothing")]
pub enum OriginAuth {
    /// Answers may be kept in public caches.
    SharePublicly,
}

/// What opens an origin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `set`")]
pub struct RawCredentials {
    /// Header names and the secrets that are their values.
    pub set: Option<Table<RawSecret>>,
}

/// Where a secret comes from: one of the two. An object even to serde, so that a bare string is a
/// value of the wrong kind, which is not quoted.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a secret: `{ \"env\": \"NAME\" }` or `{ \"value\": \"…\" }`")]
pub struct RawSecret {
    /// An environment variable of this name.
    pub env: Option<String>,
    /// The secret itself.
    pub value: Option<String>,
}

// Not derived: a value must not reach a log by way of `{:?}`.
impl std::fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawSecret(…)")
    }
}

/// The service that transforms, by the name of its dialect.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "an object with the name of a resizer as its only key")]
pub enum RawResizer {
    /// <https://imgproxy.net>
    Imgproxy(RawImgproxy),
    /// <https://www.thumbor.org>
    Thumbor(RawThumbor),
}

/// imgproxy, with signed URLs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority`, `key` and `salt`")]
pub struct RawImgproxy {
    /// Envoy's name for it.
    pub cluster: Option<String>,
    /// The value of `:authority` it is asked with.
    pub authority: Option<String>,
    /// `IMGPROXY_KEY`, in hexadecimal.
    pub key: Option<RawSecret>,
    /// `IMGPROXY_SALT`, in hexadecimal.
    pub salt: Option<RawSecret>,
}

/// thumbor, with signed URLs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority` and `key`")]
pub struct RawThumbor {
    /// Envoy's name for it.
    pub cluster: Option<String>,
    /// The value of `:authority` it is asked with.
    pub authority: Option<String>,
    /// `SECURITY_KEY`.
    pub key: Option<RawSecret>,
}

/// The place where the resizer fetches sources.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `url` and `seal_key`")]
pub struct RawGate {
    /// Where the resizer reaches the gate's listener: `http://gate.internal:8081`.
    pub url: Option<String>,
    /// 32 bytes in hexadecimal.
    pub seal_key: Option<RawSecret>,
}

impl MaxAge {
    /// A year, RFC 9111's customary upper bound for a freshness lifetime.
    const MOST: u32 = 31_536_000;
}

impl<'de> Deserialize<'de> for MaxAge {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<MaxAge, D::Error> {
        let bounds = crate::transform::Whole { least: 0, most: MaxAge::MOST, unit: " of seconds" };
        deserializer.deserialize_u64(bounds).map(MaxAge)
    }
}
