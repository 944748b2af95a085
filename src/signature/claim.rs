//! What a signed URL says, and the message that its tag covers.
//!
//! ```text
//! pinhole-url-v1          \n
//! GET                     \n   a HEAD is signed as a GET
//! host                    \n   lower case, without port
//! path                    \n   in its canonical spelling
//! name=value              \n   every fixed parameter, decoded, sorted by the bytes of the names;
//! …                            exp, kid and free are among them, sig and what `free` names are not
//! ```
//!
//! INVARIANT: two claims that differ in anything but the values of free parameters have different
//! messages. No field holds a line feed: [`Claim::read`] refuses one in the host and, by the
//! canonical spelling, in the path; the query's parser decodes no control character. No name holds
//! `=`: it may stand raw, so its escape is not canonical, and raw it ends the name. So a message is
//! cut into fields, and a field into name and value, in one way only.

use super::Cause;
use super::key::KeyId;
use crate::request::path::Part;
use crate::request::query::Query;
use crate::request::spelling::is_canonical;

/// The tag.
pub(super) const SIG: &str = "sig";
/// The second at which the URL ends to be served.
pub(super) const EXP: &str = "exp";
/// The name of the key.
pub(super) const KID: &str = "kid";
/// The names of the parameters that the tag does not cover.
pub(super) const FREE: &str = "free";

/// The names that a signature keeps for itself.
pub(super) const RESERVED: [&str; 4] = [SIG, EXP, KID, FREE];

/// What a signed URL says, without its tag.
pub(super) struct Claim<'a> {
    host: &'a str,
    /// As received, and canonical.
    path: &'a str,
    exp: String,
    kid: String,
    free: Option<String>,
    query: Query,
    expires: u64,
}

impl<'a> Claim<'a> {
    /// Reads a claim. `query` is the query of `target`, taken apart and without `sig`.
    pub(super) fn read(host: &'a str, target: &'a str, mut query: Query) -> Result<Claim<'a>, Cause> {
        let (path, raw_query) = target.split_once('?').ok_or(Cause::Missing(EXP))?;
        let canonical = is_canonical(path, Part::Path)
            && raw_query.split('&').all(|parameter| is_canonical(parameter, Part::Query));
        if !canonical || host.contains('\n') {
            return Err(Cause::Spelling);
        }
        let exp = query.take(EXP).ok_or(Cause::Missing(EXP))?;
        let expires = parse_seconds(&exp).ok_or(Cause::Malformed(EXP))?;
        let kid = query.take(KID).ok_or(Cause::Missing(KID))?;
        if !KeyId::is_plain(&kid) {
            return Err(Cause::Malformed(KID));
        }
        let free = query.take(FREE);
        if free.as_deref().is_some_and(|free| !is_list(free)) {
            return Err(Cause::Malformed(FREE));
        }
        Ok(Claim { host, path, exp, kid, free, query, expires })
    }

    /// The name of the key.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The first second at which the URL is not served.
    pub(super) fn expires(&self) -> u64 {
        self.expires
    }

    /// The names of the parameters that the tag does not cover.
    pub(super) fn free(&self) -> impl Iterator<Item = &str> {
        self.free.iter().flat_map(|free| free.split(','))
    }

    /// The parameters that are not the signature's own.
    pub(super) fn into_query(self) -> Query {
        self.query
    }

    /// What the tag covers.
    pub(super) fn message(&self) -> String {
        let mut fixed: Vec<(&str, &str)> = Vec::with_capacity(RESERVED.len().saturating_mul(2));
        fixed.extend(self.query.iter().filter(|(name, _)| self.free().all(|free| free != *name)));
        fixed.extend([(EXP, self.exp.as_str()), (KID, self.kid.as_str())]);
        fixed.extend(self.free.as_deref().map(|free| (FREE, free)));
        // No name occurs twice, so this order is the only one.
        fixed.sort_unstable_by_key(|(name, _)| *name);

        let head = ["pinhole-url-v1\nGET\n", self.host, "\n", self.path, "\n"];
        let fields = fixed.iter().flat_map(|(name, value)| [*name, "=", *value, "\n"]);
        head.into_iter().chain(fields).collect::<Vec<_>>().concat()
    }
}

/// Reads a time: `[1-9][0-9]{0,9}`, so that milliseconds are refused and not taken for a far future.
fn parse_seconds(text: &str) -> Option<u64> {
    let digits = (1..=10).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0');
    digits.then(|| text.parse().ok()).flatten()
}

