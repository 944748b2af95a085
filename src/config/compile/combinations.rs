//! Checks that the resizer has the options of presets and defaults together, not only one by one.
//!
//! What requests add is checked with each request. INVARIANT: a request that names a preset and nothing else is
//! never refused for what the preset says.

use std::collections::BTreeMap;

use super::{Findings, Presets};
use crate::config::error::{ConfigError, Place};
use crate::options::value::{Value, whole};
use crate::options::{OptionName, Options};
use crate::policy::route::Route;
use crate::resizer::Resizer;
use crate::transform::{Format, Transform};

pub(super) fn check(findings: &mut Findings<'_>, resizer: &Resizer, presets: &Presets, routes: &[Route]) {
    let top = Place::default();
    let mut spelling = Spelling { resizer, known: BTreeMap::new() };
    check_all(findings, &mut spelling, &top.key("presets"), presets);
    for (index, route) in routes.iter().enumerate() {
        let place = top.key("routes").index(index);
        let own = route.presets.as_ref();
        if let Some(own) = own {
            check_all(findings, &mut spelling, &place.key("presets"), own);
        }
        // What is wrong with a preset by itself is said there, so nothing is left without a default.
        if route.default.is_empty() {
            continue;
        }
        let mut is_unspelled = |base: &Options| {
            let together = base.clone().or(&route.default);
            together != *base && spelling.has(base) && !spelling.has(&together)
        };
        let alone = Options::default();
        let bases = own.unwrap_or(presets).values().filter(|_| route.pattern.names_preset());
        if bases.chain([&alone]).any(&mut is_unspelled) {
            note(findings, place.key("default"), resizer);
        }
    }
}

fn check_all(findings: &mut Findings<'_>, spelling: &mut Spelling<'_>, place: &Place, presets: &Presets) {
    for (name, options) in presets {
        if !spelling.has(options) {
            note(findings, place.key(name), spelling.resizer);
        }
    }
}

fn note(findings: &mut Findings<'_>, place: Place, resizer: &Resizer) {
    let name = resizer.dialect().name;
    let found = format!("options that {name} does not have together");
    let wanted = format!("fewer of them, or another `fit` (see `pinhole options {name}`)");
    findings.note(ConfigError::new(place, found, wanted));
}

/// What a resizer has together, as far as it was asked: thousands of presets are a few kinds of pictures in many
/// sizes.
struct Spelling<'r> {
    resizer: &'r Resizer,
    known: BTreeMap<Options, bool>,
}

impl Spelling<'_> {
    /// Whether the resizer has these options in every format that may be chosen. What is incomplete, and what it
    /// does not have at all, is noted elsewhere.
    fn has(&mut self, options: &Options) -> bool {
        let mut options = options.clone();
        // How long a side is does not matter to `spells`, only that there is one.
        for side in [OptionName::Width, OptionName::Height] {
            if options.get(side).is_some() {
                options.set(side, Value::Number(whole(1)));
            }
        }
        if let Some(known) = self.known.get(&options) {
            return *known;
        }
        let is_spelled = is_spelled(self.resizer, &options);
        self.known.insert(options, is_spelled);
        is_spelled
    }
}

fn is_spelled(resizer: &Resizer, options: &Options) -> bool {
    let formats: Vec<Option<Format>> = match options.word(OptionName::Format) {
        Some("auto") => resizer.dialect().formats.iter().copied().map(Some).collect(),
        word => vec![word.and_then(Format::named)],
    };
    let mut transforms =
        formats.into_iter().filter_map(|format| Transform::new(options.clone(), format).ok());
    transforms.all(|transform| !resizer.has(&transform) || resizer.spells(&transform))
}
