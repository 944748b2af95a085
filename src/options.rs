//! The options of a picture: their names, what values they take, and sets of them.
//!
//! One table, [`SPECS`], holds what Cloudflare documents for each option (names, short names, kinds,
//! ranges; developers.cloudflare.com/images/optimization/features): requests, the policy document,
//! its JSON Schema and `pinhole options` all read it. Belongs here: what an option is. Does not belong
//! here: who may ask for it (`policy`), what becomes of a whole set (`transform`), how a resizer
//! spells it (`resizer`).

pub mod kind;
pub mod value;

use std::fmt;

use kind::Kind;
use value::{Number, Value, whole};

/// The options, in the order of the canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionName {
    /// Width of the box.
    Width,
    /// Height of the box.
    Height,
    /// Device pixels for each pixel of the box.
    Dpr,
    /// How the picture is fitted into the box.
    Fit,
    /// Which part stays when it is cropped.
    Gravity,
    /// How closely a face is cropped.
    Zoom,
    /// What is cut off first.
    Trim,
    /// Turned clockwise.
    Rotate,
    /// Mirrored.
    Flip,
    /// Colour behind transparency and around a padded picture.
    Background,
    /// Blurred.
    Blur,
    /// Sharpened.
    Sharpen,
    /// Brightness.
    Brightness,
    /// Contrast.
    Contrast,
    /// Exposure.
    Gamma,
    /// Colourfulness.
    Saturation,
    /// Whether an animation stays one.
    Anim,
    /// Which metadata stay.
    Metadata,
    /// How strongly it is compressed.
    Quality,
    /// The same on a slow connection.
    SlowConnectionQuality,
    /// In which format it is sent.
    Format,
}

/// What is known of an option.
#[derive(Debug)]
pub struct Spec {
    /// The option.
    pub option: OptionName,
    /// Its name.
    pub name: &'static str,
    /// Other names that requests may use for it.
    pub aliases: &'static [&'static str],
    /// The values it takes.
    pub kind: Kind,
    /// The value that means the same as none at all.
    pub neutral: Option<Value>,
    /// What it does, in a line.
    pub about: &'static str,
}

/// Factors of brightness and the like: 0 to 10.
const FACTOR: Kind = Kind::Decimal { least: Number::ZERO, most: whole(10) };

const fn spec(
    option: OptionName,
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    neutral: Option<Value>,
    about: &'static str,
) -> Spec {
    Spec { option, name, aliases, kind, neutral, about }
}

const ONE: Option<Value> = Some(Value::Number(whole(1)));
const ZERO: Option<Value> = Some(Value::Number(Number::ZERO));
const fn word(word: &'static str) -> Option<Value> {
    Some(Value::Word(word))
}

/// All options, in the order of [`OptionName`].
#[rustfmt::skip]
pub static SPECS: [Spec; 21] = [
    spec(OptionName::Width, "width", &["w"], Kind::Width, None, "width of the box in pixels, or `auto` to choose by client hints"),
    spec(OptionName::Height, "height", &["h"], Kind::Side, None, "height of the box in pixels"),
    spec(OptionName::Dpr, "dpr", &[], Kind::Decimal { least: Number::hundredths(10), most: whole(2) }, ONE, "device pixels for each pixel of the box; multiplies width and height"),
    spec(OptionName::Fit, "fit", &[], Kind::Words(FITS), word("scale-down"), "how the picture is fitted into the box"),
    spec(OptionName::Gravity, "gravity", &["g"], Kind::Gravity, word("center"), "which part stays when the picture is cropped: a side, `auto`, `face`, or `XxY` from 0x0 to 1x1"),
    spec(OptionName::Zoom, "zoom", &["face-zoom"], Kind::Decimal { least: Number::ZERO, most: whole(1) }, ZERO, "how closely `gravity=face` crops"),
    spec(OptionName::Trim, "trim", &[], Kind::Trim, None, "what is cut off first: `border`, `top;right;bottom;left`, or the box `left;top;width;height` as `box:…`"),
    spec(OptionName::Rotate, "rotate", &[], Kind::Words(&["0", "90", "180", "270", "360=0"]), word("0"), "degrees clockwise, before resizing"),
    spec(OptionName::Flip, "flip", &[], Kind::Words(&["h", "v", "hv", "vh=hv"]), None, "mirrored horizontally, vertically or both"),
    spec(OptionName::Background, "background", &[], Kind::Colour, None, "colour behind transparency and around `fit=pad`: `#RRGGBB`, `rgb(r,g,b)` or a CSS name"),
    spec(OptionName::Blur, "blur", &[], Kind::Whole { least: 0, most: 250 }, ZERO, "radius of the blur"),
    spec(OptionName::Sharpen, "sharpen", &[], FACTOR, ZERO, "strength of the sharpening"),
    spec(OptionName::Brightness, "brightness", &[], FACTOR, ONE, "factor of the brightness"),
    spec(OptionName::Contrast, "contrast", &[], FACTOR, ONE, "factor of the contrast"),
    spec(OptionName::Gamma, "gamma", &[], FACTOR, ONE, "exposure"),
    spec(OptionName::Saturation, "saturation", &[], FACTOR, ONE, "factor of the saturation; 0 is grey"),
    spec(OptionName::Anim, "anim", &[], Kind::Words(&["true", "false"]), None, "whether an animation stays one"),
    spec(OptionName::Metadata, "metadata", &[], Kind::Words(&["copyright", "keep", "none"]), None, "which metadata stay in the picture"),
    spec(OptionName::Quality, "quality", &["q"], Kind::Quality, None, "1 (smallest) to 100 (best), or `high` (90), `medium-high` (80), `medium-low` (65), `low` (50)"),
    spec(OptionName::SlowConnectionQuality, "slow-connection-quality", &["scq"], Kind::Quality, None, "the quality where client hints tell of a slow connection"),
    spec(OptionName::Format, "format", &["f"], Kind::Words(&["auto", "avif", "webp", "jpeg", "baseline-jpeg", "png", "jpg=jpeg"]), None, "format of the answer; `auto` chooses by the `accept` header"),
];

