//! Keys that sign URLs, and the tags they make: HMAC-SHA256, all 32 bytes of it.
//!
//! Does not belong here: what is signed ([`super::claim`]), and which key is asked ([`super`]).
//! INVARIANT: a tag has one spelling, and is compared in constant time, in [`SigningKey::verify`] and
//! nowhere else: [`Tag`] has no `==`. Nothing shows a key.

use std::borrow::Borrow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::seal::decode_hex;
use crate::secret::Secret;

/// Fewest bytes of a key: as many as the hash gives, below which RFC 2104 (3) advises against it.
const LEAST_KEY: usize = 32;

/// Bytes of a tag.
const TAG: usize = 32;

/// A key, expanded for use: what is left to do for a message is hashing it.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Expands the bytes of a secret. `None` if they are fewer than 32.
    pub fn from_bytes(secret: &Secret) -> Option<SigningKey> {
        let bytes = secret.expose();
        if bytes.len() < LEAST_KEY {
            return None;
        }
        Hmac::new_from_slice(bytes).ok().map(SigningKey)
    }

    /// Expands a secret given as at least 64 hexadecimal digits.
    pub fn from_hex(secret: &Secret) -> Option<SigningKey> {
        SigningKey::from_bytes(&Secret::new(decode_hex(secret.expose())?))
    }

    /// The tag of a message.
    pub fn sign(&self, message: &[u8]) -> Tag {
        let mut mac = self.0.clone();
        mac.update(message);
        Tag(mac.finalize().into_bytes().into())
    }

    /// Whether `tag` is the tag of `message`, in a time that depends on the message's length alone.
    pub fn verify(&self, message: &[u8], tag: &Tag) -> bool {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_slice(&tag.0).is_ok()
    }
}

/// The tag of a message: 32 bytes, written as 43 characters of base64url.
pub struct Tag([u8; TAG]);

impl Tag {
    /// Reads the one spelling of a tag: 43 characters, no padding. Of the last character's six bits
    /// two stand for nothing; they must be zero, or each tag would have four spellings.
    pub fn parse(text: &str) -> Option<Tag> {
        // One byte more, because the decoder asks for room for whole groups of three.
        let mut bytes = [0; TAG.next_multiple_of(3)];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        bytes.get(..length)?.try_into().ok().map(Tag)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The name of a key. Not secret: it stands in every URL that the key signs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// Takes 1 to 32 letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Option<KeyId> {
        KeyId::is_plain(text).then(|| KeyId(text.to_owned()))
    }

    /// Whether a key can have this name.
    pub(super) fn is_plain(text: &str) -> bool {
        (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_at_least_32_bytes() {
        for length in 0..100 {
            assert_eq!(SigningKey::from_bytes(&Secret::new(vec![7; length])).is_some(), length >= 32);
            let hex = Secret::new("a7".repeat(length));
            assert_eq!(SigningKey::from_hex(&hex).is_some(), length >= 32, "{length} bytes");
        }
        for bad in ["a".repeat(65), "g".repeat(64), format!(" {}", "a".repeat(63)), "é".repeat(32)] {
            assert!(SigningKey::from_hex(&Secret::new(bad.clone())).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        let debug = |text: &str| format!("{:?}", SigningKey::from_bytes(&Secret::new(text)).unwrap());
        assert_eq!(debug(&"canary".repeat(8)), debug(&"a".repeat(64)));
    }

    #[test]
    fn ids_are_plain_words() {
        for good in ["1", "2024-key_A", &"k".repeat(32)] {
            assert_eq!(KeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a.b", "a\n", "é", "a%41", "a,b", "a=", &"k".repeat(33)] {
            assert_eq!(KeyId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn i33_a_tag_has_exactly_one_spelling() {
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
        let key = SigningKey::from_bytes(&Secret::new([9; 32])).unwrap();
        for message in 0..64_u8 {
            let spelled = key.sign(&[message]).to_string();
            assert_eq!(spelled.len(), 43);
            let (rest, stem) = (spelled.get(1..).unwrap(), spelled.get(..42).unwrap());
            let accepted: Vec<String> = alphabet
                .iter()
                .map(|last| format!("{stem}{last}"))
                .filter(|text| Tag::parse(text).is_some_and(|tag| key.verify(&[message], &tag)))
                .collect();
            assert_eq!(accepted, std::slice::from_ref(&spelled));
            // The last character has 16 values with zero spare bits, and no other is read at all.
            let read = alphabet.iter().filter(|last| Tag::parse(&format!("{stem}{last}")).is_some());
            assert_eq!(read.count(), 16);
            for text in [
                format!("{spelled}="),
                format!("{spelled}A"),
                format!("{spelled}AA"),
                format!(" {spelled}"),
                format!("{spelled}\n"),
                format!("{stem}+"),
                format!("{stem}/"),
                format!("+{rest}"),
                format!("%41{rest}"),
                spelled.repeat(2),
            ] {
                assert!(Tag::parse(&text).is_none(), "{text:?}");
            }
            for length in 0..43 {
                assert!(Tag::parse(spelled.get(..length).unwrap()).is_none(), "{length}");
            }
        }
    }
}
