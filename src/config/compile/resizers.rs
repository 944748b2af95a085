//! Compiles the resizer: where it is, in which dialect it is asked, with which key, and whether sources are pushed.

use super::upstreams::{cluster_of, required_secret};
use super::{Findings, options};
use crate::config::error::{ConfigError, Place, quote};
use crate::config::raw::{
    RawCloudflare, RawImaginary, RawImagor, RawImgproxy, RawIpx, RawPush, RawResizer, RawSecret, RawTemplate,
    RawThumbor, RawValue, RawWeserv, Table, Whole,
};
use crate::options::OptionName;
use crate::options::value::Value;
use crate::policy::supply::{Marks, Push};
use crate::resizer::authority::AskedWith;
use crate::resizer::template::{Template, Words};
use crate::resizer::{BY_PINHOLE, Grammar, Resizer, imaginary, imagor, imgproxy, thumbor, weserv};
use crate::seal::decode_hex;
use crate::secret::Secret;

/// Keys of resizers are at least this long, in bytes: 128 bits.
const LEAST_KEY: usize = 16;

/// The limits of pushing where none is written: 16 MiB, and the time limits of the demo's routes.
const SOURCE_BYTES: u32 = 16 << 20;
const ORIGIN_SECONDS: u32 = 10;
const RESIZER_SECONDS: u32 = 20;

/// The length from which imaginary takes a key, in bytes.
const LEAST_IMAGINARY_KEY: usize = 32;

/// The resizer; and the limits of pushing, where sources are sent to it.
pub(super) fn resizer(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawResizer,
) -> Option<(Resizer, Option<Push>)> {
    let mut pushing = None;
    let (name, cluster, authority, grammar) = match raw {
        RawResizer::Imgproxy(RawImgproxy { cluster, authority, key, salt }) => {
            ("imgproxy", cluster, authority, imgproxy(findings, &place.key("imgproxy"), key, salt))
        }
        RawResizer::Thumbor(RawThumbor { cluster, authority, key }) => {
            let place = place.key("thumbor").key("key");
            let key = long_key(findings, &place, key, "the value of SECURITY_KEY", LEAST_KEY);
            let grammar = key.and_then(|key| thumbor::Key::new(key.expose())).map(Grammar::Thumbor);
            ("thumbor", cluster, authority, grammar)
        }
        RawResizer::Imagor(RawImagor { cluster, authority, secret, hash, truncate, source }) => {
            let place = place.key("imagor").key("secret");
            let secret = long_key(findings, &place, secret, "the value of IMAGOR_SECRET", LEAST_KEY);
            let truncate = truncate.and_then(|Whole(length)| usize::try_from(length).ok());
            let (hash, source) = (hash.unwrap_or_default(), source.unwrap_or_default());
            let settings =
                secret.and_then(|secret| imagor::Settings::new(secret.expose(), hash, truncate, source));
            ("imagor", cluster, authority, settings.map(Grammar::Imagor))
        }
        RawResizer::Imaginary(RawImaginary { cluster, authority, key, push }) => {
            let place = place.key("imaginary").key("key");
            let wanted = "the value of -url-signature-key";
            let key = long_key(findings, &place, key, wanted, LEAST_IMAGINARY_KEY);
            pushing = push.and_then(|raw| limits(raw, key.as_ref()?));
            let grammar = key.and_then(|key| imaginary::Key::new(key.expose())).map(Grammar::Imaginary);
            ("imaginary", cluster, authority, grammar)
        }
        RawResizer::Weserv(RawWeserv { cluster, authority, secret }) => {
            let place = place.key("weserv").key("secret");
            let grammar = match secret {
                None => Some(weserv::Settings::new(None)),
                raw => {
                    let wanted = "the secret of nginx's secure link";
                    let secret = long_key(findings, &place, raw, wanted, LEAST_KEY);
                    secret.map(|secret| weserv::Settings::new(Some(secret)))
                }
            };
            ("weserv", cluster, authority, grammar.map(Grammar::Weserv))
        }
        RawResizer::Ipx(RawIpx { cluster, authority }) => ("ipx", cluster, authority, Some(Grammar::Ipx)),
        RawResizer::Cloudflare(RawCloudflare { cluster, authority }) => {
            ("cloudflare", cluster, authority, Some(Grammar::Cloudflare))
        }
        RawResizer::Template(RawTemplate { cluster, authority, path, words }) => {
            let template = template(findings, &place.key("template"), path, words.unwrap_or_default());
            ("template", cluster, authority, template.map(Grammar::Template))
        }
    };
    let place = place.key(name);
    let cluster = cluster_of(findings, &place.key("cluster"), cluster);
    let authority = authority_of(findings, &place.key("authority"), authority, pushing.is_some());
    Some((Resizer { cluster: cluster?, authority: authority?, grammar: grammar? }, pushing))
}

