//! The resizers, as operators write them. What each one can do, `pinhole options` shows.

use serde::Deserialize;

use super::{RawSecret, RawValue, Table, Whole};

/// The service that transforms. `pinhole options` shows which options each one has.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Resizer"))]
#[serde(rename_all = "kebab-case", expecting = "an object with the name of a resizer as its only key")]
pub enum RawResizer {
    /// imgproxy, <https://imgproxy.net>
    Imgproxy(RawImgproxy),
    /// thumbor, <https://www.thumbor.org>
    Thumbor(RawThumbor),
    /// imagor, <https://docs.imagor.net>
    Imagor(RawImagor),
    /// imaginary, of h2non
    Imaginary(RawImaginary),
    /// weserv/images, <https://images.weserv.nl>
    Weserv(RawWeserv),
    /// ipx, of unjs
    Ipx(RawIpx),
    /// Cloudflare's `/cdn-cgi/image/`, <https://developers.cloudflare.com/images/>
    Cloudflare(RawCloudflare),
    /// Any other, by a pattern of its URLs.
    Template(RawTemplate),
}

/// imgproxy, with signed URLs.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Imgproxy"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority`, `key` and `salt`")]
pub struct RawImgproxy {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
    /// `IMGPROXY_KEY`, at least 32 hexadecimal digits.
    pub key: Option<RawSecret>,
    /// `IMGPROXY_SALT`, at least 32 hexadecimal digits.
    pub salt: Option<RawSecret>,
}

/// thumbor, with signed URLs.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Thumbor"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority` and `key`")]
pub struct RawThumbor {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
    /// `SECURITY_KEY`, at least 16 characters.
    pub key: Option<RawSecret>,
}

/// imagor, with signed URLs.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Imagor"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `cluster`, `authority`, `secret`, `hash`, `truncate` and `source`"
)]
pub struct RawImagor {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
    /// `IMAGOR_SECRET`, at least 16 characters.
    pub secret: Option<RawSecret>,
    /// `IMAGOR_SIGNER_TYPE`. Default: `sha1`, as imagor's.
    pub hash: Option<ImagorHash>,
    /// `IMAGOR_SIGNER_TRUNCATE`: how many characters of a signature are left, at least 22 (128 bits). All of
    /// them where absent.
    pub truncate: Option<Whole<22, 88>>,
    /// How the source is written. Default: `escaped`.
    pub source: Option<ImagorSource>,
}

/// The hash of imagor's signatures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase", expecting = "`sha1`, `sha256` or `sha512`")]
pub enum ImagorHash {
    /// HMAC-SHA1.
    #[default]
    Sha1,
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// How imagor is told the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase", expecting = "`escaped` or `base64`")]
pub enum ImagorSource {
    /// Percent-encoded, which every version reads.
    #[default]
    Escaped,
    /// `b64:` and base64url, for imagor 1.6.3 and later.
    Base64,
}

/// imaginary, with signed URLs.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Imaginary"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority`, `key` and `push`")]
pub struct RawImaginary {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
    /// `-url-signature-key`, at least 32 characters.
    pub key: Option<RawSecret>,
    /// That pinhole fetches the source and sends it to imaginary, which then needs no network and no gate.
    /// imaginary fetches it from the gate where absent.
    pub push: Option<RawPush>,
}

/// The limits of pushing: of what is held in memory, and for how long a visitor waits.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Push"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `source_bytes`, `origin_seconds` and `resizer_seconds`"
)]
pub struct RawPush {
    /// The largest source in bytes: 1 to 33554432 (32 MiB, what Envoy holds unless it is told more).
    /// Default: 16777216.
    pub source_bytes: Option<Whole<1, 33_554_432>>,
    /// How long the origin may take, in seconds: 1 to 60. Default: 10.
    pub origin_seconds: Option<Whole<1, 60>>,
    /// How long imaginary may take, in seconds: 1 to 60. Default: 20.
    pub resizer_seconds: Option<Whole<1, 60>>,
}

/// weserv/images.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Weserv"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority` and `secret`")]
pub struct RawWeserv {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
    /// The secret of nginx's secure link in front of it, at least 16 characters. URLs are not signed where
    /// absent.
    pub secret: Option<RawSecret>,
}

/// ipx, which knows no signatures.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Ipx"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster` and `authority`")]
pub struct RawIpx {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
}

/// Cloudflare, with the gate as a server on the Internet.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Cloudflare"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster` and `authority`")]
pub struct RawCloudflare {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The zone's host, that it is asked with (`:authority`); `keep` for the visitor's, where a route of Envoy's
    /// rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
}

/// A resizer that is asked by a pattern.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Template"))]
#[serde(deny_unknown_fields, expecting = "an object with `cluster`, `authority`, `path` and `words`")]
pub struct RawTemplate {
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// The host, perhaps with port, that it is asked with (`:authority`); `keep` for the visitor's, where a route
    /// of Envoy's rewrites it. Every route of the policy then has `hosts`.
    pub authority: Option<String>,
    /// Its URLs' path and query. `{width}` and the like stand for the values of options, `{quality|80}` with a
    /// text for none, `{source}` or `{source:base64}` for the source; what is in `[…]` is left out where an
    /// option in it has no value. An option that is not named is one that the resizer does not have.
    pub path: Option<String>,
    /// The resizer's words for those of an option, such as `{ "fit": { "cover": "crop" } }`. Where an option
    /// is here, the resizer has those words of it and no others.
    pub words: Option<Table<Table<RawValue>>>,
}
