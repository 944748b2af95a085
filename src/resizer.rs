//! The service that transforms: what each resizer can do, as data, and how it is asked.
//!
//! A dialect is a file with a [`Dialect`] table and one function that writes a path. There is no
//! trait: the set is closed, and the policy checks every option against the table when it loads, so
//! that no dialect meets an option that it would have to drop. INVARIANT: a path is made of the
//! [`Transform`], the [`SourceUrl`] and the resizer's own punctuation; no byte of the visitor's
//! request is in it but inside the sealed token.

pub mod authority;
pub mod cloudflare;
pub mod dialect;
pub mod frames;
pub mod imaginary;
pub mod imagor;
pub mod imgproxy;
pub mod ipx;
pub mod template;
pub mod thumbor;
pub mod turn;
pub mod weserv;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::options::OptionName;
use crate::options::value::{Colour, Value};
use crate::origin::Cluster;
use crate::transform::{Fit, Format, Transform};

use authority::AskedWith;
use dialect::listed;
pub use dialect::{BY_PINHOLE, Dialect, Row, Support};

/// The source as a resizer fetches it: the gate's URL and a token, characters that no resizer changes
/// but for `:` and `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUrl(String);

impl SourceUrl {
    /// `gate` is the gate's URL without a slash at its end.
    pub fn new(gate: &str, token: &str) -> SourceUrl {
        SourceUrl(format!("{gate}/{token}"))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes the URL percent-encoded, for resizers that decode it once.
    pub fn escape_into(&self, path: &mut String) {
        escape_into(&self.0, path);
    }
}

/// What a value keeps unencoded: RFC 3986 `unreserved`.
const UNRESERVED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes a text percent-encoded, so that none of it is punctuation of a URL.
fn escape_into(text: &str, path: &mut String) {
    path.extend(utf8_percent_encode(text, UNRESERVED));
}

/// The colour behind a picture: what is asked for, or white where a resizer left to itself would take black,
/// for what is transparent in a JPEG and for what `fit=pad` adds.
fn background(transform: &Transform) -> Option<Colour> {
    let is_jpeg = matches!(transform.format, Some(Format::Jpeg | Format::BaselineJpeg));
    match transform.option(OptionName::Background) {
        Some(Value::Colour(colour)) => Some(*colour),
        _ if is_jpeg || transform.frame.fit() == Fit::Pad => Some(Colour([255; 3])),
        _ => None,
    }
}

/// All dialects.
pub static DIALECTS: [&Dialect; 8] = [
    &imgproxy::DIALECT,
    &thumbor::DIALECT,
    &imagor::DIALECT,
    &imaginary::DIALECT,
    &weserv::DIALECT,
    &ipx::DIALECT,
    &cloudflare::DIALECT,
    &template::DIALECT,
];

/// In which dialect a resizer is asked, with what that dialect needs to know of it.
#[derive(Debug)]
pub enum Grammar {
    /// imgproxy.
    Imgproxy(imgproxy::Keys),
    /// thumbor.
    Thumbor(thumbor::Key),
    /// imagor.
    Imagor(imagor::Settings),
    /// imaginary.
    Imaginary(imaginary::Key),
    /// weserv/images.
    Weserv(weserv::Settings),
    /// ipx.
    Ipx,
    /// Cloudflare.
    Cloudflare,
    /// Any other, by the operator's own pattern.
    Template(template::Template),
}

/// A resizer: where it is and how it is asked.
pub struct Resizer {
    /// Envoy's name for it.
    pub cluster: Cluster,
    /// With which `:authority` it is asked.
    pub authority: AskedWith,
    /// How its URLs are written and signed.
    pub grammar: Grammar,
}

impl Resizer {
    /// What it can do.
    pub fn dialect(&self) -> &Dialect {
        match &self.grammar {
            Grammar::Imgproxy(_) => &imgproxy::DIALECT,
            Grammar::Thumbor(_) => &thumbor::DIALECT,
            Grammar::Imagor(_) => &imagor::DIALECT,
            Grammar::Imaginary(_) => &imaginary::DIALECT,
            Grammar::Weserv(_) => &weserv::DIALECT,
            Grammar::Ipx => &ipx::DIALECT,
            Grammar::Cloudflare => &cloudflare::DIALECT,
            Grammar::Template(template) => template.dialect(),
        }
    }

