//! thumbor's URLs (thumbor.readthedocs.io, "Usage" and "Security"; libthumbor `url.py`).
//!
//! `/<hash>/[fit-in/]<width>x<height>/filters:<name>(<arguments>):…/<source>`, where the hash is
//! HMAC-SHA1 of everything after it in padded base64url, and the source is percent-encoded once, so
//! that none of it can be read as an option.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;

use super::turn::unturn;
use super::{Dialect, SourceUrl, Support};
use crate::options::OptionName;
use crate::options::value::{Colour, Trim, Value, whole};
use crate::transform::{Fit, Format, Transform};

/// What thumbor can do.
pub static DIALECT: Dialect = Dialect {
    name: "thumbor",
    fits: &[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Crop, Fit::Pad, Fit::Squeeze],
    formats: &[Format::Avif, Format::Webp, Format::Jpeg, Format::Png],
    options: &[
        (
            OptionName::Gravity,
            Support::Words(&["center", "left", "right", "top", "bottom", "auto"]),
            "`auto` is the centre unless thumbor has DETECTORS",
        ),
        (OptionName::Trim, Support::Words(&["border", "box"]), "a box outside of the picture is ignored"),
        (OptionName::Rotate, Support::All, ""),
        (OptionName::Flip, Support::All, ""),
        (OptionName::Background, Support::All, ""),
        (OptionName::Blur, Support::UpTo(whole(150)), ""),
        (OptionName::Sharpen, Support::All, ""),
        (OptionName::Brightness, Support::UpTo(whole(2)), "added, not multiplied"),
        (OptionName::Contrast, Support::UpTo(whole(4)), "approximate"),
        (OptionName::Saturation, Support::All, ""),
        (OptionName::Anim, Support::Words(&["false"]), "as ALLOW_ANIMATED_GIFS = False says"),
        (OptionName::Metadata, Support::Words(&["none"]), "but for comments in JPEG files"),
        (OptionName::Quality, Support::All, "not for PNG"),
    ],
};

/// What a source keeps unencoded: RFC 3986 `unreserved`.
const UNRESERVED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
        format!("/{}/{options}", URL_SAFE.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The path without its hash and without a slash at its beginning. `None` for what thumbor lacks.
pub fn path(transform: &Transform, source: &SourceUrl) -> Option<String> {
    let unturned = unturn(transform)?;
    let mut path = String::new();
    match transform.option(OptionName::Trim) {
        None => {}
        Some(Value::Trim(Trim::Border)) => path.push_str("trim/"),
        Some(Value::Trim(Trim::Box([left, top, width, height]))) => {
            let (right, bottom) = (left.checked_add(*width)?, top.checked_add(*height)?);
            path.push_str(&format!("{left}x{top}:{right}x{bottom}/"));
        }
        Some(_) => return None,
    }
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
    let minus = |mirrored: bool| if mirrored { "-" } else { "" };
    let (width, height) = (unturned.width, unturned.height);
    path.push_str(fit_in);
    path.push_str(&format!("{}{width}x{}{height}/", minus(unturned.mirrored), minus(unturned.upside_down)));
    path.push_str(match unturned.gravity {
        "left" => "left/middle/",
        "right" => "right/middle/",
        "top" => "center/top/",
        "bottom" => "center/bottom/",
        "auto" => "smart/",
        _ => "",
    });
    let mut filters: Vec<String> = by_fit.iter().map(|filter| (*filter).to_owned()).collect();
    filters.extend(own_filters(transform));
    if unturned.degrees > 0 {
        // thumbor turns counter-clockwise.
        filters.push(format!("rotate({})", 360_u32.saturating_sub(unturned.degrees)));
    }
    filters.extend(transform.format.map(|format| format!("format({})", format_name(format))));
    if !filters.is_empty() {
        path.push_str(&format!("filters:{}/", filters.join(":")));
    }
    path.extend(utf8_percent_encode(source.as_str(), UNRESERVED));
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
    let colour = match transform.option(OptionName::Background) {
        Some(Value::Colour(Colour([red, green, blue]))) => Some(format!("{red:02x}{green:02x}{blue:02x}")),
        _ => None,
    };
    let is_jpeg = matches!(transform.format, Some(Format::Jpeg | Format::BaselineJpeg));
    match (transform.frame.fit(), colour) {
        (Fit::Pad, colour) => filters.push(format!("fill({},1)", colour.as_deref().unwrap_or("ffffff"))),
        (_, Some(colour)) => filters.push(format!("background_color({colour})")),
        // JPEG has no transparency, and thumbor would make it black.
        (_, None) if is_jpeg => filters.push("background_color(ffffff)".to_owned()),
        (_, None) => {}
    }
    filters
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
    }
}
