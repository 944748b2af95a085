//! The resizers that are tried, each as a policy has it and as a test reads its URLs.
//!
//! Belongs here: a row for each, and the policy that leaves all that it has to the request. Does not belong
//! here: what is asked.

use std::collections::BTreeMap;

use pinhole::config;
use pinhole::config::raw::{ImagorHash, ImagorSource};
use pinhole::options::kind::Kind;
use pinhole::options::{OptionName, SPECS, Spec};
use pinhole::origin::Cluster;
use pinhole::policy::Policy;
use pinhole::resizer::authority::AskedWith;
use pinhole::resizer::template::{Template, Words};
use pinhole::resizer::{self as by, Grammar, Resizer};
use pinhole::secret::Secret;
use serde_json::{Value, json};

use super::asked::VALUES;
use super::reading::{KEY, Options, Reading};
use super::{GATE, cloudflare, imaginary, imagor, imgproxy, ipx, template, thumbor, weserv};

/// Reads a path as a resizer does.
type Reader = dyn Fn(&str) -> Option<Reading>;

/// A resizer.
pub struct Subject {
    /// What a failure calls it.
    pub name: &'static str,
    /// Its section of a policy, beside cluster and authority.
    keys: Value,
    /// Itself, to be asked directly.
    pub resizer: Resizer,
    /// What it does for a path.
    pub read: Box<Reader>,
    /// Takes out of a decision what it is told by saying nothing, or has one spelling for with something else.
    pub fold: Box<dyn Fn(&mut Options)>,
}

fn subject(
    name: &'static str,
    keys: Value,
    grammar: Grammar,
    read: impl Fn(&str) -> Option<Reading> + 'static,
    fold: impl Fn(&mut Options) + 'static,
) -> Subject {
    let (cluster, authority) = (Cluster::parse("resizer").unwrap(), AskedWith::parse("resizer").unwrap());
    let resizer = Resizer { cluster, authority, grammar };
    Subject { name, keys, resizer, read: Box::new(read), fold: Box::new(fold) }
}

/// All resizers, some in more than one way.
#[rustfmt::skip]
pub fn all() -> Vec<Subject> {
    let secret = |key: &str, bytes: &[u8]| json!({ key: { "value": std::str::from_utf8(bytes).unwrap() } });
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let in_hex = json!({ "key": { "value": hex(KEY) }, "salt": { "value": hex(imgproxy::SALT) } });
    let keys = by::imgproxy::Keys::new(KEY, imgproxy::SALT).unwrap();
    let key = by::thumbor::Key::new(KEY).unwrap();
    let linked = by::weserv::Settings::new(Some(Secret::new(KEY)));
    let longer = by::imaginary::Key::new(imaginary::KEY).unwrap();
    vec![
        subject("imgproxy", in_hex, Grammar::Imgproxy(keys), imgproxy::read, imgproxy::fold),
        subject("thumbor", secret("key", KEY), Grammar::Thumbor(key), thumbor::read, thumbor::fold),
        imagor_subject("imagor", ImagorHash::Sha1, None, ImagorSource::Escaped),
        imagor_subject("imagor, sha256, base64", ImagorHash::Sha256, None, ImagorSource::Base64),
        imagor_subject("imagor, sha512, cut", ImagorHash::Sha512, Some(40), ImagorSource::Escaped),
        subject("imaginary", secret("key", imaginary::KEY), Grammar::Imaginary(longer), imaginary::read, imaginary::fold),
        subject("weserv", json!({}), Grammar::Weserv(by::weserv::Settings::new(None)), weserv::read, weserv::fold),
        subject("weserv, signed", secret("secret", KEY), Grammar::Weserv(linked), weserv::read_signed, weserv::fold),
        subject("ipx", json!({}), Grammar::Ipx, ipx::read, ipx::fold),
        subject("cloudflare", json!({}), Grammar::Cloudflare, cloudflare::read, |_| {}),
        template_subject("template of everything", EVERYTHING, &[]),
        template_subject("template with own words", OWN, OWN_WORDS),
    ]
}

