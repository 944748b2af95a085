//! thumbor's URLs (thumbor.readthedocs.io, "Usage" and "Security"; libthumbor `url.py`).
//!
//! `/<hash>/[fit-in/]<width>x<height>/filters:<name>(<arguments>):…/<source>`, where the hash is
//! HMAC-SHA1 of everything after it in padded base64url, and the source is percent-encoded once, so
//! that none of it can be read as an option.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::turn::{Unturned, unturn};
use super::{Dialect, Row, SourceUrl, Support, background};
use crate::options::OptionName;
use crate::options::value::{Colour, Trim, Value, whole};
use crate::transform::{Fit, Format, Transform};

/// What thumbor can do.
pub static DIALECT: Dialect = Dialect {
    name: "thumbor",
    fits: super::listed(&[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Crop, Fit::Pad, Fit::Squeeze]),
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::Png]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    (
        OptionName::Gravity,
        Support::words(&["center", "left", "right", "top", "bottom", "auto"]),
        "`auto` is the centre unless thumbor has DETECTORS",
    ),
    (OptionName::Trim, Support::words(&["border", "box"]), "a box outside of the picture is ignored"),
    (OptionName::Rotate, Support::All, ""),
    (OptionName::Flip, Support::All, ""),
    (OptionName::Background, Support::All, ""),
    (OptionName::Blur, Support::UpTo(whole(150)), ""),
    (OptionName::Sharpen, Support::All, ""),
    (OptionName::Brightness, Support::UpTo(whole(2)), "added, not multiplied"),
    (OptionName::Contrast, Support::UpTo(whole(4)), "approximate"),
    (OptionName::Saturation, Support::All, ""),
    (OptionName::Anim, Support::words(&["false"]), "as ALLOW_ANIMATED_GIFS = False says"),
    (OptionName::Metadata, Support::words(&["none"]), "but for comments in JPEG files"),
    (OptionName::Quality, Support::All, "not for PNG"),
];

/// thumbor's `SECURITY_KEY`, ready to sign with.
#[derive(Clone)]
pub struct Key(Hmac<Sha1>);

impl Key {
    /// Takes the key's bytes as they are.
    pub fn new(key: &[u8]) -> Option<Key> {
        <Hmac<Sha1> as KeyInit>::new_from_slice(key).ok().map(Key)
    }

