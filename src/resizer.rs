//! The service that transforms: what each resizer can do, as data, and how it is asked.
//!
//! A dialect is a file with a [`Dialect`] table and one function that writes a path. There is no
//! trait: the set is closed, and the policy checks a preset against the table when it loads, so that
//! no dialect meets an option that it would have to drop. INVARIANT: a path is made of the
//! [`Transform`], the [`SourceUrl`] and the resizer's own punctuation; no byte of the visitor's
//! request is in it but inside the sealed token.

pub mod imgproxy;
pub mod thumbor;

use crate::origin::{Authority, Cluster};
use crate::transform::{Fit, Format, OptionName, Transform};

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

/// What a resizer can do.
#[derive(Debug)]
pub struct Dialect {
    /// Its name, as in the policy.
    pub name: &'static str,
    /// The options it has.
    pub options: &'static [OptionName],
    /// The fits it has.
    pub fits: &'static [Fit],
    /// The formats it writes.
    pub formats: &'static [Format],
}

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
    /// what the dialect's table lacks, which the policy refuses when it loads.
    pub fn path(&self, transform: &Transform, source: &SourceUrl) -> Option<String> {
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
mod tests {
    use super::*;
    use crate::transform::{Options, Pixels};

    #[test]
    fn a_path_is_written_for_exactly_what_the_table_lists() {
        let source = SourceUrl::new("http://gate.internal", "token");
        for (name, fit) in Fit::NAMES {
            let side = Pixels::new(100);
            let options = Options { width: side, height: side, fit: Some(*fit), ..Options::default() };
            let transform = Transform { frame: options.frame().unwrap(), quality: None, format: None };
            let thumbor = thumbor::path(&transform, &source).is_some();
            assert_eq!(thumbor, thumbor::DIALECT.fits.contains(fit), "thumbor, {name}");
            let imgproxy = imgproxy::path(&transform, &source).is_some();
            assert_eq!(imgproxy, imgproxy::DIALECT.fits.contains(fit), "imgproxy, {name}");
        }
    }
}
