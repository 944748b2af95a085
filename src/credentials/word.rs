//! [`Word`]: a secret of visible ASCII, such as a key's name, a token or a password for signing.
//!
//! INVARIANT: a word fits into a header as it is, and has none of the separators of its place, so that
//! nobody reads two words where one was written. Like every secret it is printed nowhere.

use std::fmt;

use crate::secret::Secret;

/// Visible ASCII without blanks.
#[derive(Clone, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Takes a secret that is one word without any of these separators.
    pub fn parse(secret: &Secret, separators: &[u8]) -> Option<Word> {
        let bytes = secret.expose();
        let plain = |byte: &u8| byte.is_ascii_graphic() && !separators.contains(byte);
        let word = !bytes.is_empty() && bytes.iter().all(plain);
        word.then(|| std::str::from_utf8(bytes).ok().map(|text| Word(text.to_owned()))).flatten()
    }

    /// The text, for the one computation or header that it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Word(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_neither_blanks_nor_its_separators() {
        assert_eq!(Word::parse(&Secret::new("AKIA/x"), b":").unwrap().expose(), "AKIA/x");
        for (text, separators) in [("", ""), ("a b", ""), ("a\n", ""), ("é", ""), ("a:b", ":"), ("a/b", ",/")]
        {
            assert_eq!(Word::parse(&Secret::new(text), separators.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let word = Word::parse(&Secret::new("canary"), b"").unwrap();
        assert_eq!(format!("{word:?}"), "Word(…)");
    }
}
