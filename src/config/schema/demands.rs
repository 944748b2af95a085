//! What the `compile` module demands of a policy beyond keys and types, as JSON Schema: required keys, patterns,
//! lengths.
//!
//! Does not belong here: keys, types and descriptions, which come from the types themselves. Native builds only.

use serde_json::{Value, json};

use super::options::{names_and_short_names, number_of, presets};
use crate::options::kind::Kind;

/// Names of presets and origins.
pub(super) const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
/// Names of keys.
const KEY_NAME: &str = "^[A-Za-z0-9_-]{1,32}$";
/// Host names, and `*.` before one.
const HOST: &str = r"^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$";
/// Names of Envoy's clusters.
const CLUSTER: &str = "^[!-~]{1,256}$";
/// Header names: RFC 9110 5.6.2, without `*`.
const HEADER_NAME: &str = "^[!#$%&'+.^_`|~0-9A-Za-z-]+$";
/// Base64 with padding (RFC 4648 4).
const BASE64: &str = "^[A-Za-z0-9+/]+={0,2}$";
/// An authority without user information; what else it may not be is the business of `pinhole check`.
const AUTHORITY: &str = r"^[^@/?#\s]+$";

/// What the `compile` module demands beyond keys and types, by the name of the definition.
pub(super) fn all() -> [(&'static str, Value); 29] {
    // One way at most, and none that signs beside what the visitor chooses.
    let signing = ["aws", "azure_shared_key", "azure_sas", "secure_auth"];
    let ways: Vec<&str> = signing.into_iter().chain(["cloudflare_access", "basic", "bearer"]).collect();
    let two_ways = ways.iter().enumerate().flat_map(|(index, one)| {
        ways.iter().skip(index.saturating_add(1)).map(move |other| json!({ "required": [one, other] }))
    });
    let forwarding = signing.iter().flat_map(|way| {
        ["forward", "cookies"].into_iter().map(move |visitors| json!({ "required": [way, visitors] }))
    });
    let apart: Vec<Value> = two_ways.chain(forwarding).collect();
    let pushing = json!({
        "required": ["resizer"],
        "properties": { "resizer": {
            "required": ["imaginary"],
            "properties": { "imaginary": { "required": ["push"] } },
        } },
    });
    let secrets = json!({ "minProperties": 1, "propertyNames": { "pattern": KEY_NAME } });
    let resizer = |keys: &[&str]| {
        json!({
            "required": keys,
            "properties": { "cluster": { "pattern": CLUSTER }, "authority": { "pattern": AUTHORITY } },
        })
    };
    [
        (
            "",
            json!({
                "$id": "urn:pinhole:policy:1",
                "title": "Policy of pinhole",
                "required": ["routes", "origins", "resizer"],
                // Either the resizer fetches from the gate, or sources are pushed to it.
                "if": pushing,
                "then": { "not": { "required": ["gate"] } },
                "else": { "required": ["gate"] },
                "properties": {
                    "version": { "type": "integer", "const": 1 },
                    "presets": presets(),
                    "routes": { "minItems": 1 },
                    "origins": { "minProperties": 1, "propertyNames": { "pattern": NAME } },
                    "fallbacks": {
                        "propertyNames": { "pattern": NAME },
                        "additionalProperties": { "pattern": BASE64 },
                    },
                },
            }),
        ),
        (
            "Route",
            json!({
                "required": ["path", "origin"],
                "properties": {
                    "path": { "pattern": r"\(\?P?<source>" },
                    "hosts": { "minItems": 1, "items": { "pattern": HOST } },
                    "presets": presets(),
                },
            }),
        ),
        (
            "Limits",
            json!({
                "properties": {
                    "width": number_of(Kind::Side),
                    "height": number_of(Kind::Side),
                    "aspect_ratios": { "items": { "pattern": "^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$" } },
                },
            }),
        ),
        (
            "Sources",
            json!({
                "properties": {
                    "prefixes": { "minItems": 1, "items": { "pattern": "^[^/]" } },
                    "extensions": { "minItems": 1, "items": { "pattern": "^[A-Za-z0-9]+$" } },
                },
            }),
        ),
        ("Signing", json!({ "required": ["keys"], "properties": { "keys": secrets } })),
        (
            "Signature",
            json!({
                "required": ["max_life"],
                "properties": {
                    "keys": { "minItems": 1, "items": { "pattern": KEY_NAME } },
                    "free": { "items": { "enum": names_and_short_names() } },
                },
            }),
        ),
        (
            "Referrer",
            json!({
                "required": ["hosts"],
                "properties": { "hosts": { "minItems": 1, "items": { "pattern": HOST } } },
            }),
        ),
        (
            "Origin",
            json!({
                "required": ["url", "cluster"],
                "properties": { "url": { "pattern": r"^https?://[^?#\s]+$" }, "cluster": { "pattern": CLUSTER } },
            }),
        ),
        (
            "Credentials",
            json!({
                "minProperties": 1,
                "not": { "anyOf": apart },
                "properties": {
                    "set": { "minProperties": 1, "propertyNames": { "pattern": HEADER_NAME } },
                    "forward": { "minItems": 1, "items": { "pattern": HEADER_NAME } },
                    "cookies": { "minItems": 1, "items": { "pattern": "^[A-Za-z0-9!#$%&'+.^_`|~-]{1,128}$" } },
                },
            }),
        ),
        (
            "Aws",
            json!({
                "required": ["access_key_id", "secret_access_key", "region"],
                "properties": { "region": { "pattern": "^[a-z0-9-]{1,64}$" } },
            }),
        ),
        (
            "AzureSharedKey",
            json!({
                "required": ["account", "key"],
                "properties": { "account": { "pattern": "^[a-z0-9]{3,24}$" } },
            }),
        ),
        ("SecureAuth", json!({ "required": ["application_id", "application_key"] })),
        ("CloudflareAccess", json!({ "required": ["client_id", "client_secret"] })),
        ("Basic", json!({ "required": ["user", "password"] })),
        (
            "Secret",
            json!({
                "oneOf": [{ "required": ["env"] }, { "required": ["value"] }],
                "properties": { "env": { "minLength": 1 }, "value": { "minLength": 1 } },
            }),
        ),
        ("Imgproxy", resizer(&["cluster", "authority", "key", "salt"])),
        ("Thumbor", resizer(&["cluster", "authority", "key"])),
        ("Imagor", resizer(&["cluster", "authority", "secret"])),
        ("Imaginary", resizer(&["cluster", "authority", "key"])),
        ("Weserv", resizer(&["cluster", "authority"])),
        ("Ipx", resizer(&["cluster", "authority"])),
        ("Cloudflare", resizer(&["cluster", "authority"])),
        ("Template", resizer(&["cluster", "authority", "path"])),
        ("Fallback", json!({ "required": ["image"] })),
        (
            "Gate",
            json!({
                "required": ["url", "seal_key"],
                "properties": { "url": { "pattern": r"^https?://[^/?#\s]+/?$" } },
            }),
        ),
        ("PrivateSources", json!({ "default": "no-store" })),
        ("Over", json!({ "default": "reject" })),
        ("Otherwise", json!({ "default": "reject" })),
        ("AbsentReferrer", json!({ "default": "reject" })),
    ]
}
