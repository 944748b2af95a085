//! [`MacKey`]: the HMAC-SHA256 by which requests are signed, its tag in base64.
//!
//! INVARIANT: a key has at least 128 bits, and nothing shows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::seal::decode_hex;
use crate::secret::Secret;

/// Keys are at least this long, in bytes.
const LEAST: usize = 16;

/// A key that signs.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// Takes a key in padded base64.
    pub fn from_base64(secret: &Secret) -> Option<MacKey> {
        MacKey::of(STANDARD.decode(secret.expose()).ok()?)
    }

    /// Takes a key in hexadecimal digits.
    pub fn from_hex(secret: &Secret) -> Option<MacKey> {
        MacKey::of(decode_hex(secret.expose())?)
    }

    fn of(key: Vec<u8>) -> Option<MacKey> {
        let key = Some(key).filter(|key| key.len() >= LEAST)?;
        <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok().map(MacKey)
    }

    /// The tag of a text, in padded base64.
    pub fn sign(&self, text: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_both_spellings_are_the_same() {
        let hex = MacKey::from_hex(&Secret::new("00".repeat(16))).unwrap();
        let base64 = MacKey::from_base64(&Secret::new("AAAAAAAAAAAAAAAAAAAAAA==")).unwrap();
        assert_eq!(hex.sign("a"), base64.sign("a"));
        assert_ne!(hex.sign("a"), hex.sign("b"));
    }

    #[test]
    fn a_key_is_long_and_well_spelled() {
        for bad in ["", "AAAA", "not base64 at all!", "AAAAAAAAAAAAAAAAAAAAAA", "00"] {
            let secret = Secret::new(bad);
            assert!(MacKey::from_base64(&secret).is_none() && MacKey::from_hex(&secret).is_none(), "{bad}");
        }
    }
}
