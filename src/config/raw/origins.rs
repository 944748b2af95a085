//! Origins, as operators write them; what opens them is in `credentials`.

use serde::Deserialize;

use super::RawCredentials;

/// A hidden server of source images.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Origin"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `url`, `cluster`, `credentials`, `origin_auth` and `last_modified`"
)]
pub struct RawOrigin {
    /// Scheme, host, perhaps port, and base path: `https://secret.example.com/directory`. Sources are below
    /// that path. Without user information, query and fragment.
    pub url: Option<String>,
    /// Envoy's name for the cluster that reaches it: 1 to 256 visible ASCII characters.
    pub cluster: Option<String>,
    /// What opens it. Nothing where absent: the server is open to Envoy.
    pub credentials: Option<RawCredentials>,
    /// Whether pictures fetched with credentials may be shown to everybody who knows the URL. Where
    /// absent, they are `private, no-store`.
    pub origin_auth: Option<OriginAuth>,
    /// Whether visitors learn when a source was changed (`last-modified`), as far as the resizer passes it
    /// on. Default: `hide`.
    pub last_modified: Option<LastModified>,
}

/// Says that pictures fetched with credentials may be shown to everybody who knows the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`share-publicly`, or nothing")]
pub enum OriginAuth {
    /// Answers may be kept in public caches.
    SharePublicly,
}

/// Whether visitors learn when a source was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`hide` or `show`")]
pub enum LastModified {
    /// They do not.
    #[default]
    Hide,
    /// They do, and may ask whether it has been changed since.
    Show,
}
