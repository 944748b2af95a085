//! Checks that the resizer has the options of presets and defaults together, not only one by one.
//!
//! What requests add is checked with each request. INVARIANT: a request that names a preset and nothing else is
//! never refused for what the preset says.

use super::{Findings, Presets};
use crate::config::error::{ConfigError, Place};
use crate::options::value::{Value, whole};
use crate::options::{OptionName, Options};
use crate::policy::route::Route;
use crate::resizer::Resizer;
use crate::transform::{Format, Transform};

pub(super) fn check(findings: &mut Findings<'_>, resizer: &Resizer, presets: &Presets, routes: &[Route]) {
    let top = Place::default();
    check_all(findings, resizer, &top.key("presets"), presets);
    for (index, route) in routes.iter().enumerate() {
        let place = top.key("routes").index(index);
        let own = route.presets.as_ref();
        if let Some(own) = own {
            check_all(findings, resizer, &place.key("presets"), own);
        }
        // What is wrong with a preset by itself is said there.
        let alone = Options::default();
        let names_preset = route.pattern.names_preset();
        let bases = own.unwrap_or(presets).values().filter(|base| names_preset && is_spelled(resizer, base));
        if bases.chain([&alone]).any(|base| !is_spelled(resizer, &base.clone().or(&route.default))) {
            note(findings, place.key("default"), resizer);
        }
    }
}

fn check_all(findings: &mut Findings<'_>, resizer: &Resizer, place: &Place, presets: &Presets) {
    for (name, _) in presets.iter().filter(|(_, options)| !is_spelled(resizer, options)) {
        note(findings, place.key(name), resizer);
    }
}

fn note(findings: &mut Findings<'_>, place: Place, resizer: &Resizer) {
    let name = resizer.dialect().name;
    let found = format!("options that {name} does not have together");
    let wanted = format!("fewer of them, or another `fit` (see `pinhole options {name}`)");
    findings.note(ConfigError::new(place, found, wanted));
}

/// Whether the resizer has these options in every format that may be chosen. What is incomplete, and what it
/// does not have at all, is noted elsewhere.
fn is_spelled(resizer: &Resizer, options: &Options) -> bool {
    let mut options = options.clone();
    if options.word(OptionName::Width) == Some("auto") {
        options.set(OptionName::Width, Value::Number(whole(1)));
    }
    let formats: Vec<Option<Format>> = match options.word(OptionName::Format) {
        Some("auto") => resizer.dialect().formats.iter().copied().map(Some).collect(),
        word => vec![word.and_then(Format::named)],
    };
    let mut transforms =
        formats.into_iter().filter_map(|format| Transform::new(options.clone(), format).ok());
    transforms.all(|transform| !resizer.has(&transform) || resizer.spells(&transform))
}