/// The names of the fits, in the order of [`crate::transform::Fit`].
const FITS: &[&str] =
    &["scale-down", "contain", "cover", "crop", "aspect-crop", "pad", "squeeze", "scale-up"];

impl OptionName {
    /// What is known of it.
    pub fn spec(self) -> &'static Spec {
        // The table is in the order of the names, as a test has it.
        SPECS.get(self as usize).unwrap_or(&SPECS[0])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The option that is called `name`, or has it as a short name.
    pub fn named(name: &str) -> Option<OptionName> {
        let found = SPECS.iter().find(|spec| spec.name == name || spec.aliases.contains(&name));
        found.map(|spec| spec.option)
    }
}

/// A set of options with their values: what a preset, a route's default or a request asks for.
///
/// INVARIANT: each option once, in canonical order. A list, since there are few: it is copied in one piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Options(Vec<(OptionName, Value)>);

impl Options {
    /// None, with room for so many.
    pub fn with_capacity(count: usize) -> Options {
        Options(Vec::with_capacity(count))
    }

    /// The value of an option.
    pub fn get(&self, option: OptionName) -> Option<&Value> {
        self.0.iter().find(|(other, _)| *other == option).map(|(_, value)| value)
    }

    /// The number that an option has as its value.
    pub fn number(&self, option: OptionName) -> Option<Number> {
        match self.get(option) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The word that an option has as its value.
    pub fn word(&self, option: OptionName) -> Option<&'static str> {
        match self.get(option) {
            Some(Value::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// Gives an option a value.
    pub fn set(&mut self, option: OptionName, value: Value) {
        match self.0.binary_search_by_key(&option, |(other, _)| *other) {
            Ok(index) => {
                if let Some((_, old)) = self.0.get_mut(index) {
                    *old = value;
                }
            }
            Err(index) => self.0.insert(index, (option, value)),
        }
    }

    /// Takes an option out.
    pub fn take(&mut self, option: OptionName) -> Option<Value> {
        let index = self.0.iter().position(|(other, _)| *other == option)?;
        Some(self.0.remove(index).1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The options and their values, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (OptionName, &Value)> {
        self.0.iter().map(|(option, value)| (*option, value))
    }

    /// These options, and those of `base` where these say nothing.
    pub fn or(mut self, base: &Options) -> Options {
        for (option, value) in base.iter() {
            if let Err(index) = self.0.binary_search_by_key(&option, |(other, _)| *other) {
                self.0.insert(index, (option, value.clone()));
            }
        }
        self
    }

    /// These options without the values that mean nothing.
    pub fn without_neutral(mut self) -> Options {
        self.0.retain(|(option, value)| option.spec().neutral.as_ref() != Some(value));
        self
    }
}

/// The canonical form: Cloudflare's notation, long names, fixed order.
impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (option, value)) in self.iter().enumerate() {
            write!(f, "{}{}={value}", if index == 0 { "" } else { "," }, option.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_names_and_complete() {
        for (index, spec) in SPECS.iter().enumerate() {
            assert_eq!(spec.option as usize, index, "{}", spec.name);
            assert_eq!(OptionName::named(spec.name), Some(spec.option));
            assert!(spec.aliases.iter().all(|alias| OptionName::named(alias) == Some(spec.option)));
        }
        assert_eq!(OptionName::Format as usize, SPECS.len() - 1);
    }

    #[test]
    fn the_canonical_form_has_long_names_in_a_fixed_order() {
        let mut options = Options::default();
        for (name, value) in [("f", "webp"), ("scq", "low"), ("w", "300"), ("blur", "0"), ("g", "0.5x0.33")] {
            let option = OptionName::named(name).unwrap();
            options.set(option, option.spec().kind.parse(value).unwrap());
        }
        let canonical = options.without_neutral().to_string();
        assert_eq!(canonical, "width=300,gravity=0.5x0.33,slow-connection-quality=50,format=webp");
    }
}
