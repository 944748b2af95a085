//! From the options that hold for a request to what a resizer is told: every choice made, every
//! alias, default and no-op folded, so that two requests for the same picture become the same
//! [`Transform`] and so one upstream URL and one cache entry.
//!
//! Does not belong here: which options a request may name (`policy`), what clients tell about
//! themselves (`hints`), how a resizer spells a transform (`resizer`).

use std::fmt;

use crate::options::kind::MOST_PIXELS;
use crate::options::value::{Number, Value};
use crate::options::{OptionName, Options};

/// How the picture is fitted into the asked width and height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Like `contain`, the rest of the box filled with the background, white by default.
    Pad,
    /// Exactly the box, out of proportion.
    Squeeze,
    /// As large as fits inside the box, never shrunk.
    ScaleUp,
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
        ("scale-up", Fit::ScaleUp),
    ];

    fn of(options: &Options) -> Fit {
        let word = options.word(OptionName::Fit);
        Fit::NAMES.iter().find(|(name, _)| Some(*name) == word).map_or(Fit::ScaleDown, |(_, fit)| *fit)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Fit::NAMES.iter().find(|(_, fit)| *fit == self).map_or("scale-down", |(name, _)| name)
    }

    /// Whether this fit means something only for a box with both a width and a height.
    fn needs_both_sides(self) -> bool {
        match self {
            Fit::ScaleDown | Fit::Contain | Fit::ScaleUp => false,
            Fit::Cover | Fit::Crop | Fit::AspectCrop | Fit::Pad | Fit::Squeeze => true,
        }
    }

    /// Whether some of the picture may be cut off, so that it matters which.
    fn crops(self) -> bool {
        matches!(self, Fit::Cover | Fit::Crop | Fit::AspectCrop)
    }
}

/// A picture format that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// AVIF.
    Avif,
    /// WebP.
    Webp,
    /// JPEG, progressive or not as the resizer is set up.
    Jpeg,
    /// JPEG that is not progressive.
    BaselineJpeg,
    /// PNG.
    Png,
}

impl Format {
    /// All formats with their names.
    pub const NAMES: &'static [(&'static str, Format)] = &[
        ("avif", Format::Avif),
        ("webp", Format::Webp),
        ("jpeg", Format::Jpeg),
        ("baseline-jpeg", Format::BaselineJpeg),
        ("png", Format::Png),
    ];

    /// The format of that name; `None` for `auto`.
    pub fn named(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(other, _)| *other == name).map(|(_, format)| *format)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Format::NAMES.iter().find(|(_, format)| *format == self).map_or("jpeg", |(name, _)| name)
    }
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

/// The box a picture is fitted into, in device pixels. INVARIANT: it has a side, and both where its
/// fit needs both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    width: Option<u32>,
    height: Option<u32>,
    fit: Fit,
}

impl Frame {
    /// The box of options, whose `width` and `height` are numbers in pixels of it.
    pub fn of(options: &Options) -> Result<Frame, InvalidSize> {
        let dpr = options.number(OptionName::Dpr);
        let side = |option| options.number(option).map(|side| device_pixels(side, dpr).min(MOST_PIXELS));
        Frame::new(side(OptionName::Width), side(OptionName::Height), Fit::of(options))
    }

    /// Puts a box together.
    pub fn new(width: Option<u32>, height: Option<u32>, fit: Fit) -> Result<Frame, InvalidSize> {
        match (width, height) {
            (None, None) => Err(InvalidSize::NoSide),
            (Some(_), None) | (None, Some(_)) if fit.needs_both_sides() => Err(InvalidSize::OneSide),
            (width, height) => Ok(Frame { width, height, fit }),
        }
    }

    /// Width in pixels; 0 where only the height is bounded.
    pub fn width(&self) -> u32 {
        self.width.unwrap_or(0)
    }

    /// Height in pixels; 0 where only the width is bounded.
    pub fn height(&self) -> u32 {
        self.height.unwrap_or(0)
    }

    /// How the picture is fitted.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// The same box, bounded to the side as well if it has no width.
    pub fn with_width(self, width: Option<u32>) -> Frame {
        Frame { width: self.width.or(width), ..self }
    }

    /// The same box, bounded below as well if it has no height.
    pub fn with_height(self, height: Option<u32>) -> Frame {
        Frame { height: self.height.or(height), ..self }
    }

    /// The same box for another size; a side that it does not have stays away.
    pub fn resized(self, width: u32, height: u32) -> Frame {
        Frame { width: self.width.map(|_| width.max(1)), height: self.height.map(|_| height.max(1)), ..self }
    }
}

