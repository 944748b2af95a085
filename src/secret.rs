//! [`Secret`]: bytes that no output of ours may show.
//!
//! INVARIANT: a secret has no `Display`, no `Serialize`, and a `Debug` that says nothing. Whoever
//! needs the bytes calls [`Secret::expose`], so that a search for that word finds every such place.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Secret bytes: a key, or a credential's header value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes in.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(bytes.into())
    }

    /// A key for one use, derived from a key for several: HMAC-SHA256 of the purpose. `None` is no outcome
    /// of HMAC, which takes keys of every length.
    pub fn derive(key: &[u8], purpose: &[u8]) -> Option<[u8; 32]> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
        mac.update(purpose);
        Some(mac.finalize().into_bytes().into())
    }

    /// The bytes, for the one computation or header that they are for.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_bytes_nor_length() {
        assert_eq!(format!("{:?}", Secret::new("canary")), format!("{:?}", Secret::new("")));
    }
}
