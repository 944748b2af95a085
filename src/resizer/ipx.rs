//! ipx's URLs (github.com/unjs/ipx, README; each line of the table tried with ipx 3.1.1).
//!
//! `/<modifier>_<value>,…/<source>`. ipx applies modifiers in the order of their names, whatever their order
//! in the URL, and decodes the source twice, so that a percent sign in it is encoded before the whole
//! of it is. It knows no signatures: whoever reaches it can use it, but only the gate gives it anything.

use super::{Dialect, Row, SourceUrl, Support, background, escape_into, frames};
use crate::options::OptionName;
use crate::options::value::{Number, Trim, Value};
use crate::transform::{Fit, Format, Transform};

/// What ipx can do.
pub static DIALECT: Dialect = Dialect {
    name: "ipx",
    fits: super::listed(&[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Pad, Fit::Squeeze]),
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::Png]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    (
        OptionName::Fit,
        Support::All,
        "`scale-down` (what no `fit` means) not with two sides; `limits` add the second",
    ),
    (
        OptionName::Gravity,
        Support::words(&["center", "left", "right", "top", "bottom", "auto"]),
        "`auto` fails for a GIF that stays one",
    ),
    (OptionName::Trim, Support::words(&["border"]), "fails for a GIF that stays one"),
    (OptionName::Rotate, Support::words(&["180"]), "a GIF that stays one plays backwards"),
    (OptionName::Flip, Support::All, "by `v`, a GIF that stays one plays backwards"),
    (OptionName::Background, Support::All, "grey if the picture is"),
    (OptionName::Blur, Support::All, ""),
    (OptionName::Sharpen, Support::All, ""),
    (OptionName::Saturation, Support::UpTo(Number::ZERO), ""),
    (OptionName::Anim, Support::All, "`true` in WebP and GIF only, `false` only together with `format`"),
    (OptionName::Metadata, Support::words(&["none"]), ""),
    (OptionName::Quality, Support::All, "a PNG with a quality has at most 256 colours"),
];

/// The path. `None` for what ipx lacks.
pub fn path(transform: &Transform, source: &SourceUrl) -> Option<String> {
    let mut modifiers = size(transform)?;
    modifiers.extend(turning(transform));
    for (option, value) in transform.options() {
        modifiers.push(match (option, value) {
            (OptionName::Gravity, Value::Word("auto")) => "pos_attention".to_owned(),
            (OptionName::Gravity, Value::Word(side)) => format!("pos_{side}"),
            // Without a threshold; none can be named, because sharp takes it as part of an object only.
            (OptionName::Trim, Value::Trim(Trim::Border)) => "trim_null".to_owned(),
            (OptionName::Blur, Value::Number(sigma)) => format!("blur_{sigma}"),
            (OptionName::Sharpen, Value::Number(sigma)) => format!("sharpen_{sigma}"),
            (OptionName::Saturation, Value::Number(Number::ZERO)) => "grayscale".to_owned(),
            (OptionName::Quality, Value::Number(quality)) => format!("q_{quality}"),
            // A GIF that is to stay one keeps its frames.
            (OptionName::Anim, Value::Word("false")) if transform.format.is_none() => return None,
            (OptionName::Rotate, Value::Word("180"))
            | (OptionName::Metadata, Value::Word("none"))
            | (OptionName::Flip | OptionName::Anim | OptionName::Background, _) => continue,
            _ => return None,
        });
    }
    if let Some(colour) = background(transform) {
        // ipx takes bare digits with an `e` among them for a number.
        modifiers.push(format!("b_%23{},flatten", colour.digits()));
    }
    if frames::are_kept(transform)? {
        modifiers.push("animated".to_owned());
    }
    modifiers.extend(transform.format.map(|format| format!("f_{}", format_name(format))));
    let mut path = format!("/{}/", modifiers.join(","));
    escape_into(&source.as_str().replace('%', "%25"), &mut path);
    Some(path)
}

/// The box and the fit. A single side has modifiers that never enlarge unless they are told to; two sides
/// have one that leaves the box as it is only if it may enlarge.
fn size(transform: &Transform) -> Option<Vec<String>> {
    let frame = transform.frame;
    let (sides, two_sided) = match (frame.width(), frame.height()) {
        (width, 0) => (format!("w_{width}"), false),
        (0, height) => (format!("h_{height}"), false),
        (width, height) => (format!("s_{width}x{height}"), true),
    };
    let fit = match (frame.fit(), two_sided) {
        (Fit::ScaleDown, false) => return Some(vec![sides]),
        (Fit::Contain, false) => return Some(vec!["enlarge".to_owned(), sides]),
        (Fit::Contain, true) => "fit_inside",
        (Fit::Cover, _) => "fit_cover",
        (Fit::Pad, _) => "fit_contain",
        (Fit::Squeeze, _) => "fit_fill",
        // Unless it may enlarge, ipx fits the box into the picture first, and the picture into what is left of it.
        (Fit::ScaleDown | Fit::Crop | Fit::AspectCrop | Fit::ScaleUp, _) => return None,
    };
    Some(vec!["enlarge".to_owned(), sides, fit.to_owned()])
}

