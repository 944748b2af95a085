//! AWS Signature Version 4 in headers, as S3 and what speaks like S3 check it: MinIO, Ceph, R2, and
//! Google Cloud Storage with an HMAC key (region `auto`).
//!
//! The key of the day and the signature are computed by the AWS SDK, `aws-sigv4`. What is signed is
//! written here, since a gate's request needs little of what the SDK's own writer takes into the module
//! (URLs, header maps, identities, log lines: 130 kB): method, path without query, `x-amz-date`,
//! `x-amz-content-sha256`, the session token, and the origin's other credentials, since S3 refuses an
//! `x-amz-` header that is not signed ("Create a signed AWS API request", IAM User Guide: for S3 the
//! path is encoded once and not normalised).
//!
//! INVARIANT: the path that is signed is, byte for byte, the path that is sent; the host that is signed
//! is the `:authority` that is sent, with its port even where that is the scheme's own.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use sha2::{Digest, Sha256};

use super::moment::Moment;
use super::word::Word;
use super::{Static, Unsigned};
use crate::secret::Secret;

/// The headers that are written here.
pub const HEADERS: &[&str] = &["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// What may not be in an access key's id, because it separates the parts of `authorization`.
pub const SEPARATORS: &[u8] = b"/,=";

/// The name of a region, such as `eu-central-1`; `auto` for Google Cloud Storage and R2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Takes lower-case letters, digits and hyphens.
    pub fn parse(name: &str) -> Option<Region> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ((1..=64).contains(&name.len()) && name.bytes().all(plain)).then(|| Region(name.to_owned()))
    }
}

/// An access key, and what it signs for.
pub struct Key {
    id: Word,
    secret: Word,
    token: Option<Word>,
    region: Region,
}

/// There is no body. S3 takes the hash of none as well; this is what its own clients send for GET.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

impl Key {
    /// Puts a key together; `token` makes it a temporary one.
    pub fn new(id: &Word, secret: &Word, token: Option<&Word>, region: Region) -> Key {
        Key { id: id.clone(), secret: secret.clone(), token: token.cloned(), region }
    }

    /// The headers that open this request; `others` are sent with it, and signed.
    pub(super) fn sign(&self, request: &Unsigned<'_>, others: &Static, now: Moment) -> Option<Signed> {
        let date = now.basic();
        let mut own = vec![("x-amz-content-sha256", UNSIGNED_PAYLOAD), ("x-amz-date", &date)];
        own.extend(self.token.iter().map(|token| ("x-amz-security-token", token.expose())));
        let mut headers = own.clone();
        headers.push(("host", request.authority));
        for (name, value) in others {
            headers.push((name.as_str(), std::str::from_utf8(value.expose()).ok()?));
        }
        let Unsigned { method, path, .. } = request;
        let request = Canonical { method: method.name(), path, headers, payload: UNSIGNED_PAYLOAD };
        let authorization = self.authorization("s3", request, now)?;
        let own = own.into_iter().map(|(name, value)| (name, Secret::new(value)));
        Some(own.chain([("authorization", Secret::new(authorization))]).collect())
    }

    /// The value of `authorization` for a request to a service. Public for the published vectors, which are
    /// about another service than S3. `None` where a header has what cannot be signed.
    pub fn authorization(&self, service: &str, request: Canonical<'_>, now: Moment) -> Option<String> {
        let Canonical { method, path, mut headers, payload } = request;
        headers.sort_unstable();
        let (mut lines, mut names) = (String::new(), Vec::new());
        for (name, value) in headers {
            let plain = |byte: u8| byte == b'\t' || matches!(byte, b' '..=b'~');
            value.bytes().all(plain).then_some(())?;
            let words: Vec<_> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            lines.push_str(&format!("{name}:{}\n", words.join(" ")));
            names.push(name);
        }
        let names = names.join(";");
        // The empty line between path and headers is the query.
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{payload}");
        let moment = now.basic();
        let (day, _) = moment.split_once('T')?;
        let scope = format!("{day}/{}/{service}/aws4_request", self.region.0);
        let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let key = generate_signing_key(self.secret.expose(), now.system_time(), &self.region.0, service);
        let signature = calculate_signature(key, text.as_bytes());
        let id = self.id.expose();
        Some(format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ))
    }
}