    /// The signed path of `options`, which has no slash at its beginning.
    pub fn sign(&self, options: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(options.as_bytes());
        // A slash, 28 characters of base64, a slash.
        let mut path = String::with_capacity(options.len().saturating_add(30));
        path.push('/');
        URL_SAFE.encode_string(mac.finalize().into_bytes(), &mut path);
        path.push('/');
        path.push_str(options);
        path
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The path without its hash and without a slash at its beginning. `None` for what thumbor lacks.
pub fn path(transform: &Transform, source: &SourceUrl) -> Option<String> {
    let unturned = unturn(transform).filter(|unturned| unturned.gravity != "point")?;
    let mut path = cut(transform, "trim/")?;
    let one_side = transform.frame.width() == 0 || transform.frame.height() == 0;
    let (fit_in, by_fit): (&str, &[&str]) = match transform.frame.fit() {
        // Fitting into a box without a second side never enlarges; plain scaling does.
        Fit::Contain if one_side => ("", &[]),
        Fit::ScaleDown => ("fit-in/", &[]),
        Fit::Contain => ("fit-in/", &["upscale()"]),
        Fit::Cover => ("", &[]),
        Fit::Crop => ("", &["no_upscale()"]),
        Fit::Pad => ("fit-in/", &["upscale()"]),
        Fit::Squeeze => ("", &["stretch()"]),
        Fit::AspectCrop | Fit::ScaleUp => return None,
    };
    path.push_str(fit_in);
    path.push_str(&geometry(&unturned));
    let mut filters: Vec<String> = by_fit.iter().map(|filter| (*filter).to_owned()).collect();
    filters.extend(own_filters(transform));
    if unturned.degrees > 0 {
        // thumbor turns counter-clockwise.
        filters.push(format!("rotate({})", 360_u32.saturating_sub(unturned.degrees)));
    }
    filters.extend(transform.format.map(|format| format!("format({})", format.name())));
    if !filters.is_empty() {
        path.push_str(&format!("filters:{}/", filters.join(":")));
    }
    source.escape_into(&mut path);
    Some(path)
}

/// The filters that options have as their counterparts, in the order in which they work: colours are
/// changed before a background is laid behind them.
fn own_filters(transform: &Transform) -> Vec<String> {
    let mut filters = Vec::new();
    // -100 to 100, where a factor of 1 is 0.
    let percent = |factor: f64| (factor - 1.0) * 100.0;
    for (option, value) in transform.options() {
        let Value::Number(number) = value else { continue };
        let factor = number.as_f64();
        filters.push(match option {
            OptionName::Blur => format!("blur({})", number.floor()),
            OptionName::Sharpen => format!("sharpen({number},1.0,true)"),
            OptionName::Brightness => format!("brightness({:.0})", percent(factor)),
            // thumbor squares its factor.
            OptionName::Contrast => format!("contrast({:.0})", percent(factor.sqrt())),
            OptionName::Saturation => format!("saturation({number})"),
            OptionName::Quality => format!("quality({})", number.floor()),
            _ => continue,
        });
    }
    filters.extend(background(transform).map(Colour::digits).map(|colour| match transform.frame.fit() {
        Fit::Pad => format!("fill({colour},1)"),
        _ => format!("background_color({colour})"),
    }));
    filters
}

/// What is cut off first, where `border` stands for a border of one colour. `None` for what has no spelling.
pub(super) fn cut(transform: &Transform, border: &str) -> Option<String> {
    match transform.option(OptionName::Trim) {
        None => Some(String::new()),
        Some(Value::Trim(Trim::Border)) => Some(border.to_owned()),
        Some(Value::Trim(Trim::Box([left, top, width, height]))) => {
            let (right, bottom) = (left.checked_add(*width)?, top.checked_add(*height)?);
            Some(format!("{left}x{top}:{right}x{bottom}/"))
        }
        Some(_) => None,
    }
}

/// The box, with a minus before each axis that is mirrored, and the side to keep.
pub(super) fn geometry(unturned: &Unturned) -> String {
    let minus = |mirrored: bool| if mirrored { "-" } else { "" };
    let Unturned { width, height, .. } = unturned;
    let (across, down) = (minus(unturned.mirrored), minus(unturned.upside_down));
    // Both axes are named, because imagor keeps a corner where it is told one only.
    let side = match unturned.gravity {
        "left" => "left/middle/",
        "right" => "right/middle/",
        "top" => "center/top/",
        "bottom" => "center/bottom/",
        "auto" => "smart/",
        _ => "",
    };
    format!("{across}{width}x{down}{height}/{side}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_signatures() {
        // libthumbor tests/test_cryptourl.py, and one that a running thumbor 7.8.0 accepted.
        for (path, signature) in [
            ("300x200/my.server.com/some/path/to/image.jpg", "8ammJH8D-7tXy6kU3lTvoXlhu4o="),
            (
                "10x10:200x200/300x200/filters:brightness(20):contrast(10)/my.server.com/some/path/to/image.jpg",
                "as8U2DbUUtTMgvPF26LkjS3MocY=",
            ),
            ("300x200/http://127.0.0.1:9900/photo.jpg", "aQjJSC1-xJqq-PIbZIAIUkFW1zw="),
        ] {
            let key = Key::new(b"my-security-key").unwrap();
            assert_eq!(key.sign(path), format!("/{signature}/{path}"));
        }
    }

    #[track_caller]
    fn check(options: &str, want: Option<&str>) {
        let transform = crate::resizer::tests::transform(options);
        let want = want.map(|want| format!("{want}/http%3A%2F%2Fgate.internal%3A8081%2Ftok-en_1"));
        assert_eq!(
            path(&transform, &SourceUrl::new("http://gate.internal:8081", "tok-en_1")),
            want,
            "{options}"
        );
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (fit, want) in [
            ("scale-down", Some("fit-in/300x200")),
            ("contain", Some("fit-in/300x200/filters:upscale()")),
            ("cover", Some("300x200")),
            ("crop", Some("300x200/filters:no_upscale()")),
            ("pad", Some("fit-in/300x200/filters:upscale():fill(ffffff,1)")),
            ("squeeze", Some("300x200/filters:stretch()")),
            ("aspect-crop", None),
            ("scale-up", None),
        ] {
            check(&format!("width=300,height=200,fit={fit}"), want);
        }
    }

    #[test]
    fn every_option_has_its_spelling() {
        for (options, want) in [
            ("width=300,quality=80,format=webp", "fit-in/300x0/filters:quality(80):format(webp)"),
            ("width=400,fit=contain", "400x0"),
            ("width=3,height=2,fit=cover,gravity=left", "3x2/left/middle"),
            ("width=3,height=2,fit=cover,gravity=auto", "3x2/smart"),
            ("width=3,height=2,fit=cover,gravity=top,rotate=90", "2x3/left/middle/filters:rotate(270)"),
            ("width=3,flip=hv", "fit-in/-3x-0"),
            ("width=3,trim=border", "trim/fit-in/3x0"),
            ("width=3,trim=box:10;20;30;40", "10x20:40x60/fit-in/3x0"),
            ("width=3,background=#ff8800", "fit-in/3x0/filters:background_color(ff8800)"),
            ("width=3,blur=20,sharpen=1.5", "fit-in/3x0/filters:blur(20):sharpen(1.5,1.0,true)"),
            ("width=3,brightness=0.5,contrast=1.2", "fit-in/3x0/filters:brightness(-50):contrast(10)"),
            ("width=3,format=jpeg", "fit-in/3x0/filters:background_color(ffffff):format(jpeg)"),
            ("width=3,blur=2,background=red", "fit-in/3x0/filters:blur(2):background_color(ff0000)"),
            ("width=3,saturation=0", "fit-in/3x0/filters:saturation(0)"),
        ] {
            check(options, Some(want));
        }
        for options in ["width=3,height=2,fit=cover,gravity=0.5x0.5", "width=3,trim=1;2;3;4"] {
            check(options, None);
        }
    }
}