/// Mirroring and turning, which happen before cropping. `rotate` without an angle turns the picture as
/// its EXIF orientation says; an angle would take the place of that, so that a half turn is written as
/// both mirrorings and a quarter turn not at all.
fn turning(transform: &Transform) -> impl Iterator<Item = String> {
    let half_turn = transform.option(OptionName::Rotate).is_some();
    let flip = match transform.option(OptionName::Flip) {
        Some(Value::Word(flip)) => flip,
        _ => "",
    };
    let mirrored = (flip.contains('h') != half_turn).then_some("flop");
    let upside_down = (flip.contains('v') != half_turn).then_some("flip");
    ["rotate_null"].into_iter().chain(mirrored).chain(upside_down).map(str::to_owned)
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Avif => "avif",
        Format::Webp => "webp",
        Format::Jpeg | Format::BaselineJpeg => "jpeg",
        Format::Png => "png",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &str, want: Option<&str>) {
        let transform = crate::resizer::tests::transform(options);
        let want = want.map(|want| format!("/{want}/http%3A%2F%2Fgate%2Ftoken"));
        assert_eq!(path(&transform, &SourceUrl::new("http://gate", "token")), want, "{options}");
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (options, want) in [
            ("width=300", Some("w_300,rotate_null")),
            ("height=200", Some("h_200,rotate_null")),
            ("width=300,height=200", None),
            ("width=300,fit=contain", Some("enlarge,w_300,rotate_null")),
            ("width=300,height=200,fit=contain", Some("enlarge,s_300x200,fit_inside,rotate_null")),
            ("width=300,height=200,fit=cover", Some("enlarge,s_300x200,fit_cover,rotate_null")),
            (
                "width=300,height=200,fit=pad",
                Some("enlarge,s_300x200,fit_contain,rotate_null,b_%23ffffff,flatten"),
            ),
            ("width=300,height=200,fit=squeeze", Some("enlarge,s_300x200,fit_fill,rotate_null")),
            ("width=300,height=200,fit=crop", None),
            ("width=300,height=200,fit=aspect-crop", None),
            ("width=300,fit=scale-up", None),
        ] {
            check(options, want);
        }
    }

    #[test]
    fn every_option_has_its_spelling() {
        for (options, want) in [
            ("width=3,height=2,fit=cover,gravity=left", Some("enlarge,s_3x2,fit_cover,rotate_null,pos_left")),
            (
                "width=3,height=2,fit=cover,gravity=auto",
                Some("enlarge,s_3x2,fit_cover,rotate_null,pos_attention"),
            ),
            ("width=3,height=2,fit=cover,gravity=0.5x0.5", None),
            ("width=3,trim=border", Some("w_3,rotate_null,trim_null")),
            ("width=3,trim=box:1;2;3;4", None),
            ("width=3,flip=h", Some("w_3,rotate_null,flop")),
            ("width=3,flip=v", Some("w_3,rotate_null,flip")),
            ("width=3,rotate=180", Some("w_3,rotate_null,flop,flip")),
            ("width=3,flip=h,rotate=180", Some("w_3,rotate_null,flip")),
            ("width=3,flip=hv,rotate=180", Some("w_3,rotate_null")),
            ("width=3,rotate=90", None),
            ("width=3,background=#1e1000", Some("w_3,rotate_null,b_%231e1000,flatten")),
            ("width=3,blur=20,sharpen=1.5", Some("w_3,rotate_null,blur_20,sharpen_1.5")),
            ("width=3,saturation=0", Some("w_3,rotate_null,grayscale")),
            ("width=3,saturation=0.5", None),
            ("width=3,brightness=2", None),
            ("width=3,metadata=none,quality=80", Some("w_3,rotate_null,q_80")),
            ("width=3,format=webp", Some("w_3,rotate_null,f_webp")),
            ("width=3,format=jpeg", Some("w_3,rotate_null,b_%23ffffff,flatten,f_jpeg")),
            ("width=3,anim=true", Some("w_3,rotate_null,animated")),
            ("width=3,anim=true,flip=v", None),
            ("width=3,anim=false,format=avif", Some("w_3,rotate_null,f_avif")),
            ("width=3,anim=false", None),
        ] {
            check(options, want);
        }
    }

    #[test]
    fn a_source_stays_as_it_is_when_it_is_decoded_twice() {
        let transform = crate::resizer::tests::transform("width=3");
        let path = path(&transform, &SourceUrl::new("http://gate", "a%2Fb,c"));
        assert_eq!(path.as_deref(), Some("/w_3,rotate_null/http%3A%2F%2Fgate%2Fa%25252Fb%2Cc"));
    }
}
