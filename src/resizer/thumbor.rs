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

use super::{Dialect, SourceUrl};
use crate::transform::{Fit, Format, OptionName, Transform};

/// What thumbor can do.
pub static DIALECT: Dialect = Dialect {
    name: "thumbor",
    options: &[
        OptionName::Width,
        OptionName::Height,
        OptionName::Fit,
        OptionName::Quality,
        OptionName::Format,
    ],
    fits: &[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Crop, Fit::Pad, Fit::Squeeze],
    formats: &[Format::Avif, Format::Webp, Format::Jpeg, Format::Png],
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
    let frame = transform.frame;
    let one_side = frame.width() == 0 || frame.height() == 0;
    let (fit_in, by_fit): (&str, &[&str]) = match frame.fit() {
        // Fitting into a box without a second side never enlarges; plain scaling does.
        Fit::Contain if one_side => ("", &[]),
        Fit::ScaleDown => ("fit-in/", &[]),
        Fit::Contain => ("fit-in/", &["upscale()"]),
        Fit::Cover => ("", &[]),
        Fit::Crop => ("", &["no_upscale()"]),
        Fit::Pad => ("fit-in/", &["upscale()", "fill(ffffff,1)"]),
        Fit::Squeeze => ("", &["stretch()"]),
        Fit::AspectCrop => return None,
    };
    let mut filters: Vec<String> = by_fit.iter().map(|filter| (*filter).to_owned()).collect();
    filters.extend(transform.quality.map(|quality| format!("quality({})", quality.get())));
    filters.extend(transform.format.map(|format| format!("format({})", format_name(format))));
    let filters = if filters.is_empty() { String::new() } else { format!("filters:{}/", filters.join(":")) };
    let source = utf8_percent_encode(source.as_str(), UNRESERVED);
    Some(format!("{fit_in}{}x{}/{filters}{source}", frame.width(), frame.height()))
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Avif => "avif",
        Format::Webp => "webp",
        Format::Jpeg => "jpeg",
        Format::Png => "png",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::{FormatChoice, Options, Pixels, Quality};

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

    #[test]
    fn every_fit_has_its_spelling() {
        let source = SourceUrl::new("http://gate.internal:8081", "tok-en_1");
        for (fit, want) in [
            (Fit::ScaleDown, "fit-in/300x200/"),
            (Fit::Contain, "fit-in/300x200/filters:upscale()/"),
            (Fit::Cover, "300x200/"),
            (Fit::Crop, "300x200/filters:no_upscale()/"),
            (Fit::Pad, "fit-in/300x200/filters:upscale():fill(ffffff,1)/"),
            (Fit::Squeeze, "300x200/filters:stretch()/"),
        ] {
            let options = Options {
                width: Pixels::new(300),
                height: Pixels::new(200),
                fit: Some(fit),
                ..Options::default()
            };
            let transform = Transform { frame: options.frame().unwrap(), quality: None, format: None };
            let want = format!("{want}http%3A%2F%2Fgate.internal%3A8081%2Ftok-en_1");
            assert_eq!(path(&transform, &source), Some(want));
        }
    }

    #[test]
    fn a_single_side_is_enlarged_without_a_box() {
        let fit = Some(Fit::Contain);
        let options = Options { width: Pixels::new(400), fit, ..Options::default() };
        let transform = Transform { frame: options.frame().unwrap(), quality: None, format: None };
        assert_eq!(
            path(&transform, &SourceUrl::new("http://g", "t")).as_deref(),
            Some("400x0/http%3A%2F%2Fg%2Ft")
        );
    }

    #[test]
    fn quality_and_format_are_filters() {
        let options = Options { width: Pixels::new(300), ..Options::default() };
        let format = FormatChoice::Webp.concrete();
        let transform = Transform { frame: options.frame().unwrap(), quality: Quality::new(80), format };
        let source = SourceUrl::new("http://g", "t");
        let want = "fit-in/300x0/filters:quality(80):format(webp)/http%3A%2F%2Fg%2Ft";
        assert_eq!(path(&transform, &source).as_deref(), Some(want));
    }
}