    /// The path of the upstream request that makes this transform of that source, signed. `None` for
    /// what the dialect's table does not list, and for options that it has, but not together.
    pub fn path(&self, transform: &Transform, source: &SourceUrl) -> Option<String> {
        if !self.has(transform) {
            return None;
        }
        match &self.grammar {
            Grammar::Imgproxy(keys) => Some(keys.sign(&imgproxy::path(transform, source)?)),
            Grammar::Thumbor(key) => Some(key.sign(&thumbor::path(transform, source)?)),
            Grammar::Imagor(settings) => settings.path(transform, source),
            Grammar::Imaginary(key) => key.path(transform, Some(source)),
            Grammar::Weserv(settings) => settings.path(transform, source),
            Grammar::Ipx => ipx::path(transform, source),
            Grammar::Cloudflare => Some(cloudflare::path(transform, source)),
            Grammar::Template(template) => template.path(transform, source),
        }
    }

    /// The path that makes this transform of a picture that comes with the request, signed. `None` as for
    /// [`Resizer::path`], and for a resizer that takes none.
    pub fn push_path(&self, transform: &Transform) -> Option<String> {
        match &self.grammar {
            Grammar::Imaginary(key) if self.has(transform) => key.path(transform, None),
            _ => None,
        }
    }

    /// Whether it has the options of a transform together, as it has each of them by itself. How long a side is does
    /// not matter, only whether there is one.
    pub fn spells(&self, transform: &Transform) -> bool {
        self.path(transform, &SourceUrl::new("http://gate", "token")).is_some()
    }

    /// Whether the dialect's table lists each option with its value.
    pub fn has(&self, transform: &Transform) -> bool {
        let dialect = self.dialect();
        let fit = Value::Word(transform.frame.fit().name());
        let format = transform.format.map(|format| Value::Word(format.name()));
        let has = |(option, value): (OptionName, &Value)| dialect.has_value(option, value);
        // Width and height are a matter of pinhole's own, and every dialect has the fit that is none.
        (transform.frame.fit() == Fit::default() || has((OptionName::Fit, &fit)))
            && format.iter().all(|format| has((OptionName::Format, format)))
            && transform.options().all(has)
    }
}

impl std::fmt::Debug for Resizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Resizer").field(&self.dialect().name).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::raw::{ImagorHash, ImagorSource};
    use crate::options::Options;
    use crate::secret::Secret;

    /// The transform of options in Cloudflare's notation.
    pub(crate) fn transform(text: &str) -> Transform {
        let mut options = Options::default();
        for (name, value) in crate::policy::query::split_segment(text).unwrap() {
            let option = OptionName::named(name).unwrap();
            options.set(option, option.spec().kind.parse(value).unwrap_or_else(|| panic!("{name}={value}")));
        }
        let format = options.word(OptionName::Format).and_then(Format::named);
        Transform::new(options, format).unwrap()
    }

    /// Options that name one value of each form that there is.
    const EACH: [&str; 34] = [
        "gravity=left",
        "gravity=top",
        "gravity=auto",
        "gravity=face",
        "gravity=0.5x0.5",
        "zoom=0.5",
        "trim=border",
        "trim=box:1;1;5;5",
        "trim=1;1;1;1",
        "rotate=90",
        "rotate=180",
        "flip=h",
        "flip=hv",
        "background=red",
        "blur=100",
        "blur=250",
        "sharpen=2",
        "brightness=0.5",
        "brightness=3",
        "contrast=1.5",
        "contrast=3",
        "gamma=2",
        "saturation=0",
        "anim=true",
        "anim=false",
        "metadata=copyright",
        "metadata=keep",
        "metadata=none",
        "quality=50",
        "format=avif",
        "format=baseline-jpeg",
        "format=png",
        "fit=scale-up",
        "fit=aspect-crop",
    ];

