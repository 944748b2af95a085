//! The mark by which pinhole knows its own requests, so that a source that leads back here ends there.
//!
//! Every request for a source names its sender in `via` (RFC 9110 7.6.3) by a pseudonym that is derived from
//! a key of the deployment; servers on the way add to that header, and none may take from it. The edge refuses
//! a request that came this way. Nobody else can make a pseudonym that counts, and who learns one can only
//! have his own requests refused. INVARIANT: a pseudonym is a token of fixed length and tells nothing of the key.

use std::fmt;

use crate::request::{Headers, values};
use crate::secret::Secret;

/// Bytes of the pseudonym: 96 bits.
const PSEUDONYM: usize = 12;

/// The pseudonym of a deployment, as `via` has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Via(String);

impl Via {
    /// Derives the pseudonym from a key of the deployment.
    pub fn derive(key: &[u8]) -> Option<Via> {
        let bytes = Secret::derive(key, b"pinhole via v1")?;
        let digits: String = bytes.iter().take(PSEUDONYM).map(|byte| format!("{byte:02x}")).collect();
        Some(Via(format!("1.1 pinhole-{digits}")))
    }

    /// The value of the header.
    pub fn value(&self) -> &str {
        &self.0
    }

    /// Whether a request was sent by this deployment, whoever stands between.
    pub fn is_in(&self, headers: &Headers) -> bool {
        let pseudonym = self.0.trim_start_matches("1.1 ").as_bytes();
        let names_it = |entry: &[u8]| entry.split(u8::is_ascii_whitespace).any(|word| word == pseudonym);
        values(headers, "via").any(|value| value.split(|byte| *byte == b',').any(names_it))
    }
}

// Not derived: that it is `pinhole` that asks is nobody's business in a log.
impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Via(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_among_those_of_others_and_no_other_is() {
        let via = Via::derive(b"a").unwrap();
        let is_in = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|v| ("via".to_owned(), v.as_bytes().to_vec())).collect();
            via.is_in(&headers)
        };
        let own = via.value();
        let bare = own.trim_start_matches("1.1 ");
        assert!(is_in(&[own]));
        assert!(is_in(&[&format!("1.0 fred, {own}, 2 cdn.example.com (squid)")]));
        assert!(is_in(&["1.1 other", &format!("HTTP/1.1 {bare} (nginx)")]));
        let other = Via::derive(b"b").unwrap();
        for forged in
            ["", "1.1 pinhole", "1.1 pinhole-", other.value(), &format!("1.1 x{bare}"), &format!("{own}0")]
        {
            assert!(!is_in(&[forged]), "{forged}");
        }
        assert!(!is_in(&[]));
    }
}