fn authority_of(
    findings: &mut Findings<'_>,
    place: &Place,
    authority: Option<String>,
    pushes: bool,
) -> Option<AskedWith> {
    let wanted = "a host with an optional port";
    let authority = findings.required(authority, place, wanted)?;
    let parsed = AskedWith::parse(&authority);
    // What pinhole itself asks goes past all routes: nothing would rewrite it.
    if parsed.is_none() || (pushes && parsed == Some(AskedWith::Kept)) {
        findings.note(ConfigError::new(place.clone(), quote(&authority), wanted));
    }
    parsed
}

/// The limits of pushing to a resizer with this key.
fn limits(raw: RawPush, key: &Secret) -> Option<Push> {
    let RawPush { source_bytes, origin_seconds, resizer_seconds } = raw;
    Some(Push {
        source_bytes: usize::try_from(source_bytes.map_or(SOURCE_BYTES, |Whole(bytes)| bytes)).ok()?,
        origin_seconds: origin_seconds.map_or(ORIGIN_SECONDS, |Whole(seconds)| seconds),
        resizer_seconds: resizer_seconds.map_or(RESIZER_SECONDS, |Whole(seconds)| seconds),
        marks: Marks::derive(key.expose())?,
    })
}

fn imgproxy(
    findings: &mut Findings<'_>,
    place: &Place,
    key: Option<RawSecret>,
    salt: Option<RawSecret>,
) -> Option<Grammar> {
    let wanted = "the value of IMGPROXY_KEY";
    let key = required_key(findings, &place.key("key"), key, wanted);
    let key = key.and_then(|key| hex_key(findings, &place.key("key"), &key, wanted));
    let wanted = "the value of IMGPROXY_SALT";
    let salt = required_secret(findings, &place.key("salt"), salt, wanted);
    let salt = salt.and_then(|salt| hex_key(findings, &place.key("salt"), &salt, wanted));
    imgproxy::Keys::new(&key?, &salt?).map(Grammar::Imgproxy)
}

fn template(
    findings: &mut Findings<'_>,
    place: &Place,
    path: Option<String>,
    raw: Table<Table<RawValue>>,
) -> Option<Template> {
    let words = words(findings, &place.key("words"), raw);
    let worded: Vec<OptionName> = words.keys().copied().collect();
    let (place, at_words) = (place.key("path"), place.key("words"));
    let path = findings.required(path, &place, "a pattern such as `/{width|0}x{height|0}/{source}`")?;
    let template = Template::new(&path, words)
        .map_err(|invalid| findings.note(ConfigError::new(place, quote(&path), invalid.to_string())))
        .ok()?;
    for option in worded.into_iter().filter(|option| !template.names(*option)) {
        let (found, wanted) =
            ("words for what `path` does not name", "a place for it in `path`, or no words");
        findings.note(ConfigError::new(at_words.key(option.name()), found, wanted));
    }
    Some(template)
}

/// The resizer's words for those of options.
fn words(findings: &mut Findings<'_>, place: &Place, raw: Table<Table<RawValue>>) -> Words {
    let mut words = Words::new();
    for (name, raw) in raw {
        let place = place.key(&name);
        let Some(option) = options::option_named(findings, &place, &name) else { continue };
        let own = words.entry(option).or_default();
        for (word, RawValue { text, quoted: _ }) in raw {
            match option.spec().kind.parse(&word) {
                Some(Value::Word(_)) if text.is_empty() => {
                    findings.note(ConfigError::missing(place.key(&word), "the resizer's word for it"));
                }
                Some(Value::Word(_)) if BY_PINHOLE.contains(&option) => {
                    let wanted =
                        "an option whose words a resizer is told; pinhole makes a number of this one";
                    findings.note(ConfigError::new(place.key(&word), quote(&word), wanted));
                }
                Some(Value::Word(word)) => {
                    own.insert(word, text);
                }
                _ => {
                    let wanted = option.spec().kind.to_string();
                    findings.note(ConfigError::new(place.key(&word), quote(&word), wanted));
                }
            }
        }
    }
    words
}

fn hex_key(findings: &mut Findings<'_>, place: &Place, secret: &Secret, wanted: &str) -> Option<Vec<u8>> {
    let key = decode_hex(secret.expose()).filter(|key| key.len() >= LEAST_KEY);
    if key.is_none() {
        let wanted = format!("{wanted}: at least {LEAST_KEY} bytes in hexadecimal digits");
        findings.note(ConfigError::new(place.clone(), "a key that is something else", wanted));
    }
    key
}

/// A required key of at least so many characters.
fn long_key(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Option<RawSecret>,
    wanted: &str,
    least: usize,
) -> Option<Secret> {
    let key = required_key(findings, place, raw, wanted)?;
    if key.expose().len() < least {
        let wanted = format!("at least {least} characters");
        findings.note(ConfigError::new(place.clone(), "a key that is too short", wanted));
    }
    Some(key)
}

/// A required secret that is a key of pinhole's own or of its resizer's, and of no second use.
fn required_key(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: Option<RawSecret>,
    wanted: &str,
) -> Option<Secret> {
    let key = required_secret(findings, place, raw, wanted)?;
    findings.unique_key(place, &key);
    Some(key)
}