    /// One resizer of each grammar.
    fn resizers() -> Vec<Resizer> {
        let template = "/{fit}/{width|0}/{height|0}[{gravity}][{quality}][{format}]/{source}";
        let grammars = [
            Grammar::Imgproxy(imgproxy::Keys::new(b"key", b"salt").unwrap()),
            Grammar::Thumbor(thumbor::Key::new(b"key").unwrap()),
            Grammar::Imagor(
                imagor::Settings::new(b"key", ImagorHash::Sha1, None, ImagorSource::Escaped).unwrap(),
            ),
            Grammar::Imaginary(imaginary::Key::new(b"key").unwrap()),
            Grammar::Weserv(weserv::Settings::new(None)),
            Grammar::Ipx,
            Grammar::Cloudflare,
            Grammar::Template(template::Template::new(template, template::Words::new()).unwrap()),
        ];
        assert_eq!(grammars.len(), DIALECTS.len());
        let resizer = |grammar| Resizer {
            cluster: Cluster::parse("resizer").unwrap(),
            authority: AskedWith::parse("resizer").unwrap(),
            grammar,
        };
        grammars.into_iter().map(resizer).collect()
    }

    #[test]
    fn debug_output_has_no_key() {
        let shown: Vec<String> = resizers().iter().map(|resizer| format!("{:?}", resizer.grammar)).collect();
        assert_eq!(
            shown[..4],
            ["Imgproxy(Keys(…))", "Thumbor(Key(…))", "Imagor(Settings(…))", "Imaginary(Key(…))"]
        );
        let weserv = Grammar::Weserv(weserv::Settings::new(Some(Secret::new("canary"))));
        assert!(!format!("{weserv:?}").contains("canary"));
    }

    #[test]
    fn how_long_a_side_is_does_not_matter_to_what_is_spelled() {
        let resizers = resizers();
        for (index, one) in EACH.iter().enumerate() {
            for other in &EACH[index..] {
                for fit in ["", "fit=cover", "fit=pad"] {
                    let mut parts = vec![*one, *other, fit];
                    // A name that is given twice is refused.
                    parts.dedup_by_key(|part| part.split_once('=').map(|(name, _)| name));
                    let options = parts.join(",");
                    if options.matches("fit=").count() > 1 {
                        continue;
                    }
                    let transform = transform(&format!("width=1,height=1,{}", options.trim_end_matches(',')));
                    for resizer in &resizers {
                        let spelled = [(1, 1), (12_000, 7), (640, 12_000)].map(|(width, height)| {
                            resizer.spells(&transform.clone().framed(transform.frame.resized(width, height)))
                        });
                        assert!(spelled.iter().all(|other| *other == spelled[0]), "{resizer:?}: {options}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_path_is_written_for_exactly_what_the_table_lists() {
        let source = SourceUrl::new("http://gate.internal", "token");
        for resizer in resizers() {
            for text in EACH {
                let (name, value) = text.split_once('=').unwrap();
                let option = OptionName::named(name).unwrap();
                let value = option.spec().kind.parse(value).unwrap();
                let fit = if name == "fit" { "" } else { "fit=cover," };
                let format = if name == "format" { "" } else { "format=webp," };
                let transform = transform(&format!("width=10,height=10,{fit}{format}{text}"));
                if transform.to_options().get(option).is_none() {
                    continue; // folded away: `zoom` without a face
                }
                let listed = resizer.dialect().has_value(option, &value);
                assert_eq!(resizer.has(&transform), listed, "{resizer:?}: {text}");
                assert_eq!(resizer.path(&transform, &source).is_some(), listed, "{resizer:?}: {text}");
                let is_pushed = matches!(resizer.grammar, Grammar::Imaginary(_));
                let pushed = resizer.push_path(&transform);
                assert_eq!(pushed.is_some(), listed && is_pushed, "{resizer:?}: {text}");
            }
        }
    }
}
