//! Azure Blob Storage: [`SharedKey`] signs each request, a [`Sas`] is a query that opens a container.
//!
//! The string that a shared key signs is that of "Authorize with Shared Key" (learn.microsoft.com, REST
//! API of the storage services) for a GET or HEAD without body and query: only the method, the `x-ms-`
//! headers and the path have something in it. INVARIANT: the path that is signed is, byte for byte, the
//! path that is sent. A SAS is the only query that a request of the gate can have.

use super::mac::MacKey;
use super::moment::Moment;
use super::word::Word;
use super::{Static, Unsigned};
use crate::request::query::Query;
use crate::secret::Secret;

/// The headers that a shared key writes.
pub const HEADERS: &[&str] = &["authorization", "x-ms-date", "x-ms-version"];

/// Headers with a line of their own in what is signed. The gate sends none of them.
pub const LINES: &[&str] = &[
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "date",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// The protocol's version that the gate speaks.
const VERSION: &str = "2021-12-02";

/// The name of a storage account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account(String);

impl Account {
    /// Takes 3 to 24 lower-case letters and digits.
    pub fn parse(name: &str) -> Option<Account> {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        ((3..=24).contains(&name.len()) && plain).then(|| Account(name.to_owned()))
    }
}

/// A storage account's key, ready to sign with.
pub struct SharedKey {
    account: Account,
    key: MacKey,
}

impl SharedKey {
    /// Puts an account and one of its keys together.
    pub fn new(account: Account, key: MacKey) -> SharedKey {
        SharedKey { account, key }
    }

    /// The headers that open this request; `others` are sent with it.
    pub(super) fn sign(
        &self,
        request: &Unsigned<'_>,
        others: &Static,
        now: Moment,
    ) -> Option<Vec<(&'static str, Secret)>> {
        let date = now.http_date();
        let mut headers = vec![("x-ms-date", date.as_str()), ("x-ms-version", VERSION)];
        for (name, value) in others.iter().filter(|(name, _)| name.as_str().starts_with("x-ms-")) {
            headers.push((name.as_str(), std::str::from_utf8(value.expose()).ok()?));
        }
        headers.sort_unstable();
        let signature = self.key.sign(&self.string_to_sign(request, &headers));
        let authorization = format!("SharedKey {}:{signature}", self.account.0);
        Some(vec![
            ("authorization", Secret::new(authorization)),
            ("x-ms-date", Secret::new(date)),
            ("x-ms-version", Secret::new(VERSION)),
        ])
    }

    /// `headers` are all that begin with `x-ms-`, in the order of their names.
    fn string_to_sign(&self, request: &Unsigned<'_>, headers: &[(&str, &str)]) -> String {
        // Eleven empty lines: `LINES` and the length of the body.
        let mut text = format!("{}\n\n\n\n\n\n\n\n\n\n\n\n", request.method.name());
        for (name, value) in headers {
            text.push_str(&format!("{name}:{}\n", value.trim()));
        }
        text.push_str(&format!("/{}{}", self.account.0, request.path));
        text
    }
}

/// A shared access signature: a query that opens what it was made for, as long as it says.
pub struct Sas(Word);

impl Sas {
    /// Takes a query of `name=value` pairs, no name twice, with a signature among them.
    pub fn parse(query: &Secret) -> Option<Sas> {
        let query = Word::parse(query, b"")?;
        let parsed = Query::parse(Some(query.expose())).ok()?;
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let signed = parsed.iter().any(|(name, value)| name == "sig" && !value.is_empty());
        (signed && parsed.iter().all(|(name, _)| plain(name))).then_some(Sas(query))
    }

    /// The query, without a question mark.
    pub(super) fn query(&self) -> &Word {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::CredentialName;
    use crate::origin::Scheme;
    use crate::request::Method;

    fn key(account: &str) -> SharedKey {
        // The key of every Azure emulator, which is published.
        let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
        SharedKey::new(Account::parse(account).unwrap(), MacKey::from_base64(&Secret::new(key)).unwrap())
    }

    const REQUEST: Unsigned<'_> = Unsigned {
        method: Method::Get,
        scheme: Scheme::Https,
        authority: "myaccount.blob.core.windows.net",
        path: "/mycontainer",
    };

    #[test]
    fn the_documents_example() {
        // "Authorize with Shared Key", first example. Its request has a query, which ours never have; the
        // lines that the document adds for it are added here.
        let headers = [("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"), ("x-ms-version", "2015-02-21")];
        let text = key("myaccount").string_to_sign(&REQUEST, &headers);
        let wanted = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
                      /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20";
        assert_eq!(format!("{text}\ncomp:metadata\nrestype:container\ntimeout:20"), wanted);
    }

    #[test]
    fn what_is_sent_under_x_ms_is_signed_in_the_order_of_names() {
        let others = |value: &str| {
            let pair = |name: &str| (CredentialName::parse(name).unwrap(), Secret::new(value));
            vec![pair("x-ms-client-request-id"), pair("x-other")]
        };
        let now = Moment::new(1_435_361_952).unwrap();
        let signed = |others: &Static, request: &Unsigned<'_>| {
            key("myaccount").sign(request, others, now).unwrap().first().unwrap().1.expose().to_vec()
        };
        let first = signed(&others("a"), &REQUEST);
        assert!(first.starts_with(b"SharedKey myaccount:"));
        assert_ne!(signed(&others("b"), &REQUEST), first);
        assert_ne!(signed(&others("a"), &Unsigned { method: Method::Head, ..REQUEST }), first);
        assert_ne!(signed(&others("a"), &Unsigned { path: "/mycontainer/", ..REQUEST }), first);
        let text = key("myaccount").string_to_sign(&REQUEST, &[("x-ms-a", "1"), ("x-ms-date", "2")]);
        assert!(text.ends_with("\n\nx-ms-a:1\nx-ms-date:2\n/myaccount/mycontainer"), "{text}");
    }

    #[test]
    fn an_account_is_a_plain_name() {
        for bad in ["", "ab", "My", "my-account", "averyverylongaccountname1"] {
            assert!(Account::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_sas_is_a_signed_query() {
        let good = "sv=2022-11-02&ss=b&srt=o&sp=r&se=2030-01-01T00:00:00Z&spr=https,http&sig=a%2Bb%2Fc%3D";
        assert_eq!(Sas::parse(&Secret::new(good)).unwrap().query().expose(), good);
        for bad in [
            "",
            "sv=2022-11-02",
            "?sv=2022-11-02&sig=a",
            "sv=1&sig=",
            "sv=1&sig=a&sig=b",
            "sv=1&sig=a b",
            "sv=1&sig=a+b",
            "sv=1&sig=a#b",
            "sv=1&sig=a%",
            "sv&sig=a",
            "sv=1&&sig=a",
            "sv=1&sig=a\r\nx: y",
            "https://a.blob.core.windows.net/c?sv=1&sig=a",
        ] {
            assert!(Sas::parse(&Secret::new(bad)).is_none(), "{bad}");
        }
    }
}
