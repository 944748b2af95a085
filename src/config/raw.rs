//! The policy document as operators write it: the wire shape and nothing else.
//!
//! Every member is optional here; what is required, and what refers to what, is the business of the
//! `compile` module. The comments on types and fields are the descriptions of the JSON Schema: what an
//! editor shows to whoever writes a policy. Belongs here: the names of all keys. Does not belong here:
//! behaviour.

mod credentials;
mod fallbacks;
mod gate;
mod origins;
mod resizers;
mod visitors;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use credentials::{RawAws, RawAzureSharedKey, RawBasic, RawCloudflareAccess, RawSecureAuth};
pub use fallbacks::{FallbackStatus, RawFallback};
pub use gate::{PrivateSources, RawGate};
pub use origins::{LastModified, OriginAuth, RawOrigin};
pub use resizers::{
    ImagorHash, ImagorSource, RawCloudflare, RawImaginary, RawImagor, RawImgproxy, RawIpx, RawPush,
    RawResizer, RawTemplate, RawThumbor, RawWeserv,
};

/// An array or object whose items can each be unreadable (reported, then passed over).
pub type List<T> = Vec<Option<T>>;
/// An object with names of the operator's choice as keys.
pub type Table<T> = BTreeMap<String, T>;

/// A policy of pinhole: who may ask for which picture, and who makes it. Unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Policy"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `routes`, `origins`, `resizer`, `gate` and `presets`"
)]
pub struct RawPolicy {
    /// Where an editor finds the JSON Schema of this document, such as `policy.schema.json` beside it.
    /// pinhole itself does not read it.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// The version of this document's format. 1, also where it is absent.
    pub version: Option<RawValue>,
    /// Named bundles of options, for routes whose `path` has a group `preset`. Names: 1 to 64 letters,
    /// digits, `-`, `_` and `.`, the first a letter or digit.
    pub presets: Option<Table<RawOptions>>,
    /// What is served, at least one route. The first one whose `hosts` and `path` match decides.
    pub routes: Option<List<RawRoute>>,
    /// The hidden servers of source images, by names that routes refer to: at least one.
    pub origins: Option<Table<RawOrigin>>,
    /// The service that transforms: its name as the only key.
    pub resizer: Option<RawResizer>,
    /// Where the resizer fetches sources: the listener of Envoy in which pinhole opens sealed URLs.
    pub gate: Option<RawGate>,
    /// The keys of signed URLs, for routes with `signature`.
    pub signing: Option<RawSigning>,
    /// Images by names that routes refer to: AVIF, GIF, JPEG, PNG or WebP of at most 65536 bytes, in base64.
    pub fallbacks: Option<Table<String>>,
}

/// A number, a word or a boolean, as its text.
#[derive(Debug, Clone)]
pub struct RawValue {
    /// The text.
    pub text: String,
    /// Whether it stands in quotation marks.
    pub quoted: bool,
}

/// Options of a picture and their values.
///
/// In a preset, `extends` may name another one.
#[derive(Debug, Default)]
pub struct RawOptions(pub Vec<(String, RawValue)>);

/// The options that a request may name, in its query or in the group `options` of `path`, each with its
/// limit. One that is not listed is refused.
#[derive(Debug, Default)]
pub struct RawQuery(pub Table<RawLimit>);

