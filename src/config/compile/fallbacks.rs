//! Compiles fallback images and the routes' references to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Findings, name_of};
use crate::config::error::{ConfigError, Place};
use crate::config::raw::{RawFallback, Table, Whole};
use crate::fallback::{Fallback, Image, MOST_BYTES};

/// The images of the policy, by name.
pub(super) type Images = BTreeMap<String, Arc<Image>>;

pub(super) fn images(findings: &mut Findings<'_>, place: &Place, raw: Table<String>) -> Images {
    let mut images = Images::new();
    for (name, text) in raw {
        let place = place.key(&name);
        name_of(findings, &place, &name);
        match STANDARD.decode(&text).ok().and_then(Image::new) {
            Some(image) => {
                images.insert(name, Arc::new(image));
            }
            None => {
                let wanted =
                    format!("an AVIF, GIF, JPEG, PNG or WebP of at most {MOST_BYTES} bytes, in base64");
                findings.note(ConfigError::new(place, "a text that is none", wanted));
            }
        }
    }
    images
}

pub(super) fn fallback(
    findings: &mut Findings<'_>,
    place: &Place,
    raw: RawFallback,
    images: &Images,
) -> Option<Fallback> {
    let RawFallback { image, status, max_age } = raw;
    let place = place.key("image");
    let name = findings.required(image, &place, "the name of an image in `fallbacks`")?;
    let found = images.get(&name).cloned();
    if found.is_none() {
        findings.note(ConfigError::undefined(place, &name, "fallbacks", images.keys().map(String::as_str)));
    }
    let max_age = max_age.map_or(0, |Whole(seconds)| seconds);
    Some(Fallback { image: found?, status: status.unwrap_or_default(), max_age })
}
