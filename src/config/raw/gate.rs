//! The gate, as operators write it.

use serde::Deserialize;

use super::RawSecret;

/// What is done about a source that its origin marks as `private` or `no-store`, though the policy would
/// let caches keep what is made of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", expecting = "`no-store` or `refuse`")]
pub enum PrivateSources {
    /// The picture is served and no cache keeps it. The gate tells the edge, which has to be in the same
    /// Envoy; without a word of the gate, nothing is kept.
    #[default]
    NoStore,
    /// The gate does not give the source away. For edge and gate in different Envoys, or a resizer that
    /// keeps results.
    Refuse,
}

/// Where the resizer fetches sources.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Gate"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `url`, `seal_key`, `previous_seal_key` and `private_sources`"
)]
pub struct RawGate {
    /// Where the resizer reaches the gate's listener: scheme, host, perhaps port, no path, as
    /// `http://gate.internal:10001`.
    pub url: Option<String>,
    /// What is done about a source that its origin wants kept private; `no-store` where absent.
    pub private_sources: Option<PrivateSources>,
    /// The key of the tokens in which sources travel through the resizer: 64 hexadecimal digits, such as
    /// `pinhole keygen` prints. The same at edge and gate.
    pub seal_key: Option<RawSecret>,
    /// Opens what was sealed before the key was changed.
    pub previous_seal_key: Option<RawSecret>,
}
