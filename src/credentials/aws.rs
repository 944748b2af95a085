//! AWS Signature Version 4 in headers, as S3 and what speaks like S3 check it: MinIO, Ceph, R2, and
//! Google Cloud Storage with an HMAC key (region `auto`).
//!
//! The computation is that of the AWS SDK, `aws-sigv4`. Here are the settings that S3 asks for ("Create
//! a signed AWS API request", IAM User Guide: for S3 the path is encoded once and not normalised) and
//! what is signed: method, host, path, `x-amz-date`, `x-amz-content-sha256`, the session token, and the
//! origin's other credentials, since S3 refuses an `x-amz-` header that is not signed.
//!
//! INVARIANT: the path that is signed is, byte for byte, the path that is sent; the host that is signed
//! is the `:authority` that is sent, with its port even where that is the scheme's own.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

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
    credentials: Credentials,
    region: Region,
}

impl Key {
    /// Puts a key together; `token` makes it a temporary one.
    pub fn new(id: &Word, secret: &Word, token: Option<&Word>, region: Region) -> Key {
        let token = token.map(|token| token.expose().to_owned());
        // No expiry: S3 itself knows when a temporary key ends.
        let credentials = Credentials::new(id.expose(), secret.expose(), token, None, "pinhole");
        Key { credentials, region }
    }

    /// The headers that open this request; `others` are sent with it, and signed.
    pub(super) fn sign(&self, request: &Unsigned<'_>, others: &Static, now: Moment) -> Option<Signed> {
        let Unsigned { method, scheme, authority, path } = request;
        let mut headers = vec![("host", *authority)];
        for (name, value) in others {
            headers.push((name.as_str(), std::str::from_utf8(value.expose()).ok()?));
        }
        let url = format!("{}://{authority}{path}", scheme.name());
        // There is no body. S3 takes the hash of none as well; this is what its own clients send for GET.
        let body = SignableBody::UnsignedPayload;
        let request = SignableRequest::new(method.name(), url, headers.into_iter(), body).ok()?;
        let scope = Scope { region: &self.region.0, service: "s3", settings: settings() };
        sign_for(&self.credentials, scope, request, now)
    }
}

/// Header names and their values.
pub type Signed = Vec<(&'static str, Secret)>;

/// What a signature is good for.
pub struct Scope<'a> {
    /// The region's name.
    pub region: &'a str,
    /// The service's name.
    pub service: &'a str,
    /// How its canonical request is written.
    pub settings: SigningSettings,
}

/// How S3 wants it: encoded once, nothing normalised, the payload's hash in a header of its own.
fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

/// The headers that the SDK adds to a request. Public for the published vectors, which are about
/// another service than S3.
pub fn sign_for(
    credentials: &Credentials,
    scope: Scope<'_>,
    request: SignableRequest<'_>,
    now: Moment,
) -> Option<Signed> {
    let Scope { region, service, settings } = scope;
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now.system_time())
        .settings(settings)
        .build()
        .ok()?;
    let params = params.into();
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    let (headers, _) = instructions.into_parts();
    Some(headers.iter().map(|header| (header.name(), Secret::new(header.value()))).collect())
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
    fn a_region_is_a_plain_name() {
        assert!(Region::parse("auto").is_some());
        for name in ["", "EU", "eu/central", "eu central", "é"] {
            assert_eq!(Region::parse(name), None, "{name}");
        }
    }
}