/// Whether a value of `free` lists names in the one way that is accepted: at least one, sorted,
/// none twice, none of the signature's own.
fn is_list(free: &str) -> bool {
    free.split(',').all(|name| !name.is_empty() && !RESERVED.contains(&name))
        && free.split(',').is_sorted_by(|one, next| one < next)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn read<'a>(host: &'a str, target: &'a str) -> Result<Claim<'a>, Cause> {
        let (_, query) = target.split_once('?').unwrap_or_default();
        Claim::read(host, target, Query::parse(Some(query)).unwrap())
    }

    #[test]
    fn the_message_is_the_documented_one() {
        let claim = read(
            "img.example.com",
            "/caf%C3%A9.jpg?width=300&text=a%26b=c&kid=k1&format=webp&free=fit,width&exp=1900000000",
        );
        assert_eq!(
            claim.unwrap().message(),
            "pinhole-url-v1\nGET\nimg.example.com\n/caf%C3%A9.jpg\nexp=1900000000\nformat=webp\n\
             free=fit,width\nkid=k1\ntext=a&b=c\n"
        );
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        let message = |target| read("a", target).unwrap().message();
        let one = message("/p?width=1&exp=5&height=2&kid=k");
        assert_eq!(message("/p?kid=k&height=2&exp=5&width=1"), one);
        assert_ne!(message("/p?width=2&exp=5&height=1&kid=k"), one);
    }

    #[test]
    fn a_claim_is_written_in_one_way() {
        use Cause::{Malformed, Missing, Spelling};
        for (target, want) in [
            ("/p", Missing(EXP)),
            ("/p?", Missing(EXP)),
            ("/p?kid=k", Missing(EXP)),
            ("/p?EXP=5&kid=k", Missing(EXP)),
            ("/p?exp=5", Missing(KID)),
            ("/p?exp=5&Kid=k", Missing(KID)),
            ("/p?exp=5&kid=", Malformed(KID)),
            ("/p?exp=5&kid=a.b", Malformed(KID)),
            ("/p?exp=5&kid=k&free=", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=,", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=a,", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=a,a", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=b,a", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=exp", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=a,kid", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=free", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=sig,width", Malformed(FREE)),
            ("/p?exp=5&kid=k&free=a%2Cb", Spelling),
            ("/p?%65xp=5&kid=k", Spelling),
            ("/p?exp=%35&kid=k", Spelling),
            ("/p?exp=5&kid=k&a%3Db=c", Spelling),
            ("/p?exp=5&kid=k&a=%c3%a9", Spelling),
            ("/%70?exp=5&kid=k", Spelling),
            ("/%c3%a9?exp=5&kid=k", Spelling),
            ("/%2D?exp=5&kid=k", Spelling),
        ] {
            assert_eq!(read("a", target).err(), Some(want), "{target}");
        }
        assert_eq!(read("a\nb", "/p?exp=5&kid=k").err(), Some(Spelling));
    }

    #[test]
    fn a_time_is_plain_decimal_seconds() {
        for (text, want) in [("1", 1), ("1900000000", 1_900_000_000), ("9999999999", 9_999_999_999)] {
            assert_eq!(parse_seconds(text), Some(want));
        }
        for text in [
            "",
            "0",
            "01",
            "+1",
            "-1",
            "1.0",
            "1e9",
            "0x1",
            " 1",
            "1 ",
            "1_0",
            "١",
            "1900000000000",
            "10000000000",
            "18446744073709551617",
        ] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }

    /// What a message must tell apart.
    type Said = (String, String, BTreeMap<String, String>);

    /// Claims of few letters, most of which mean something in a message, so that two are often close.
    fn claims() -> impl Strategy<Value = (Said, String)> {
        let names = prop::sample::subsequence(vec!["a", "b", "c", "GET", "fr", "kie"], 0..5).prop_shuffle();
        let values = prop::collection::vec("[ab=,?]{0,3}|a=b|kid=k", 5);
        ("[ab]", "/[ab=&]{0,3}", names, values, "[1-2]", "[kl]", prop::option::of("a|b|a,b|b,c")).prop_map(
            |(host, path, names, values, exp, kid, free)| {
                let mut all: Vec<(&str, &str)> =
                    names.into_iter().zip(values.iter().map(String::as_str)).collect();
                all.extend([(EXP, exp.as_str()), (KID, kid.as_str())]);
                all.extend(free.as_deref().map(|free| (FREE, free)));
                let query: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let target = format!("{path}?{}", query.join("&"));
                let message = read(&host, &target).unwrap().message();
                let freed = |name: &str| free.iter().flat_map(|free| free.split(',')).any(|f| f == name);
                let fixed = all.iter().filter(|(name, _)| !freed(name));
                let fixed = fixed.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                ((host, path, fixed), message)
            },
        )
    }

    /// Cuts a message into what it says, as the invariant at the top claims is possible.
    fn cut(message: &str) -> Said {
        let mut fields = message.strip_suffix('\n').unwrap().split('\n');
        assert_eq!(fields.next(), Some("pinhole-url-v1"));
        assert_eq!(fields.next(), Some("GET"));
        let (host, path) = (fields.next().unwrap().to_owned(), fields.next().unwrap().to_owned());
        let pairs = fields.map(|field| field.split_once('=').unwrap());
        (host, path, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn what_was_claimed_can_be_read_off_the_message((said, message) in claims()) {
            prop_assert_eq!(cut(&message), said);
        }

        #[test]
        fn i34_different_claims_have_different_messages(one in claims(), other in claims()) {
            prop_assert_eq!(one.0 == other.0, one.1 == other.1);
        }
    }
}