/// One kind of URL that is served.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Route"))]
#[serde(deny_unknown_fields, expecting = "an object with `path`, `origin` and what else a route has")]
pub struct RawRoute {
    /// A regular expression (Rust's `regex`: no look-around, no backreferences) for the whole decoded path,
    /// anchored at both ends. Group `source` is the path of the source below the origin's base path; group
    /// `preset` names a preset; group `options` holds options as in `width=300,format=auto`.
    pub path: Option<String>,
    /// The hosts it serves, without port; `*.example.com` is every host below that one. All hosts where
    /// absent.
    pub hosts: Option<List<String>>,
    /// The name of the origin of its sources, a key of `origins`.
    pub origin: Option<String>,
    /// The presets that this route knows instead of those of the whole policy, which they may extend.
    pub presets: Option<Table<RawOptions>>,
    /// The options that a request may name, each with its limit. None where absent.
    pub query: Option<RawQuery>,
    /// Options that hold where neither request nor preset says anything.
    pub default: Option<RawOptions>,
    /// Bounds of the picture, whoever asked for its size: request, preset or default.
    pub limits: Option<RawLimits>,
    /// Which sources may be asked for. All below the origin's base path where absent.
    pub sources: Option<RawSources>,
    /// What is asked of signed URLs; no other is served then. URLs need no signature where absent.
    pub signature: Option<RawSignature>,
    /// From which sites the picture may be shown. From all where absent.
    pub referrer: Option<RawReferrer>,
    /// What is answered for a source that cannot be resized, such as SVG. Default: `reject`.
    pub unresizable: Option<Unresizable>,
    /// What is served where the picture cannot be had; a short text where absent.
    pub fallback: Option<RawFallback>,
    /// How long caches may keep an answer, in seconds: 0 to 31536000 (a year). Default: 3600.
    pub max_age: Option<MaxAge>,
}

/// Which values a request may ask for: numbers between bounds, or listed values. `{}` allows all that
/// the resizer has, but for options with too many of them: sizes, colours and trims.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Limit"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `min`, `under`, `max` and `over`, or with `one_of` and `else`, or empty"
)]
pub struct RawLimit {
    /// The least number, included. Default: the least that the option takes.
    pub min: Option<RawValue>,
    /// What happens to a smaller number. Default: `reject`.
    pub under: Option<Over>,
    /// The largest number, included. Default: the largest that option and resizer take.
    pub max: Option<RawValue>,
    /// What happens to a larger number. Default: `reject`.
    pub over: Option<Over>,
    /// The only values, at least one; instead of bounds.
    pub one_of: Option<List<RawValue>>,
    /// What happens to any other number. Default: `reject`.
    #[serde(rename = "else")]
    pub otherwise: Option<Otherwise>,
}

/// Bounds of the picture, in device pixels: what `dpr` makes of `width` and `height`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Limits"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `width`, `height`, `area`, `over`, `aspect_ratios` and `variants`"
)]
pub struct RawLimits {
    /// The largest width in device pixels, 1 to 12000.
    pub width: Option<RawValue>,
    /// The largest height in device pixels, 1 to 12000.
    pub height: Option<RawValue>,
    /// The largest product of both in device pixels, 1 to 144000000.
    pub area: Option<Whole<1, 144_000_000>>,
    /// What happens to a larger picture. Default: `reject`.
    pub over: Option<Over>,
    /// The only proportions of width to height, as `3:2`, of whole numbers from 1 to 1000. A picture with
    /// one side only has none and is let through.
    pub aspect_ratios: Option<List<String>>,
    /// The largest number of different pictures of one source: a policy whose options allow more is
    /// invalid. `pinhole check` prints how many there are.
    pub variants: Option<Whole<1, 4_294_967_295>>,
}

/// Which sources may be asked for.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Sources"))]
#[serde(deny_unknown_fields, expecting = "an object with `prefixes` and `extensions`")]
pub struct RawSources {
    /// Directories below the origin's base path, such as `public/2024`, compared segment by segment; the
    /// source is in one of them.
    pub prefixes: Option<List<String>>,
    /// File name extensions without the dot, such as `jpg`, in any case; the source has one of them.
    pub extensions: Option<List<String>>,
}

/// The keys of signed URLs.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Signing"))]
#[serde(deny_unknown_fields, expecting = "an object with `keys`")]
pub struct RawSigning {
    /// Names of keys (1 to 32 letters, digits, `-` and `_`) and the keys: at least 64 hexadecimal digits,
    /// such as `openssl rand -hex 32` prints. All of them are live: a key is retired by leaving it out.
    pub keys: Option<Table<RawSecret>>,
}

