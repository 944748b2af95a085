//! Compiles what opens an origin: fixed headers, and at most one way of signing.
//!
//! Cloudflare Access, Basic and Bearer become fixed headers here. INVARIANT: no message holds a secret or
//! anything that could be one written in the wrong place; a header is written by one key of the policy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::upstreams::{required_secret, secret_of};
use super::{Findings, forwarding};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{
    RawAws, RawAzureSharedKey, RawBasic, RawCloudflareAccess, RawCredentials, RawSecret, RawSecureAuth, Table,
};
use crate::credentials::mac::MacKey;
use crate::credentials::word::Word;
use crate::credentials::{
    CredentialName, Credentials, Scheme, Static, aws, azure, is_header_value, secure_auth,
};
use crate::forwarding::ForwardRule;
use crate::secret::Secret;

/// The keys of which one may stand beside `set`.
const SCHEMES: &str =
    "`aws`, `azure_shared_key`, `azure_sas`, `secure_auth`, `cloudflare_access`, `basic` and `bearer`";

pub(super) fn credentials(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawCredentials,
) -> (Credentials, ForwardRule) {
    let RawCredentials {
        set,
        aws,
        azure_shared_key,
        azure_sas,
        secure_auth,
        cloudflare_access,
        basic,
        bearer,
        forward,
        cookies,
    } = raw;
    let forwards = forward.is_some() || cookies.is_some();
    let forward = forwarding::forward(findings, place, forward, cookies);
    // Each that is there is compiled, so that all errors are found, also those of one too many.
    let mut found: Vec<(&str, Option<Way>)> = Vec::new();
    if let Some(raw) = aws {
        let key = aws_key(findings, &place.key("aws"), raw);
        found.push(("aws", key.map(|key| Way::signed(Scheme::Aws(key)))));
    }
    if let Some(raw) = azure_shared_key {
        let key = shared_key(findings, &place.key("azure_shared_key"), raw);
        found.push(("azure_shared_key", key.map(|key| Way::signed(Scheme::AzureSharedKey(key)))));
    }
    if let Some(raw) = azure_sas {
        let sas = sas(findings, &place.key("azure_sas"), raw);
        found.push(("azure_sas", sas.map(|sas| Way::signed(Scheme::AzureSas(sas)))));
    }
    if let Some(raw) = secure_auth {
        let key = secure_auth_key(findings, &place.key("secure_auth"), raw);
        found.push(("secure_auth", key.map(|key| Way::signed(Scheme::SecureAuth(key)))));
    }
    if let Some(raw) = cloudflare_access {
        let token = service_token(findings, &place.key("cloudflare_access"), raw);
        found.push(("cloudflare_access", token.map(Way::fixed)));
    }
    if let Some(raw) = basic {
        let value = basic_value(findings, &place.key("basic"), raw);
        found.push(("basic", value.and_then(authorization).map(Way::fixed)));
    }
    if let Some(raw) = bearer {
        let wanted = "a token alone, without the word `Bearer`";
        let token = word(findings, &place.key("bearer"), Some(raw), b"", wanted);
        let value = token.map(|token| format!("Bearer {}", token.expose()));
        found.push(("bearer", value.and_then(authorization).map(Way::fixed)));
    }

    let has_set = set.is_some();
    if set.as_ref().is_some_and(Table::is_empty) {
        findings.note(ConfigError::missing(place.key("set"), "at least one header"));
    }
    let set = fixed_headers(findings, &place.key("set"), set.unwrap_or_default());
    let first = found.first().map(|(name, _)| quote(name)).unwrap_or_default();
    for (name, _) in found.iter().skip(1) {
        let wanted = format!("only one of {SCHEMES}");
        findings.note(ConfigError::new(place.key(name), format!("another way beside {first}"), wanted));
    }
    // Nothing would open the origin, and its pictures would be as public as those of an open one.
    if found.is_empty() && !has_set && !forwards {
        let wanted = format!(
            "`set`, `forward`, `cookies`, or one of {SCHEMES}; or no `credentials` for an open origin"
        );
        findings.note(ConfigError::missing(place.clone(), wanted));
    }
    let credentials = match found.pop() {
        Some((name, Some(way))) => join(findings, &place.key("set"), set, name, way),
        _ => Credentials::of_static(set),
    };
    // A signature covers headers that the visitor would choose, or refuses those that it does not.
    if forwards && credentials.signs() {
        let wanted = "`forward` and `cookies`, or a way of signing";
        findings.note(ConfigError::new(
            place.clone(),
            format!("a visitor's credentials beside {first}"),
            wanted,
        ));
    }
    (credentials, forward)
}

