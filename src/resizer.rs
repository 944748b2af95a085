//! The service that transforms: what each resizer can do, as data, and how it is asked.
//!
//! A dialect is a file with a [`Dialect`] table and one function that writes a path. There is no
//! trait: the set is closed, and the policy checks every option against the table when it loads, so
//! that no dialect meets an option that it would have to drop. INVARIANT: a path is made of the
//! [`Transform`], the [`SourceUrl`] and the resizer's own punctuation; no byte of the visitor's
//! request is in it but inside the sealed token.

pub mod imgproxy;
pub mod thumbor;
pub mod turn;

use crate::options::OptionName;
use crate::options::value::{Number, Trim, Value};
use crate::origin::{Authority, Cluster};
use crate::transform::{Fit, Format, Transform};

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
}

/// Which values of an option a resizer has.
#[derive(Debug, Clone, Copy)]
pub enum Support {
    /// All of them.
    All,
    /// Numbers up to this one.
    UpTo(Number),
    /// These words; `point` stands for all points, `box` for all boxes.
    Words(&'static [&'static str]),
}

/// What a resizer can do.
#[derive(Debug)]
pub struct Dialect {
    /// Its name, as in the policy.
    pub name: &'static str,
    /// The fits it has.
    pub fits: &'static [Fit],
    /// The formats it writes.
    pub formats: &'static [Format],
    /// The other options it has, each with a note where it differs from what Cloudflare documents.
    pub options: &'static [(OptionName, Support, &'static str)],
}

/// Options that pinhole itself turns into others before a resizer is asked.
pub const BY_PINHOLE: &[OptionName] =
    &[OptionName::Width, OptionName::Height, OptionName::Dpr, OptionName::SlowConnectionQuality];

impl Dialect {
    /// Whether there is any value of this option that the resizer has.
    pub fn has(&self, option: OptionName) -> bool {
        let listed = self.options.iter().any(|(other, _, _)| *other == option);
        BY_PINHOLE.contains(&option) || matches!(option, OptionName::Fit | OptionName::Format) || listed
    }

    /// Whether the resizer has this value of this option.
    pub fn has_value(&self, option: OptionName, value: &Value) -> bool {
        if BY_PINHOLE.contains(&option) {
            return true;
        }
        match (option, value) {
            (OptionName::Fit, Value::Word(word)) => self.fits.iter().any(|fit| fit.name() == *word),
            (OptionName::Format, Value::Word("auto")) => true,
            (OptionName::Format, Value::Word(word)) => {
                self.formats.iter().any(|format| format.name() == *word)
            }
            _ => {
                let support = self.options.iter().find(|(other, _, _)| *other == option);
                support.is_some_and(|(_, support, _)| support.covers(value))
            }
        }
    }

    /// The values of an option that the resizer has, for an error message.
    pub fn wanted(&self, option: OptionName) -> String {
        let listed =
            |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let support =
            self.options.iter().find(|(other, _, _)| *other == option).map(|(_, support, _)| support);
        match (option, support) {
            (OptionName::Fit, _) => {
                format!("one of {}", listed(&self.fits.iter().map(|fit| fit.name()).collect::<Vec<_>>()))
            }
            (OptionName::Format, _) => {
                let names: Vec<&str> = self.formats.iter().map(|format| format.name()).collect();
                format!("one of `auto`, {}", listed(&names))
            }
            (_, Some(Support::Words(words))) => format!("one of {}", listed(words)),
            (_, Some(Support::UpTo(most))) => format!("at most {most}"),
            (_, Some(Support::All)) => option.spec().kind.to_string(),
            (_, None) => format!("an option that {} has (see `pinhole options {}`)", self.name, self.name),
        }
    }
}

impl Support {
    fn covers(self, value: &Value) -> bool {
        match (self, value) {
            (Support::All, _) => true,
            (Support::UpTo(most), Value::Number(number)) => *number <= most,
            (Support::UpTo(_), _) => false,
            (Support::Words(words), value) => {
                let word = match value {
                    Value::Word(word) => word,
                    Value::Point(..) => "point",
                    Value::Trim(Trim::Border) => "border",
                    Value::Trim(Trim::Box(_)) => "box",
                    Value::Trim(Trim::Edges(_)) => "edges",
                    Value::Number(_) | Value::Colour(_) => return false,
                };
                words.contains(&word)
            }
        }
    }
}

/// All dialects.
pub static DIALECTS: [&Dialect; 2] = [&imgproxy::DIALECT, &thumbor::DIALECT];

/// How the resizer's URLs are written and signed.
#[derive(Debug)]
pub enum Signer {
    /// imgproxy.
    Imgproxy(imgproxy::Keys),
    /// thumbor.
    Thumbor(thumbor::Key),
}

/// A resizer: where it is and how it is asked.
pub struct Resizer {
    /// Envoy's name for it.
    pub cluster: Cluster,
    /// The value of `:authority` it is asked with.
    pub authority: Authority,
    /// How its URLs are signed.
    pub signer: Signer,
}

impl Resizer {
    /// What it can do.
    pub fn dialect(&self) -> &'static Dialect {
        match self.signer {
            Signer::Imgproxy(_) => &imgproxy::DIALECT,
            Signer::Thumbor(_) => &thumbor::DIALECT,
        }
    }

    /// The path of the upstream request that makes this transform of that source, signed. `None` for
    /// what the dialect's table does not list, and for options that it has, but not together.
    pub fn path(&self, transform: &Transform, source: &SourceUrl) -> Option<String> {
        let dialect = self.dialect();
        let listed = transform.to_options().iter().all(|(option, value)| dialect.has_value(option, value));
        if !listed {
            return None;
        }
        match &self.signer {
            Signer::Imgproxy(keys) => Some(keys.sign(&imgproxy::path(transform, source)?)),
            Signer::Thumbor(key) => Some(key.sign(&thumbor::path(transform, source)?)),
        }
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
    use crate::options::Options;

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

    #[test]
    fn a_path_is_written_for_exactly_what_the_table_lists() {
        let source = SourceUrl::new("http://gate.internal", "token");
        let signers = [
            Signer::Thumbor(thumbor::Key::new(b"key").unwrap()),
            Signer::Imgproxy(imgproxy::Keys::new(b"key", b"salt").unwrap()),
        ];
        for signer in signers {
            let cluster = Cluster::parse("resizer").unwrap();
            let resizer = Resizer { cluster, authority: Authority::parse("resizer").unwrap(), signer };
            for text in EACH {
                let (name, value) = text.split_once('=').unwrap();
                let option = OptionName::named(name).unwrap();
                let value = option.spec().kind.parse(value).unwrap();
                let fit = if name == "fit" { "" } else { "fit=crop," };
                let transform = transform(&format!("width=10,height=10,{fit}{text}"));
                if transform.to_options().get(option).is_none() {
                    continue; // folded away: `zoom` without a face
                }
                let listed = resizer.dialect().has_value(option, &value);
                assert_eq!(resizer.path(&transform, &source).is_some(), listed, "{resizer:?}: {text}");
            }
        }
    }
}
