//! What is done to a picture: the options that a policy, a preset or a request can name.
//!
//! [`Options`] is what was asked for, every member optional, `format` possibly `auto`. [`Transform`]
//! is what a resizer is told: concrete, with at least one dimension. Names and ranges are those of
//! Cloudflare's image transformations (developers.cloudflare.com/images/optimization/features).
//! Does not belong here: who may ask for what (`policy`), and how a resizer spells it (`resizer`).

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Reads a whole number between two bounds; says the bounds when it refuses one.
pub(crate) struct Whole {
    pub(crate) least: u32,
    pub(crate) most: u32,
    pub(crate) unit: &'static str,
}

impl Visitor<'_> for Whole {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number{} from {} to {}", self.unit, self.least, self.most)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number)
            .ok()
            .filter(|number| (self.least..=self.most).contains(number))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u32, E> {
        Err(E::invalid_value(Unexpected::Float(number), &self))
    }
}

/// A width or height in pixels, 1 to 12000 (Cloudflare's largest dimension).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pixels(u32);

impl Pixels {
    /// The largest dimension.
    pub const MOST: u32 = 12_000;

    /// `number` as pixels, if it is in range.
    pub fn new(number: u32) -> Option<Pixels> {
        (1..=Pixels::MOST).contains(&number).then_some(Pixels(number))
    }

    /// The number of pixels.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pixels, D::Error> {
        deserializer.deserialize_u64(Whole { least: 1, most: Pixels::MOST, unit: " of pixels" }).map(Pixels)
    }
}

/// How strongly the picture is compressed, 1 (smallest) to 100 (best).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quality(u32);

impl Quality {
    /// The best quality.
    pub const MOST: u32 = 100;

    /// `number` as a quality, if it is in range.
    pub fn new(number: u32) -> Option<Quality> {
        (1..=Quality::MOST).contains(&number).then_some(Quality(number))
    }

    /// The number, 1 to 100.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Quality {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Quality, D::Error> {
        deserializer.deserialize_u64(Whole { least: 1, most: Quality::MOST, unit: "" }).map(Quality)
    }
}

/// How the picture is fitted into the asked width and height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "the name of a fit")]
pub enum Fit {
    /// As large as fits inside the box, never enlarged.
    #[default]
    ScaleDown,
    /// As large as fits inside the box, enlarged if need be.
    Contain,
    /// Fills the box exactly, cropped, enlarged if need be.
    Cover,
    /// Fills the box, cropped, never enlarged.
    Crop,
    /// Crops to the asked proportions at the largest size that needs no enlarging.
    AspectCrop,
    /// Like `contain`, the rest of the box filled with white.
    Pad,
    /// Exactly the box, out of proportion.
    Squeeze,
}

impl Fit {
    /// All fits with their names.
    pub const NAMES: &'static [(&'static str, Fit)] = &[
        ("scale-down", Fit::ScaleDown),
        ("contain", Fit::Contain),
        ("cover", Fit::Cover),
        ("crop", Fit::Crop),
        ("aspect-crop", Fit::AspectCrop),
        ("pad", Fit::Pad),
        ("squeeze", Fit::Squeeze),
    ];

    /// Whether this fit means something only for a box with both a width and a height.
    pub fn needs_both_sides(self) -> bool {
        match self {
            Fit::ScaleDown | Fit::Contain => false,
            Fit::Cover | Fit::Crop | Fit::AspectCrop | Fit::Pad | Fit::Squeeze => true,
        }
    }
}

/// A picture format that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// AVIF.
    Avif,
    /// WebP.
    Webp,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl Format {
    /// The media type of this format.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Avif => "image/avif",
            Format::Webp => "image/webp",
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
        }
    }
}

/// The format that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "the name of a format")]
pub enum FormatChoice {
    /// The best one that the visitor's `accept` header names.
    Auto,
    /// AVIF.
    Avif,
    /// WebP.
    Webp,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl FormatChoice {
    /// All choices with their names.
    pub const NAMES: &'static [(&'static str, FormatChoice)] = &[
        ("auto", FormatChoice::Auto),
        ("avif", FormatChoice::Avif),
        ("webp", FormatChoice::Webp),
        ("jpeg", FormatChoice::Jpeg),
        ("png", FormatChoice::Png),
    ];

    /// The format itself, unless it is to be negotiated.
    pub fn concrete(self) -> Option<Format> {
        match self {
            FormatChoice::Auto => None,
            FormatChoice::Avif => Some(Format::Avif),
            FormatChoice::Webp => Some(Format::Webp),
            FormatChoice::Jpeg => Some(Format::Jpeg),
            FormatChoice::Png => Some(Format::Png),
        }
    }
}