/// What one key of the document means.
struct Way {
    fixed: Static,
    scheme: Scheme,
}

impl Way {
    fn fixed(fixed: Static) -> Way {
        Way { fixed, scheme: Scheme::Unsigned }
    }

    fn signed(scheme: Scheme) -> Way {
        Way { fixed: Static::new(), scheme }
    }
}

/// Puts `set` beside the key of this name.
fn join(findings: &mut Findings<'_>, place: &Place, set: Static, name: &str, way: Way) -> Credentials {
    let Way { mut fixed, scheme } = way;
    for (header, value) in &set {
        let place = place.key(header.as_str());
        let written = scheme.headers().contains(&header.as_str());
        if written || fixed.iter().any(|(other, _)| other == header) {
            let found = format!("a header that {} writes as well", quote(name));
            findings.note(ConfigError::new(place, found, "each header in one place"));
            continue;
        }
        if matches!(scheme, Scheme::AzureSharedKey(_)) && azure::LINES.contains(&header.as_str()) {
            let found = "a header with a line of its own in what a shared key signs";
            findings.note(ConfigError::new(place, found, "another header, for the gate sends none of these"));
            continue;
        }
        // What is signed is text in which servers have folded blanks.
        let plain = value.expose().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let text = plain && !value.expose().windows(2).any(|pair| pair == b"  ");
        if matches!(scheme, Scheme::Aws(_) | Scheme::AzureSharedKey(_)) && !text {
            let found = "a value that is not plain text";
            findings.note(ConfigError::new(
                place,
                found,
                format!("visible ASCII with single blanks, for {} signs it", quote(name)),
            ));
        }
    }
    fixed.extend(set);
    Credentials::new(fixed, scheme)
}

/// The headers under `set`.
fn fixed_headers(findings: &mut Findings<'_>, place: &Place, set: Table<RawSecret>) -> Static {
    let mut headers = Static::new();
    for (name, raw) in set {
        let place = place.key(&name);
        let secret = secret_of(findings, &place, raw);
        let Some(name) = CredentialName::parse(&name) else {
            let wanted = "a header name that belongs neither to the connection nor to the proxy";
            findings.note(ConfigError::new(place, quote(&name), wanted));
            continue;
        };
        if headers.iter().any(|(other, _)| *other == name) {
            findings.note(ConfigError::new(
                place.clone(),
                "the same header a second time",
                "each header once",
            ));
        }
        let Some(secret) = secret else { continue };
        if !is_header_value(&secret) {
            let wanted = "one line of text without blanks at its ends";
            findings.note(ConfigError::new(place, "a secret that no header can carry", wanted));
        }
        headers.push((name, secret));
    }
    headers
}

fn aws_key(findings: &mut Findings<'_>, place: &Place, raw: RawAws) -> Option<aws::Key> {
    let RawAws { access_key_id, secret_access_key, session_token, region } = raw;
    let wanted = "the id of an access key: visible ASCII without `/`, `,` and `=`";
    let id = word(findings, &place.key("access_key_id"), access_key_id, aws::SEPARATORS, wanted);
    let wanted = "the secret of an access key: visible ASCII";
    let secret = word(findings, &place.key("secret_access_key"), secret_access_key, b"", wanted);
    let wanted = "a session token: visible ASCII";
    let token = session_token.map(|raw| word(findings, &place.key("session_token"), Some(raw), b"", wanted));
    let wanted = "a region such as `eu-central-1`; `auto` for Google Cloud Storage";
    let region = findings.required(region, &place.key("region"), wanted)?;
    let parsed = aws::Region::parse(&region);
    if parsed.is_none() {
        // Not quoted: it may be a key in the wrong place.
        findings.note(ConfigError::new(place.key("region"), "a region of another form", wanted));
    }
    // A token that is wrong must not make the key one without a token.
    let token = match token {
        Some(token) => Some(token?),
        None => None,
    };
    Some(aws::Key::new(&id?, &secret?, token.as_ref(), parsed?))
}

