//! Compiles which of a visitor's credentials an origin is given.
//!
//! INVARIANT: a name is a whole name; there is no wildcard, and no name of the connection or the proxy.

use super::Findings;
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::List;
use crate::credentials::CredentialName;
use crate::forwarding::{CookieName, ForwardRule, SHARE_PUBLICLY};

pub(super) fn forward(
    findings: &mut Findings<'_>,
    place: &Place,
    headers: Option<List<String>>,
    cookies: Option<List<String>>,
) -> ForwardRule {
    for (key, list) in [("forward", &headers), ("cookies", &cookies)] {
        if list.as_ref().is_some_and(|list| list.is_empty()) {
            findings.note(ConfigError::new(
                place.key(key),
                "an empty array",
                "at least one, or none of the key",
            ));
        }
    }
    let (headers, cookies) = (headers.unwrap_or_default(), cookies.unwrap_or_default());
    let mut names: Vec<CredentialName> = Vec::new();
    for (index, header) in headers.into_iter().enumerate() {
        let place = place.key("forward").index(index);
        let Some(header) = header else { continue };
        let set: &[&str] = if header == "share-publicly" { &SHARE_PUBLICLY } else { &[header.as_str()] };
        for name in set {
            match CredentialName::parse(name) {
                Some(name) if names.contains(&name) => {
                    findings.note(ConfigError::new(place.clone(), quote(name.as_str()), "each header once"));
                }
                Some(name) => names.push(name),
                None => {
                    let wanted = "the whole name of a header of the visitor's, or `share-publicly`; there is no wildcard";
                    findings.note(ConfigError::new(place.clone(), quote(name), wanted));
                }
            }
        }
    }
    let mut picked = Vec::new();
    for (index, cookie) in cookies.into_iter().enumerate() {
        let place = place.key("cookies").index(index);
        let Some(cookie) = cookie else { continue };
        match CookieName::parse(&cookie) {
            Some(name) if !picked.contains(&name) => picked.push(name),
            Some(_) => findings.note(ConfigError::new(place, quote(&cookie), "each cookie once")),
            None => findings.note(ConfigError::new(place, quote(&cookie), "the whole name of a cookie")),
        }
    }
    if !picked.is_empty() && names.iter().any(|name| name.as_str() == "cookie") {
        let wanted = "one of the two: `cookie` in `forward` is all cookies";
        findings.note(ConfigError::new(
            place.key("cookies"),
            "`cookies` beside `cookie` in `forward`",
            wanted,
        ));
    }
    ForwardRule::new(names, picked)
}