/// The name of `value` in a table of names.
pub fn name_in<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, other)| other == value).map_or("?", |(name, _)| name)
}

/// The options that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionName {
    /// `width`
    Width,
    /// `height`
    Height,
    /// `fit`
    Fit,
    /// `quality`
    Quality,
    /// `format`
    Format,
}

impl OptionName {
    /// All options with their names.
    pub const NAMES: &'static [(&'static str, OptionName)] = &[
        ("width", OptionName::Width),
        ("height", OptionName::Height),
        ("fit", OptionName::Fit),
        ("quality", OptionName::Quality),
        ("format", OptionName::Format),
    ];

    /// The option that is called `name`.
    pub fn named(name: &str) -> Option<OptionName> {
        OptionName::NAMES.iter().find(|(known, _)| *known == name).map(|(_, option)| *option)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        name_in(OptionName::NAMES, &self)
    }
}

/// What a preset, a route's default or a request asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Width of the box.
    pub width: Option<Pixels>,
    /// Height of the box.
    pub height: Option<Pixels>,
    /// How the picture is fitted into the box.
    pub fit: Option<Fit>,
    /// How strongly it is compressed.
    pub quality: Option<Quality>,
    /// In which format it is sent.
    pub format: Option<FormatChoice>,
}

/// Why options do not make a transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// The original would be served at its full size.
    #[error("no width and no height")]
    NoSide,
    /// The fit means nothing without a second side.
    #[error("a `fit` that needs both a width and a height, of which one is absent")]
    OneSide,
}

impl Options {
    /// The options that say something.
    pub fn named(&self) -> impl Iterator<Item = OptionName> {
        let Options { width, height, fit, quality, format } = self;
        [
            width.map(|_| OptionName::Width),
            height.map(|_| OptionName::Height),
            fit.map(|_| OptionName::Fit),
            quality.map(|_| OptionName::Quality),
            format.map(|_| OptionName::Format),
        ]
        .into_iter()
        .flatten()
    }

    /// These options, and those of `base` where these say nothing.
    pub fn or(self, base: Options) -> Options {
        Options {
            width: self.width.or(base.width),
            height: self.height.or(base.height),
            fit: self.fit.or(base.fit),
            quality: self.quality.or(base.quality),
            format: self.format.or(base.format),
        }
    }

    /// The box that these options describe.
    pub fn frame(&self) -> Result<Frame, InvalidSize> {
        let fit = self.fit.unwrap_or_default();
        match (self.width, self.height) {
            (None, None) => Err(InvalidSize::NoSide),
            (Some(_), None) | (None, Some(_)) if fit.needs_both_sides() => Err(InvalidSize::OneSide),
            (width, height) => Ok(Frame { width, height, fit }),
        }
    }
}

/// The box a picture is fitted into. INVARIANT: it has a side, and both where its fit needs both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    width: Option<Pixels>,
    height: Option<Pixels>,
    fit: Fit,
}

impl Frame {
    /// Width in pixels; 0 where only the height is bounded.
    pub fn width(&self) -> u32 {
        self.width.map_or(0, Pixels::get)
    }

    /// Height in pixels; 0 where only the width is bounded.
    pub fn height(&self) -> u32 {
        self.height.map_or(0, Pixels::get)
    }

    /// How the picture is fitted.
    pub fn fit(&self) -> Fit {
        self.fit
    }
}

/// What a resizer is told to do: every choice made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transform {
    /// The box and the fit.
    pub frame: Frame,
    /// How strongly to compress; the resizer's own default where absent.
    pub quality: Option<Quality>,
    /// The format to send; that of the original where absent.
    pub format: Option<Format>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_at_full_size_is_not_a_frame() {
        let options = Options { quality: Quality::new(80), ..Options::default() };
        assert_eq!(options.frame(), Err(InvalidSize::NoSide));
    }

    #[test]
    fn a_cropping_fit_needs_both_sides() {
        let options = Options { width: Pixels::new(300), fit: Some(Fit::Cover), ..Options::default() };
        assert_eq!(options.frame(), Err(InvalidSize::OneSide));
        let both = Options { height: Pixels::new(200), ..options };
        assert_eq!(both.frame().map(|f| (f.width(), f.height(), f.fit())), Ok((300, 200, Fit::Cover)));
    }

    #[test]
    fn pixels_and_quality_have_their_ranges() {
        assert_eq!((Pixels::new(0), Pixels::new(12_001)), (None, None));
        assert_eq!((Quality::new(0), Quality::new(101)), (None, None));
    }
}
