//! Fallback images of routes, as operators write them.

use serde::Deserialize;

use super::Whole;

/// The image that a route serves where the picture cannot be had: the source is not there or no picture, or an
/// upstream fails. Refused requests get no image.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Fallback"))]
#[serde(deny_unknown_fields, expecting = "an object with `image`, `status` and `max_age`")]
pub struct RawFallback {
    /// The name of an image, a key of `fallbacks`.
    pub image: Option<String>,
    /// The status it is served with. Default: `error`.
    pub status: Option<FallbackStatus>,
    /// How long caches may keep it, in seconds: 0 to 60. Default: 0, not at all.
    pub max_age: Option<Whole<0, 60>>,
}

/// The status of a fallback image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`error` or `ok`")]
pub enum FallbackStatus {
    /// That of the error.
    #[default]
    Error,
    /// 200, for pages and programs that show nothing otherwise.
    Ok,
}
