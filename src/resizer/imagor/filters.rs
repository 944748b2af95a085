//! imagor's filters: what is done beside cutting and resizing, in the order in which it is done.
//!
//! Does not belong here: the box and what is cut off ([`super`]). INVARIANT: no filter is named twice, and
//! each has arguments that imagor reads, since it passes over what it does not understand.

use super::super::background;
use crate::options::OptionName;
use crate::options::value::{Number, Value, whole};
use crate::transform::{Fit, Transform};

/// The filters of a transform; a half turn is none of them.
pub(super) fn of(transform: &Transform) -> Vec<String> {
    let mut filters = Vec::new();
    let fit = transform.frame.fit();
    if matches!(fit, Fit::Contain | Fit::Pad) {
        filters.push("upscale()".to_owned());
    }
    if let Some(Value::Point(x, y)) = transform.option(OptionName::Gravity) {
        filters.push(format!("focal({}x{})", coordinate(*x), coordinate(*y)));
    }
    if transform.option(OptionName::Anim) == Some(&Value::Word("false")) {
        filters.push("max_frames(1)".to_owned());
    }
    // imagor halves it.
    filters.extend(
        number(transform, OptionName::Blur).map(|sigma| format!("blur({})", sigma.floor().saturating_mul(2))),
    );
    filters.extend(number(transform, OptionName::Sharpen).map(|strength| format!("sharpen({strength})")));
    filters.extend(colours(transform));
    if let Some(colour) = background(transform) {
        if fit == Fit::Pad {
            // Filled with the colour at once, a grey picture would stay grey.
            filters.push("fill(none)".to_owned());
        }
        filters.push(format!("background_color({})", colour.digits()));
    }
    match transform.option(OptionName::Rotate) {
        // imagor turns counter-clockwise.
        Some(Value::Word("90")) => filters.push("rotate(270)".to_owned()),
        Some(Value::Word("270")) => filters.push("rotate(90)".to_owned()),
        _ => {}
    }
    filters.extend(number(transform, OptionName::Quality).map(|quality| format!("quality({quality})")));
    if transform.option(OptionName::Metadata) != Some(&Value::Word("keep")) {
        // `strip_metadata()` would drop the colour profile without applying it, and leave all in WebP files.
        filters.push("strip_exif()".to_owned());
    }
    filters.extend(transform.format.map(|format| format!("format({})", format.name())));
    filters
}

fn number(transform: &Transform, option: OptionName) -> Option<Number> {
    match transform.option(option) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    }
}

/// A fraction of a side. From 1 on, imagor would read pixels.
fn coordinate(fraction: Number) -> String {
    if fraction < whole(1) { fraction.to_string() } else { "0.9999".to_owned() }
}

/// Contrast, brightness and saturation.
fn colours(transform: &Transform) -> Vec<String> {
    let contrast = number(transform, OptionName::Contrast);
    // Percent more or less: a factor in hundredths without its 1.
    let percent = |option| {
        number(transform, option).map(|factor| i64::from(factor.in_hundredths()).saturating_sub(100))
    };
    let (brightness, saturation) = (percent(OptionName::Brightness), percent(OptionName::Saturation));
    let mut filters = Vec::new();
    if let Some(factor) = contrast.map(Number::as_f64) {
        // imagor's contrast needs colours, and leaves what is too bright for AVIF. A margin of no pixels gives
        // a grey picture its colours, and `modulate` bounds them.
        filters.push("padding(none,0)".to_owned());
        filters.push(format!("contrast({:.2})", 25900.0 * (factor - 1.0) / (255.0 * factor + 259.0)));
    }
    if contrast.is_some() || brightness.is_some() || saturation.is_some() {
        filters.push(format!("modulate({},{},0)", brightness.unwrap_or(0), saturation.unwrap_or(0)));
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_spelling() {
        for (options, want) in [
            ("width=3", "strip_exif()"),
            ("width=3,metadata=none", "strip_exif()"),
            ("width=3,metadata=keep", ""),
            ("width=3,anim=true,metadata=keep", ""),
            ("width=3,anim=false,metadata=keep", "max_frames(1)"),
            ("width=3,fit=contain,metadata=keep", "upscale()"),
            ("width=3,height=2,fit=cover,gravity=0.5x1,metadata=keep", "focal(0.5x0.9999)"),
            ("width=3,blur=20,sharpen=1.5,metadata=keep", "blur(40):sharpen(1.5)"),
            ("width=3,brightness=0.5,metadata=keep", "modulate(-50,0,0)"),
            ("width=3,saturation=0,metadata=keep", "modulate(0,-100,0)"),
            ("width=3,contrast=0,metadata=keep", "padding(none,0):contrast(-100.00):modulate(0,0,0)"),
            (
                "width=3,brightness=3,contrast=2,saturation=1.05,metadata=keep",
                "padding(none,0):contrast(33.68):modulate(200,5,0)",
            ),
            ("width=3,background=#ff8800,metadata=keep", "background_color(ff8800)"),
            (
                "width=3,height=2,fit=pad,background=#ff8800,rotate=90,metadata=keep",
                "upscale():fill(none):background_color(ff8800):rotate(270)",
            ),
            ("width=3,quality=80,format=webp", "quality(80):strip_exif():format(webp)"),
            ("width=3,format=jpeg", "background_color(ffffff):strip_exif():format(jpeg)"),
        ] {
            let transform = crate::resizer::tests::transform(options);
            assert_eq!(of(&transform).join(":"), want, "{options}");
        }
    }
}
