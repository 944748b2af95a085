//! imgproxy's URLs (docs.imgproxy.net, "Processing an image" and "Signing a URL").
//!
//! `/<signature>/<option>:<arguments>/…/<source>`, where the signature is HMAC-SHA256 of the salt and
//! everything after it in base64url, and the source is base64url, so that imgproxy decodes it once
//! and reads none of it as an option or a file name extension.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Dialect, SourceUrl};
use crate::transform::{Fit, Format, OptionName, Transform};

/// What imgproxy can do.
pub static DIALECT: Dialect = Dialect {
    name: "imgproxy",
    options: &[
        OptionName::Width,
        OptionName::Height,
        OptionName::Fit,
        OptionName::Quality,
        OptionName::Format,
    ],
    fits: &[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Crop, Fit::AspectCrop, Fit::Pad, Fit::Squeeze],
    formats: &[Format::Avif, Format::Webp, Format::Jpeg, Format::Png],
};

/// `IMGPROXY_KEY` and `IMGPROXY_SALT`, ready to sign with.
#[derive(Clone)]
pub struct Keys(Hmac<Sha256>);

impl Keys {
    /// Takes the bytes of key and salt.
    pub fn new(key: &[u8], salt: &[u8]) -> Option<Keys> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
        mac.update(salt);
        Some(Keys(mac))
    }

    /// The signed path of `path`, which begins with a slash.
    pub fn sign(&self, path: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(path.as_bytes());
        format!("/{}{path}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// The path without its signature, with a slash at its beginning.
pub fn path(transform: &Transform, source: &SourceUrl) -> Option<String> {
    let frame = transform.frame;
    let (kind, enlarge, extend) = match frame.fit() {
        Fit::ScaleDown => ("fit", 0, ""),
        Fit::Contain => ("fit", 1, ""),
        Fit::Cover => ("fill", 1, ""),
        Fit::Crop => ("fill", 0, ""),
        Fit::AspectCrop => ("fill-down", 0, ""),
        Fit::Pad => ("fit", 1, "/ex:1/bg:ffffff"),
        Fit::Squeeze => ("force", 1, ""),
    };
    let mut path = format!("/rs:{kind}:{}:{}:{enlarge}{extend}", frame.width(), frame.height());
    if let Some(quality) = transform.quality {
        path.push_str(&format!("/q:{}", quality.get()));
    }
    if let Some(format) = transform.format {
        path.push_str("/f:");
        path.push_str(format_name(format));
    }
    path.push('/');
    URL_SAFE_NO_PAD.encode_string(source.as_str(), &mut path);
    Some(path)
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Avif => "avif",
        Format::Webp => "webp",
        Format::Jpeg => "jpg",
        Format::Png => "png",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::decode_hex;
    use crate::transform::{FormatChoice, Options, Pixels, Quality};

    #[track_caller]
    fn check(key: &[u8], salt: &[u8], path: &str, signature: &str) {
        assert_eq!(Keys::new(key, salt).unwrap().sign(path), format!("/{signature}{path}"));
    }

    #[test]
    fn published_signatures() {
        // imgproxy security/signature_test.go.
        check(b"test-key", b"test-salt", "/asd", "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20");
        check(b"test-key2", b"test-salt2", "/asd", "jYz1UZ7j1BCdSzH3pZhaYf0iuz0vusoOTdqJsUT6WXI");
        // docs.imgproxy.net, "Signing a URL".
        check(
            &decode_hex(b"736563726574").unwrap(),
            &decode_hex(b"68656C6C6F").unwrap(),
            "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png",
            "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8",
        );
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (fit, want) in [
            (Fit::ScaleDown, "/rs:fit:300:200:0/"),
            (Fit::Contain, "/rs:fit:300:200:1/"),
            (Fit::Cover, "/rs:fill:300:200:1/"),
            (Fit::Crop, "/rs:fill:300:200:0/"),
            (Fit::AspectCrop, "/rs:fill-down:300:200:0/"),
            (Fit::Pad, "/rs:fit:300:200:1/ex:1/bg:ffffff/"),
            (Fit::Squeeze, "/rs:force:300:200:1/"),
        ] {
            let options = Options {
                width: Pixels::new(300),
                height: Pixels::new(200),
                fit: Some(fit),
                ..Options::default()
            };
            let transform = Transform { frame: options.frame().unwrap(), quality: None, format: None };
            let source = SourceUrl::new("http://gate", "token");
            assert_eq!(path(&transform, &source), Some(format!("{want}aHR0cDovL2dhdGUvdG9rZW4")));
        }
    }

    #[test]
    fn quality_and_format_are_options() {
        let options = Options { width: Pixels::new(300), ..Options::default() };
        let format = FormatChoice::Jpeg.concrete();
        let transform = Transform { frame: options.frame().unwrap(), quality: Quality::new(80), format };
        let want = "/rs:fit:300:0:0/q:80/f:jpg/aHR0cDovL2cvdA";
        assert_eq!(path(&transform, &SourceUrl::new("http://g", "t")).as_deref(), Some(want));
    }
}
