//! Values for the secrets of a policy that this machine does not have.
//!
//! What a policy decides does not depend on its secrets, but for signed URLs; and a dry run should not need
//! what opens the originals. INVARIANT: a real value counts before a stand-in, and which ones were stood in for
//! is told.

use std::cell::RefCell;
use std::collections::BTreeSet;

use pinhole::config::error::ConfigError;
use pinhole::config::{self, Loaded};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A policy whose secrets may be stand-ins.
pub struct DryPolicy {
    /// The policy.
    pub loaded: Loaded,
    /// The variables that are not set.
    pub unset: BTreeSet<String>,
    /// Whether one of them is a key of signed URLs: whether those are valid cannot be known then.
    pub lacks_signing_key: bool,
    /// Whether a route asks for signatures at all.
    pub asks_for_signatures: bool,
}

/// Loads a policy.
pub fn load(document: &[u8]) -> Result<DryPolicy, Vec<ConfigError>> {
    // Only to find names in; what is wrong with it is told by the loader.
    let tree: Value = serde_json::from_slice(document).unwrap_or_default();
    let mut queries = BTreeSet::new();
    shared_access_signatures(&tree, &mut queries);
    let unset = RefCell::new(BTreeSet::new());
    let variable = |name: &str| {
        let real = std::env::var(name).ok().filter(|value| !value.is_empty());
        if real.is_none() {
            unset.borrow_mut().insert(name.to_owned());
        }
        real.or_else(|| Some(stand_in(name, queries.contains(name))))
    };
    let loaded = config::load(document, &variable)?;
    let unset = unset.into_inner();
    let names =
        |value: &Value| value.get("env").and_then(Value::as_str).is_some_and(|name| unset.contains(name));
    let keys = tree.pointer("/signing/keys").and_then(Value::as_object);
    let lacks_signing_key = keys.is_some_and(|keys| keys.values().any(names));
    let routes = tree.get("routes").and_then(Value::as_array);
    let asks_for_signatures =
        routes.is_some_and(|routes| routes.iter().any(|route| route.get("signature").is_some()));
    Ok(DryPolicy { loaded, unset, lacks_signing_key, asks_for_signatures })
}

/// 64 hexadecimal digits, which are also base64 and a header's value, other ones for each name; or a query.
fn stand_in(name: &str, is_query: bool) -> String {
    let digits: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    if is_query { format!("sig={digits}") } else { digits }
}

/// The variables that hold shared access signatures, which are queries.
fn shared_access_signatures(tree: &Value, names: &mut BTreeSet<String>) {
    match tree {
        Value::Object(members) => {
            for (key, value) in members {
                if let Some(name) = value.get("env").and_then(Value::as_str).filter(|_| key == "azure_sas") {
                    names.insert(name.to_owned());
                }
                shared_access_signatures(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| shared_access_signatures(item, names)),
        _ => {}
    }
}
