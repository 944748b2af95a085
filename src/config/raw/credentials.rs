//! The ways of signing, as operators write them under `origins.<name>.credentials`.
//!
//! Whatever belongs to a key is written as a secret, also the name of a key: all of it comes from the
//! same place, and none of it is anybody's business.

use serde::Deserialize;

use super::RawSecret;

/// AWS Signature Version 4.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Aws"))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `access_key_id`, `secret_access_key`, `session_token` and `region`"
)]
pub struct RawAws {
    /// The name of the key; of an HMAC key for Google Cloud Storage.
    pub access_key_id: Option<RawSecret>,
    /// The key.
    pub secret_access_key: Option<RawSecret>,
    /// What comes with a temporary key.
    pub session_token: Option<RawSecret>,
    /// The bucket's region; `auto` for Google Cloud Storage and R2.
    pub region: Option<String>,
}

/// The key of an Azure storage account.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "AzureSharedKey"))]
#[serde(deny_unknown_fields, expecting = "an object with `account` and `key`")]
pub struct RawAzureSharedKey {
    /// The account's name.
    pub account: Option<String>,
    /// One of its two keys, in base64.
    pub key: Option<RawSecret>,
}

/// SecureAuth's HMAC.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "SecureAuth"))]
#[serde(deny_unknown_fields, expecting = "an object with `application_id` and `application_key`")]
pub struct RawSecureAuth {
    /// The application's id.
    pub application_id: Option<RawSecret>,
    /// The application's key, in hexadecimal digits.
    pub application_key: Option<RawSecret>,
}

/// A service token of Cloudflare Access.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "CloudflareAccess"))]
#[serde(deny_unknown_fields, expecting = "an object with `client_id` and `client_secret`")]
pub struct RawCloudflareAccess {
    /// The token's name, which ends in `.access`.
    pub client_id: Option<RawSecret>,
    /// The token.
    pub client_secret: Option<RawSecret>,
}

/// HTTP Basic.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "Basic"))]
#[serde(deny_unknown_fields, expecting = "an object with `user` and `password`")]
pub struct RawBasic {
    /// The user, without a colon.
    pub user: Option<RawSecret>,
    /// The password.
    pub password: Option<RawSecret>,
}