/// What a route asks of the signatures of its URLs.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Signature"))]
#[serde(deny_unknown_fields, expecting = "an object with `keys`, `free` and `max_life`")]
pub struct RawSignature {
    /// The names of the keys that sign for this route, of `signing.keys`. All of them where absent.
    pub keys: Option<List<String>>,
    /// The options of `query` that a signature may leave to the visitor, as for a `srcset`. None where
    /// absent.
    pub free: Option<List<String>>,
    /// How far off the expiry of a URL may be, in seconds: 1 to 31536000 (a year).
    pub max_life: Option<Whole<1, 31_536_000>>,
}

/// From which sites the picture may be shown, as the `referer` of a request tells.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Referrer"))]
#[serde(deny_unknown_fields, expecting = "an object with `hosts` and `absent`")]
pub struct RawReferrer {
    /// The hosts of the pages, without port, at least one; `*.example.com` is every host below that one.
    pub hosts: Option<List<String>>,
    /// What happens to a request that does not say where it comes from. Default: `reject`.
    pub absent: Option<AbsentReferrer>,
}

/// What happens to a request without a `referer`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`reject` or `allow`")]
pub enum AbsentReferrer {
    /// It is refused.
    #[default]
    Reject,
    /// It is served: browsers, and people who value their privacy, leave the header out.
    Allow,
}

/// What is answered for a source that cannot be resized.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`reject` or `placeholder`")]
pub enum Unresizable {
    /// A refusal.
    #[default]
    Reject,
    /// A refusal with a transparent picture as its body.
    Placeholder,
}

/// What happens to a number outside of its bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`reject` or `clamp`")]
pub enum Over {
    /// The request is refused.
    #[default]
    Reject,
    /// The bound is used.
    Clamp,
}

/// What happens to a number that is not one of the allowed ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
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

/// How long caches may keep an answer: 0 seconds to a year, RFC 9111's customary upper bound.
pub type MaxAge = Whole<0, 31_536_000>;

/// A whole number between two bounds.
#[derive(Debug, Clone, Copy)]
pub struct Whole<const LEAST: u32, const MOST: u32>(pub u32);

/// What opens an origin: `set`, one way of signing, or both.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Credentials"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `set`, `forward`, `cookies` and one way of signing, such as `aws` or `bearer`"
)]
pub struct RawCredentials {
    /// Headers that the gate sets, by name, and the secrets that are their whole values, such as
    /// `Bearer …`. Headers of the connection and of proxies cannot be set.
    pub set: Option<Table<RawSecret>>,
    /// AWS Signature Version 4, for S3 and what speaks like it.
    pub aws: Option<RawAws>,
    /// The key of an Azure storage account.
    pub azure_shared_key: Option<RawAzureSharedKey>,
    /// A shared access signature of Azure: a query without its question mark.
    pub azure_sas: Option<RawSecret>,
    /// SecureAuth's HMAC.
    pub secure_auth: Option<RawSecureAuth>,
    /// A service token of Cloudflare Access.
    pub cloudflare_access: Option<RawCloudflareAccess>,
    /// HTTP Basic (RFC 7617).
    pub basic: Option<RawBasic>,
    /// A bearer token (RFC 6750).
    pub bearer: Option<RawSecret>,
    /// The visitor's headers that the origin is given, by exact name; `share-publicly` stands for the ten
    /// that Cloudflare's setting of that name passes.
    pub forward: Option<List<String>>,
    /// The visitor's cookies that the origin is given, by exact name.
    pub cookies: Option<List<String>>,
}

/// A secret: the name of an environment variable, or, for demos, the secret itself.
// An object even to serde, so that a bare string is a value of the wrong kind, which is not quoted.
#[derive(Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Secret"))]
#[serde(deny_unknown_fields, expecting = "a secret: `{ \"env\": \"NAME\" }` or `{ \"value\": \"…\" }`")]
pub struct RawSecret {
    /// The name of an environment variable that Envoy passes to the module (`host_env_keys`).
    pub env: Option<String>,
    /// The secret itself, for demos.
    pub value: Option<String>,
}

// Not derived: a value must not reach a log by way of `{:?}`.
impl std::fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawSecret(…)")
    }
}