fn imagor_subject(
    name: &'static str,
    hash: ImagorHash,
    truncate: Option<usize>,
    source: ImagorSource,
) -> Subject {
    let mut keys = json!({
        "secret": { "value": std::str::from_utf8(KEY).unwrap() },
        "hash": format!("{hash:?}").to_lowercase(),
        "source": format!("{source:?}").to_lowercase(),
    });
    if let Some(length) = truncate {
        keys.as_object_mut().unwrap().insert("truncate".to_owned(), json!(length));
    }
    let settings = by::imagor::Settings::new(KEY, hash, truncate, source).unwrap();
    subject(name, keys, Grammar::Imagor(settings), imagor::read, imagor::fold)
}

fn template_subject(name: &'static str, pattern: &'static str, words: template::Words) -> Subject {
    let (mut own, mut named) = (Words::new(), BTreeMap::<_, BTreeMap<_, _>>::new());
    for (option, word, text) in words {
        own.entry(OptionName::named(option).unwrap()).or_default().insert(word, (*text).to_owned());
        named.entry(option).or_default().insert(word, text);
    }
    let grammar = Grammar::Template(Template::new(pattern, own).unwrap());
    let read = move |path: &str| template::read(path, pattern, words);
    let fold = move |options: &mut Options| template::fold(options, pattern);
    subject(name, json!({ "path": pattern, "words": named }), grammar, read, fold)
}

/// A pattern with all options.
const EVERYTHING: &str = "/r[/w_{width}][/h_{height}]/{fit}[/g_{gravity}][/z_{zoom}][/t_{trim}][/r_{rotate}]\
    [/fl_{flip}][/bg_{background:hex}][/bl_{blur}][/sh_{sharpen}][/br_{brightness}][/co_{contrast}][/ga_{gamma}]\
    [/sa_{saturation}][/a_{anim}][/m_{metadata}]/q_{quality|80}[/f_{format}]/{source}";

/// A pattern in which the source is not last, for a resizer with words of its own.
const OWN: &str = "/{fit}/{width|0}x{height|0}?src={source:base64}&q={quality|80}[&f={format}][&g={gravity}]";

/// Its words.
const OWN_WORDS: template::Words = &[
    ("fit", "scale-down", "in/side"),
    ("fit", "contain", "fit&grow"),
    ("fit", "cover", "fill"),
    ("format", "jpeg", "jpg"),
    ("format", "webp", "webp"),
    ("gravity", "left", "west"),
    ("gravity", "auto", "{source}"),
];

impl Subject {
    /// Whether it has this value of an option.
    pub fn has(&self, spec: &Spec, text: &str) -> bool {
        spec.kind.parse(text).is_some_and(|value| self.resizer.dialect().has_value(spec.option, &value))
    }

    /// A policy that leaves to the request all that it has.
    pub fn policy(&self) -> Policy {
        let has = |spec: &&Spec| self.resizer.dialect().has(spec.option);
        let limits: BTreeMap<&str, Value> =
            SPECS.iter().filter(has).map(|spec| (spec.name, self.limit(spec))).collect();
        let mut section = json!({ "cluster": "resizer", "authority": "resizer" });
        section.as_object_mut().unwrap().extend(self.keys.as_object().unwrap().clone());
        let document = json!({
            "routes": [{ "path": "/(?<options>[^/]+)/(?<source>.+)", "origin": "photos", "query": limits }],
            "origins": { "photos": {
                "url": "https://secret.example.com/hidden", "cluster": "photos",
                "credentials": { "forward": ["authorization"], "cookies": ["session"] },
            } },
            "resizer": { self.resizer.dialect().name: section },
            "gate": { "url": GATE, "seal_key": { "value": "5ea1".repeat(16) } },
        });
        let loaded = config::load(document.to_string().as_bytes(), &|_| None);
        loaded.unwrap_or_else(|errors| panic!("{}: {errors:#?}\n{document}", self.name)).policy
    }

    fn limit(&self, spec: &Spec) -> Value {
        match VALUES.iter().find(|(name, _)| *name == spec.name) {
            Some((_, values)) => {
                json!({ "one_of": values.iter().filter(|text| self.has(spec, text)).collect::<Vec<_>>() })
            }
            None if matches!(spec.kind, Kind::Side | Kind::Width) => {
                json!({ "max": 12_000, "over": "clamp" })
            }
            None => json!({ "over": "clamp" }),
        }
    }
}