/// Header names and their values.
pub type Signed = Vec<(&'static str, Secret)>;

/// What of a request is signed.
pub struct Canonical<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, encoded, without a query.
    pub path: &'a str,
    /// The headers that are signed: their names in lower case, none twice.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The body's hash, or what stands in its place.
    pub payload: &'a str,
}

/// Bytes in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::CredentialName;
    use crate::origin::Scheme;
    use crate::request::Method;

    fn word(text: &str) -> Word {
        Word::parse(&Secret::new(text), b"").unwrap()
    }

    fn signed(key: &Key, request: &Unsigned<'_>, others: &Static) -> Vec<(&'static str, String)> {
        let now = Moment::new(1_369_353_600).unwrap();
        let headers = key.sign(request, others, now).unwrap();
        headers
            .into_iter()
            .map(|(name, value)| (name, String::from_utf8(value.expose().into()).unwrap()))
            .collect()
    }

    fn key(token: Option<&str>) -> Key {
        let token = token.map(word);
        let region = Region::parse("us-east-1").unwrap();
        let secret = word("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        Key::new(&word("AKIAIOSFODNN7EXAMPLE"), &secret, token.as_ref(), region)
    }

    const REQUEST: Unsigned<'_> = Unsigned {
        method: Method::Get,
        scheme: Scheme::Https,
        authority: "examplebucket.s3.amazonaws.com:443",
        path: "/a%20b/c%2Bd%40%C3%A9.jpg",
    };

    #[test]
    fn every_header_that_is_sent_is_signed() {
        let others = vec![(CredentialName::parse("x-amz-request-payer").unwrap(), Secret::new("requester"))];
        let headers = signed(&key(Some("token")), &REQUEST, &others);
        let authorization = &headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
        let listed =
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-request-payer;x-amz-security-token,";
        assert!(authorization.contains(listed), "{authorization}");
        assert!(
            authorization.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,")
        );
        for (name, value) in [
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-amz-security-token", "token"),
        ] {
            assert!(headers.contains(&(name, value.to_owned())), "{name} in {headers:?}");
        }
        assert!(headers.iter().all(|(name, _)| HEADERS.contains(name)));
        assert!(!signed(&key(None), &REQUEST, &Vec::new()).iter().any(|(name, _)| name.ends_with("token")));
    }

    #[test]
    fn method_host_port_and_path_make_a_difference() {
        let of = |request: &Unsigned<'_>| signed(&key(None), request, &Vec::new());
        let first = of(&REQUEST);
        assert_eq!(of(&REQUEST), first, "the same request, the same signature");
        for other in [
            Unsigned { method: Method::Head, ..REQUEST },
            Unsigned { authority: "examplebucket.s3.amazonaws.com", ..REQUEST },
            Unsigned { path: "/a%20b/c%2Bd%40%C3%A9.jpeg", ..REQUEST },
            Unsigned { path: "/a%2520b/c%252Bd%2540%25C3%25A9.jpg", ..REQUEST },
            Unsigned { path: "/x/../a%20b/c%2Bd%40%C3%A9.jpg", ..REQUEST },
        ] {
            assert_ne!(of(&other), first, "{}", other.path);
        }
    }

    #[test]
    fn only_text_of_one_line_is_signed() {
        let signs = |value: &str| {
            let others = vec![(CredentialName::parse("x-amz-meta-a").unwrap(), Secret::new(value))];
            key(None).sign(&REQUEST, &others, Moment::new(1_369_353_600).unwrap()).is_some()
        };
        assert!(signs("a b~") && signs("a\tb"));
        for value in ["é", "a\nb", "a\u{7f}"] {
            assert!(!signs(value), "{value:?}");
        }
    }

    #[test]
    fn a_region_is_a_plain_name() {
        assert!(Region::parse("auto").is_some());
        for name in ["", "EU", "eu/central", "eu central", "é"] {
            assert_eq!(Region::parse(name), None, "{name}");
        }
    }
}