/// A side in device pixels: the asked one times the pixel ratio, rounded, at least 1. It may be longer
/// than any side that is served: the limit of a request's own side has to see that.
pub fn device_pixels(side: Number, dpr: Option<Number>) -> u32 {
    let dpr = dpr.map_or(100, Number::in_hundredths);
    (side.floor().saturating_mul(dpr).saturating_add(50) / 100).max(1)
}

/// What a resizer is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transform {
    /// The box and the fit.
    pub frame: Frame,
    /// The format to send; that of the original where absent.
    pub format: Option<Format>,
    options: Options,
}

impl Transform {
    /// Makes the choice of options that are left: `width` and `height` are numbers in them, in pixels
    /// of the box. `format` is the concrete format, whatever `format` in the options says.
    pub fn new(mut options: Options, format: Option<Format>) -> Result<Transform, InvalidSize> {
        let frame = Frame::of(&options)?;
        for folded in [
            OptionName::Width,
            OptionName::Height,
            OptionName::Dpr,
            OptionName::Fit,
            OptionName::Format,
            OptionName::SlowConnectionQuality,
        ] {
            options.take(folded);
        }
        if !frame.fit.crops() {
            options.take(OptionName::Gravity);
        }
        if options.get(OptionName::Gravity) != Some(&Value::Word("face")) {
            options.take(OptionName::Zoom);
        }
        Ok(Transform { frame, format, options: options.without_neutral() })
    }

    /// The same transform into another box.
    pub fn framed(self, frame: Frame) -> Transform {
        Transform { frame, ..self }
    }

    /// The value of an option that is neither of the frame nor the format.
    pub fn option(&self, option: OptionName) -> Option<&Value> {
        self.options.get(option)
    }

    /// The options that are neither of the frame nor the format, in canonical order.
    pub fn options(&self) -> impl Iterator<Item = (OptionName, &Value)> {
        self.options.iter()
    }

    /// The transform as a set of options.
    pub fn to_options(&self) -> Options {
        let mut options = self.options.clone();
        let number = |pixels: u32| Value::Number(crate::options::value::whole(pixels));
        if let Some(width) = self.frame.width {
            options.set(OptionName::Width, number(width));
        }
        if let Some(height) = self.frame.height {
            options.set(OptionName::Height, number(height));
        }
        options.set(OptionName::Fit, Value::Word(self.frame.fit.name()));
        if let Some(format) = self.format {
            options.set(OptionName::Format, Value::Word(format.name()));
        }
        options.without_neutral()
    }
}

/// The canonical form: what was asked for, in one spelling.
impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_options().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform(options: &[(&str, &str)]) -> Result<Transform, InvalidSize> {
        let mut set = Options::default();
        for (name, value) in options {
            let option = OptionName::named(name).unwrap();
            set.set(option, option.spec().kind.parse(value).unwrap());
        }
        Transform::new(set, None)
    }

    #[test]
    fn the_original_at_full_size_is_not_a_transform() {
        assert_eq!(transform(&[("quality", "80")]), Err(InvalidSize::NoSide));
        assert_eq!(transform(&[("width", "300"), ("fit", "cover")]), Err(InvalidSize::OneSide));
    }

    #[test]
    fn what_gives_the_same_picture_is_the_same_transform() {
        let plain = transform(&[("width", "600")]).unwrap();
        for other in [
            &[("w", "300"), ("dpr", "2")][..],
            &[("w", "600"), ("dpr", "1.0")],
            &[("w", "600"), ("fit", "scale-down"), ("g", "left")],
            &[("w", "600"), ("blur", "0"), ("rotate", "360"), ("brightness", "1.00"), ("zoom", "0.5")],
        ] {
            assert_eq!(transform(other).unwrap(), plain, "{other:?}");
        }
        assert_eq!(plain.to_string(), "width=600");
    }

    #[test]
    fn gravity_stays_where_something_is_cropped() {
        let cropped =
            transform(&[("w", "6"), ("h", "4"), ("fit", "crop"), ("g", "face"), ("zoom", "0.5")]).unwrap();
        assert_eq!(cropped.to_string(), "width=6,height=4,fit=crop,gravity=face,zoom=0.5");
    }

    #[test]
    fn device_pixels_are_rounded() {
        let pixels =
            |side, dpr| device_pixels(crate::options::value::whole(side), Some(Number::hundredths(dpr)));
        assert_eq!((pixels(3, 150), pixels(1, 10), pixels(12_000, 200)), (5, 1, 24_000));
    }
}
