//! The policies that requests of the fuzz targets meet: all that are shipped, those of the cases, those that load with every
//! key in them, and `everything.json` beside this file.
//!
//! INVARIANT: every secret is one that can be found again, in `SECRETS`, wherever it comes out.

use std::sync::LazyLock;

use pinhole::seal::SealKey;
use pinhole::secret::Secret;
use serde_json::Value;

use super::invariants::Subject;
use super::invariants::taint::has;

/// A policy and its document.
pub struct Known {
    /// Its file.
    pub name: &'static str,
    /// As JSON.
    pub document: Value,
    /// As requests meet it, with what its document says.
    pub subject: Subject,
}

macro_rules! documents {
    ($($path:literal),* $(,)?) => { &[$(($path, include_bytes!(concat!("../../", $path)))),*] };
}

/// Files and what is in them.
#[rustfmt::skip]
const DOCUMENTS: &[(&str, &[u8])] = documents![
    "envoy/policy.json", "envoy/policy-imgproxy.json",
    "tests/fuzz/everything.json",
    "tests/cases/policies/basic.json", "tests/cases/policies/bounds.json", "tests/cases/policies/dpr.json",
    "tests/cases/policies/fits.json", "tests/cases/policies/hints.json", "tests/cases/policies/hosts-and-presets.json",
    "tests/cases/policies/limits.json", "tests/cases/policies/options.json", "tests/cases/policies/referrers.json",
    "tests/cases/policies/sources.json", "tests/cases/policies/tenants.json", "tests/cases/policies/unresizable.json",
    "tests/config/good/cloudflare.json", "tests/config/good/every-field.json", "tests/config/good/every-option.json",
    "tests/config/good/imaginary-pushed.json", "tests/config/good/imaginary.json", "tests/config/good/imagor.json",
    "tests/config/good/ipx.json", "tests/config/good/kept-authority.json", "tests/config/good/template.json",
    "tests/config/good/weserv.json",
];

/// The key that all of them seal with.
pub const SEAL_KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";

/// The key `k1` of those that ask for signatures.
pub const SIGNING_KEY: &str = "0ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba110";

/// The values of variables.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("PHOTOS_TOKEN", "Bearer canary-of-photos"),
    ("THUMBOR_KEY", "canary-of-thumbor-canary-of-thumbor"),
    ("PINHOLE_SEAL_KEY", SEAL_KEY),
    ("IMAGOR_SECRET", "canary-of-another-resizer"),
    ("WESERV_SECRET", "canary-of-another-resizer"),
    ("IMAGINARY_KEY", "canary-of-imaginary-canary-of-imaginary"),
    ("IMGPROXY_KEY", "00112233445566778899aabbccddeeff"),
    ("IMGPROXY_SALT", "0011223344000000000000000000cafe"),
    ("SIGNING_KEY", SIGNING_KEY),
];

/// What stands in every secret, or is one.
pub const SECRETS: [&str; 5] = ["canary", SEAL_KEY, SIGNING_KEY, "00112233", "cafe00"];

/// The value of a variable.
pub fn environment(name: &str) -> Option<String> {
    ENVIRONMENT.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
}

/// All of them.
pub static ALL: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let load = |(name, text): &(&'static str, &'static [u8])| {
        let subject = Subject::load(text, &environment).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        Known { name, document: serde_json::from_slice(text).unwrap(), subject }
    };
    DOCUMENTS.iter().map(load).collect()
});

/// The one that a knob stands for.
pub fn chosen(knob: u8) -> &'static Known {
    let index = usize::from(knob).checked_rem(ALL.len()).unwrap_or_default();
    ALL.get(index).unwrap_or_else(|| panic!("{index} of {} policies", ALL.len()))
}

/// The knob of the one that is written in this file.
pub fn knob_of(name: &str) -> Option<u8> {
    u8::try_from(ALL.iter().position(|known| known.name == name)?).ok()
}

/// The key that seals.
pub fn seal_key() -> SealKey {
    SealKey::from_hex(&Secret::new(SEAL_KEY)).unwrap_or_else(|| panic!("a key of 32 bytes"))
}

impl Known {
    /// The document's part for an origin.
    pub fn origin(&self, name: &str) -> &Value {
        &self.document["origins"][name]
    }

    /// Whether a visitor writes a secret of the policy himself: then it shows nothing that it goes on, and `invariants`,
    /// which sees no visitor behind a token, is not asked. What else a target says of the decision holds as ever.
    pub fn is_told_by(&self, input: &[u8]) -> bool {
        self.subject.document.secrets().any(|(_, secret)| has(input, secret))
    }

    /// Whether the resizer is sent sources.
    pub fn pushes(&self) -> bool {
        self.subject.policy.pushes()
    }
}
