//! Sealed sources: what the edge writes into the resizer's URL and only the gate can read.
//!
//! A token carries an origin's name, a source path and forwarded credentials, encrypted and authenticated with
//! XChaCha20-Poly1305. Its nonce is the first 24 bytes of HMAC-SHA256 over the plaintext (a synthetic
//! IV), under a key of its own, so that the same source gives the same token and caches work; two
//! plaintexts share a nonce only if HMAC-SHA256 collides. The token is base64url without padding: no
//! byte of it is changed by a resizer that decodes URLs zero, one or two times.
//!
//! INVARIANT: [`SealKey::open`] gives a source only for a token that [`SealKey::seal`] made with the
//! same key, and there is exactly one spelling of each token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::credentials::CredentialName;
use crate::forwarding::Forwarded;
use crate::request::path::SourcePath;
use crate::secret::Secret;

/// What a token carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The origin's name in the policy.
    pub origin: String,
    /// The path below the origin's base path.
    pub path: SourcePath,
    /// The visitor's credentials for the origin.
    pub forwarded: Forwarded,
}

impl Source {
    /// Each part behind its length, in two bytes: origin, path, then names and values in turn. `None`
    /// for a part that is longer than can be told.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let credentials =
            self.forwarded.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.expose()]);
        let mut bytes = Vec::with_capacity(
            4_usize.saturating_add(self.origin.len()).saturating_add(self.path.as_str().len()),
        );
        for part in [self.origin.as_bytes(), self.path.as_str().as_bytes()].into_iter().chain(credentials) {
            bytes.extend_from_slice(&u16::try_from(part.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Some(bytes)
    }

    fn from_bytes(mut bytes: &[u8]) -> Option<Source> {
        let mut part = || {
            let (length, rest) = bytes.split_first_chunk::<2>()?;
            let (part, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            bytes = rest;
            Some(part)
        };
        let origin = String::from_utf8(part()?.to_vec()).ok()?;
        let path = SourcePath::parse(std::str::from_utf8(part()?).ok()?).ok()?;
        let mut forwarded = Forwarded::new();
        while let Some(name) = part() {
            let name = CredentialName::parse(std::str::from_utf8(name).ok()?)?;
            forwarded.push((name, Secret::new(part()?)));
        }
        bytes.is_empty().then_some(Source { origin, path, forwarded })
    }
}

/// The key that seals and opens tokens, expanded for both of its uses.
#[derive(Clone)]
pub struct SealKey {
    cipher: XChaCha20Poly1305,
    nonces: Hmac<Sha256>,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Authenticated with every token, so that a change of the format cannot be mistaken for this one.
const CONTEXT: &[u8] = b"pinhole source v2";

/// Length of the nonce in bytes.
const NONCE: usize = 24;

impl SealKey {
    /// Expands 32 secret bytes, given as 64 hexadecimal digits.
    pub fn from_hex(secret: &Secret) -> Option<SealKey> {
        let bytes: [u8; 32] = decode_hex(secret.expose())?.try_into().ok()?;
        let cipher =
            XChaCha20Poly1305::new_from_slice(&Secret::derive(&bytes, b"pinhole seal v1: encryption")?)
                .ok()?;
        let nonces =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&Secret::derive(&bytes, b"pinhole seal v1: nonces")?)
                .ok()?;
        Some(SealKey { cipher, nonces })
    }

    /// The token of a source. `None` only if a part of it is longer than 65535 bytes.
    pub fn seal(&self, source: &Source) -> Option<String> {
        let plain = source.to_bytes()?;
        let nonce = self.nonce(&plain)?;
        let sealed = self.cipher.encrypt(&nonce, Payload { msg: &plain, aad: CONTEXT }).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The source of a token, if this key made it.
    pub fn open(&self, token: &str) -> Option<Source> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = token.split_at_checked(NONCE)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let plain = self.cipher.decrypt(&nonce, Payload { msg: sealed, aad: CONTEXT }).ok()?;
        Source::from_bytes(&plain)
    }

    fn nonce(&self, plain: &[u8]) -> Option<XNonce> {
        let mut mac = self.nonces.clone();
        mac.update(plain);
        let tag = mac.finalize().into_bytes();
        XNonce::try_from(tag.get(..NONCE)?).ok()
    }
}

/// The keys of a gate: one that seals, and perhaps the one before it, which still opens what resizers
/// and caches hold.
#[derive(Debug, Clone)]
pub struct SealKeys {
    current: SealKey,
    previous: Option<SealKey>,
}

impl SealKeys {
    /// Puts the keys together.
    pub fn new(current: SealKey, previous: Option<SealKey>) -> SealKeys {
        SealKeys { current, previous }
    }

    /// The token of a source; see [`SealKey::seal`].
    pub fn seal(&self, source: &Source) -> Option<String> {
        self.current.seal(source)
    }

    /// The source of a token, if one of the keys made it.
    pub fn open(&self, token: &str) -> Option<Source> {
        self.current.open(token).or_else(|| self.previous.as_ref()?.open(token))
    }
}

/// Bytes written as pairs of hexadecimal digits.
pub fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> SealKey {
        SealKey::from_hex(&Secret::new(digit.repeat(64))).unwrap()
    }

    fn source() -> Source {
        let forwarded = vec![(CredentialName::parse("authorization").unwrap(), Secret::new("Bearer canary"))];
        Source { origin: "photos".into(), path: SourcePath::parse("2024/cat é.jpg").unwrap(), forwarded }
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let token = key("a").seal(&source()).unwrap();
        assert_eq!(key("a").open(&token), Some(source()));
        assert_eq!(key("a").seal(&source()).unwrap(), token, "the same source gives the same token");
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    }

    // INVARIANT: two sources under one nonce would give away what is different between them.
    #[test]
    fn no_two_sources_and_no_two_keys_share_a_nonce() {
        let nonce = |digit: &str, path: &str| {
            let source = Source { path: SourcePath::parse(path).unwrap(), ..source() };
            key(digit).seal(&source).unwrap().chars().take(NONCE * 4 / 3).collect::<String>()
        };
        assert_eq!(nonce("a", "a.jpg"), nonce("a", "a.jpg"), "the same source, the same token");
        assert_ne!(nonce("a", "a.jpg"), nonce("a", "b.jpg"));
        assert_ne!(nonce("a", "a.jpg"), nonce("b", "a.jpg"));
    }

    #[test]
    fn a_token_shows_nothing_of_what_it_carries() {
        let token = key("a").seal(&source()).unwrap();
        let raw = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for part in ["photos", "2024", "cat", "canary", "authorization"] {
            assert!(!raw.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
        }
    }

    #[test]
    fn every_other_token_is_refused() {
        let token = key("a").seal(&source()).unwrap();
        assert_eq!(key("b").open(&token), None, "another key");
        for index in 0..token.len() {
            for other in *b"AZaz09-_" {
                let mut changed = token.clone().into_bytes();
                changed[index] = other;
                let changed = String::from_utf8(changed).unwrap();
                if changed == token {
                    continue;
                }
                assert_eq!(key("a").open(&changed), None, "character {index}: {changed}");
            }
            assert_eq!(key("a").open(token.get(..index).unwrap()), None, "cut at {index}");
        }
        for suffix in ["A", "=", "AAAA", "/", "%3D"] {
            assert_eq!(key("a").open(&format!("{token}{suffix}")), None, "with {suffix}");
        }
    }

    #[test]
    fn the_previous_key_opens_and_does_not_seal() {
        let (old, new) = (key("a"), key("b"));
        let keys = SealKeys::new(new.clone(), Some(old.clone()));
        assert_eq!(keys.open(&old.seal(&source()).unwrap()), Some(source()));
        assert_eq!(keys.seal(&source()), new.seal(&source()));
        assert_eq!(SealKeys::new(new, None).open(&old.seal(&source()).unwrap()), None);
    }

    #[test]
    fn a_key_is_32_bytes_in_hexadecimal() {
        for bad in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
            assert!(SealKey::from_hex(&Secret::new(bad)).is_none(), "{bad}");
        }
    }
}
