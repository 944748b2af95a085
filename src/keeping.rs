//! What the gate tells the edge about a source: whether its origin lets caches keep it.
//!
//! The two sides of a resizer have no channel of their own, since no resizer passes the origin's
//! `cache-control` on. Within one Envoy they share the host's key-value store: the gate notes a
//! [`Keeping`] under the token's slot, and the edge, which made the token, looks there when the
//! resizer answers. INVARIANT: the store stays small, because there are [`SLOTS`] slots and no more;
//! the edge believes only a verdict about the very token it sent, so that a slot that was taken by
//! another token in between means `no-store`, never `public`.

use crate::request::{Headers, values};

/// How many slots there are.
const SLOTS: u16 = 4096;

/// How many bytes of a token's end name it: 16 bytes of its tag, in base64url.
const NAME: usize = 22;

/// Whether an origin lets caches keep a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It says nothing against it.
    Shareable,
    /// It says `private` or `no-store`, or its answer depends on who asks.
    Private,
}

impl Keeping {
    /// What an origin's answer says (RFC 9111 5.2.2, RFC 9110 12.5.5).
    pub fn of(headers: &Headers) -> Keeping {
        let lists = |name| {
            let items = values(headers, name).flat_map(|value| value.split(|byte| *byte == b','));
            items.map(|item| item.trim_ascii().to_ascii_lowercase())
        };
        let forbids = |item: Vec<u8>| {
            // `private="x"` and `no-cache="x"` name fields; to be sure they count as the whole.
            let name = item.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii_end().to_vec();
            matches!(name.as_slice(), b"private" | b"no-store")
                || (name == b"no-cache" && item.contains(&b'='))
        };
        let depends = |item: Vec<u8>| matches!(item.as_slice(), b"*" | b"cookie" | b"authorization");
        if lists("cache-control").any(forbids) || lists("vary").any(depends) {
            Keeping::Private
        } else {
            Keeping::Shareable
        }
    }
}

/// Where the verdict about one token stands, and how it is known for that token's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    slot: u16,
    name: String,
}

impl Ticket {
    /// The ticket of a token. `None` for what is too short to be one.
    pub fn of(token: &str) -> Option<Ticket> {
        let name = token.get(token.len().checked_sub(NAME)?..)?.to_owned();
        let hash = name.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let slot = u16::try_from(hash.checked_rem(u32::from(SLOTS))?).ok()?;
        Some(Ticket { slot, name })
    }

    /// The key in the host's store.
    pub fn key(&self) -> String {
        format!("pinhole.verdict.{}", self.slot)
    }

    /// What is noted under the key.
    pub fn note(&self, verdict: Keeping) -> Vec<u8> {
        let flag = match verdict {
            Keeping::Shareable => "shareable ",
            Keeping::Private => "private ",
        };
        [flag, &self.name].concat().into_bytes()
    }

    /// Whether a note says that this very token's source may be kept.
    pub fn is_shareable(&self, note: Option<&[u8]>) -> bool {
        note == Some(self.note(Keeping::Shareable).as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i45_an_origin_forbids_keeping_in_many_ways() {
        for (name, value, want) in [
            ("cache-control", "public, max-age=60", Keeping::Shareable),
            ("cache-control", "no-cache", Keeping::Shareable),
            ("cache-control", "max-age=0, Private", Keeping::Private),
            ("cache-control", "no-store", Keeping::Private),
            ("cache-control", "private=\"set-cookie\"", Keeping::Private),
            ("cache-control", "no-cache=\"x\"", Keeping::Private),
            ("cache-control", "x-private", Keeping::Shareable),
            ("vary", "accept-encoding", Keeping::Shareable),
            ("vary", "Accept, Cookie", Keeping::Private),
            ("vary", "authorization", Keeping::Private),
            ("vary", "*", Keeping::Private),
        ] {
            assert_eq!(Keeping::of(&[(name.to_owned(), value.as_bytes().to_vec())]), want, "{name}: {value}");
        }
        let lines = [("cache-control", "public"), ("cache-control", "private")];
        let lines = lines.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        assert_eq!(Keeping::of(&lines), Keeping::Private);
        assert_eq!(Keeping::of(&[]), Keeping::Shareable);
    }

    #[test]
    fn only_a_note_about_the_same_token_counts() {
        let (one, other) = (Ticket::of(&"a".repeat(60)).unwrap(), Ticket::of(&"b".repeat(60)).unwrap());
        assert!(one.is_shareable(Some(&one.note(Keeping::Shareable))));
        assert!(!one.is_shareable(Some(&one.note(Keeping::Private))));
        assert!(!one.is_shareable(Some(&other.note(Keeping::Shareable))));
        assert!(!one.is_shareable(None));
        assert_eq!(Ticket::of("short"), None);
        assert!(one.key().starts_with("pinhole.verdict."), "{}", one.key());
        assert_eq!(one.key(), Ticket::of(&"a".repeat(61)).unwrap().key(), "the end of a token is its name");
        assert_ne!(one.key(), other.key());
    }
}