fn shared_key(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawAzureSharedKey,
) -> Option<azure::SharedKey> {
    let RawAzureSharedKey { account, key } = raw;
    let wanted = "the name of a storage account: 3 to 24 lower-case letters and digits";
    let account = findings.required(account, &place.key("account"), wanted);
    let parsed = account.as_deref().and_then(azure::Account::parse);
    if account.is_some() && parsed.is_none() {
        findings.note(ConfigError::new(place.key("account"), "a name of another form", wanted));
    }
    let wanted = "a key of the storage account, in base64";
    let key = mac_key(findings, &place.key("key"), key, MacKey::from_base64, wanted);
    Some(azure::SharedKey::new(parsed?, key?))
}

fn sas(findings: &mut Findings<'_>, place: &Place, raw: RawSecret) -> Option<azure::Sas> {
    let secret = secret_of(findings, place, raw)?;
    let sas = azure::Sas::parse(&secret);
    if sas.is_none() {
        let wanted = "a query of `name=value` pairs with `sig` among them, without a question mark";
        findings.note(ConfigError::new(place.clone(), "a secret of another form", wanted));
    }
    sas
}

fn secure_auth_key(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawSecureAuth,
) -> Option<secure_auth::Key> {
    let RawSecureAuth { application_id, application_key } = raw;
    let wanted = "an application's id: visible ASCII without a colon";
    let id = word(findings, &place.key("application_id"), application_id, b":", wanted);
    let wanted = "an application's key, in hexadecimal digits";
    let key = mac_key(findings, &place.key("application_key"), application_key, MacKey::from_hex, wanted);
    Some(secure_auth::Key::new(id?, key?))
}

fn service_token(findings: &mut Findings<'_>, place: &Place, raw: RawCloudflareAccess) -> Option<Static> {
    let RawCloudflareAccess { client_id, client_secret } = raw;
    let wanted = "the id of a service token: visible ASCII";
    let id = word(findings, &place.key("client_id"), client_id, b"", wanted);
    let wanted = "the secret of a service token: visible ASCII";
    let secret = word(findings, &place.key("client_secret"), client_secret, b"", wanted);
    let header = |name, word: Word| Some((CredentialName::parse(name)?, Secret::new(word.expose())));
    Some(vec![header("cf-access-client-id", id?)?, header("cf-access-client-secret", secret?)?])
}

fn basic_value(findings: &mut Findings<'_>, place: &Place, raw: RawBasic) -> Option<String> {
    let RawBasic { user, password } = raw;
    let user = required_secret(findings, &place.key("user"), user, "a user");
    let password = required_secret(findings, &place.key("password"), password, "a password");
    let has = |secret: &Option<Secret>, no: fn(&u8) -> bool| {
        secret.as_ref().is_some_and(|secret| secret.expose().iter().any(no))
    };
    let (bad_user, bad_password) =
        (has(&user, |byte| byte.is_ascii_control() || *byte == b':'), has(&password, u8::is_ascii_control));
    if bad_user {
        let wanted = "text without colons and control characters";
        findings.note(ConfigError::new(place.key("user"), "a user that Basic cannot write", wanted));
    }
    if bad_password {
        let wanted = "text without control characters";
        findings.note(ConfigError::new(place.key("password"), "a password that Basic cannot write", wanted));
    }
    let pair = [user?.expose(), b":", password?.expose()].concat();
    (!bad_user && !bad_password).then(|| format!("Basic {}", STANDARD.encode(pair)))
}

/// `authorization` with this value.
fn authorization(value: String) -> Option<Static> {
    Some(vec![(CredentialName::parse("authorization")?, Secret::new(value))])
}

fn word(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Option<RawSecret>,
    separators: &[u8],
    wanted: &str,
) -> Option<Word> {
    let secret = required_secret(findings, place, raw, wanted)?;
    let word = Word::parse(&secret, separators);
    if word.is_none() {
        findings.note(ConfigError::new(place.clone(), "a secret of another form", wanted));
    }
    word
}

fn mac_key(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Option<RawSecret>,
    parse: fn(&Secret) -> Option<MacKey>,
    wanted: &str,
) -> Option<MacKey> {
    let key = parse(&required_secret(findings, place, raw, wanted)?);
    if key.is_none() {
        findings.note(ConfigError::new(place.clone(), "a key that is something else", wanted));
    }
    key
}
