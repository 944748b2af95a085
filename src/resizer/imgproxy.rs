//! imgproxy's URLs (docs.imgproxy.net, "Processing an image" and "Signing a URL").
//!
//! `/<signature>/<option>:<arguments>/…/<source>`, where the signature is HMAC-SHA256 of the salt and
//! everything after it in base64url, and the source is base64url, so that imgproxy decodes it once
//! and reads none of it as an option or a file name extension.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::turn::{is_turned, mirroring_after_turning};
use super::{Dialect, Row, SourceUrl, Support};
use crate::options::OptionName;
use crate::options::value::{Trim, Value};
use crate::transform::{Fit, Format, Transform};

/// What imgproxy can do, without its commercial version.
pub static DIALECT: Dialect = Dialect {
    name: "imgproxy",
    fits: super::listed(&[
        Fit::ScaleDown,
        Fit::Contain,
        Fit::Cover,
        Fit::Crop,
        Fit::AspectCrop,
        Fit::Pad,
        Fit::Squeeze,
    ]),
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::BaselineJpeg, Format::Png]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    (OptionName::Gravity, Support::words(&["center", "left", "right", "top", "bottom", "auto", "point"]), ""),
    (OptionName::Trim, Support::words(&["border", "box"]), "a box not together with `rotate` or `flip`"),
    (OptionName::Rotate, Support::All, ""),
    (OptionName::Flip, Support::All, "imgproxy 3.31 and later"),
    (OptionName::Background, Support::All, ""),
    (OptionName::Blur, Support::All, ""),
    (OptionName::Sharpen, Support::All, ""),
    (OptionName::Anim, Support::words(&["false"]), "as IMGPROXY_MAX_ANIMATION_FRAMES=1 says"),
    (OptionName::Metadata, Support::All, ""),
    (OptionName::Quality, Support::All, ""),
];

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

/// The path without its signature, with a slash at its beginning. `None` for what imgproxy lacks.
pub fn path(transform: &Transform, source: &SourceUrl) -> Option<String> {
    let frame = transform.frame;
    let (kind, enlarge) = match frame.fit() {
        Fit::ScaleDown => ("fit", 0),
        Fit::Contain | Fit::Pad => ("fit", 1),
        Fit::Cover => ("fill", 1),
        Fit::Crop => ("fill", 0),
        Fit::AspectCrop => ("fill-down", 0),
        Fit::Squeeze => ("force", 1),
        Fit::ScaleUp => return None,
    };
    let mut path = format!("/rs:{kind}:{}:{}:{enlarge}", frame.width(), frame.height());
    if frame.fit() == Fit::Pad {
        path.push_str("/ex:1");
        if transform.option(OptionName::Background).is_none() {
            path.push_str("/bg:ffffff");
        }
    }
    for (option, value) in transform.options() {
        path.push_str(&match (option, value) {
            (OptionName::Gravity, Value::Point(x, y)) => format!("/g:fp:{x}:{y}"),
            (OptionName::Gravity, Value::Word(word)) => format!("/g:{}", gravity_name(word)?),
            (OptionName::Trim, Value::Trim(Trim::Border)) => "/t:10".to_owned(),
            // imgproxy crops after turning, Cloudflare before.
            (OptionName::Trim, Value::Trim(Trim::Box([left, top, width, height])))
                if !is_turned(transform) =>
            {
                format!("/c:{width}:{height}:nowe:{left}:{top}")
            }
            (OptionName::Rotate, Value::Word(degrees)) => format!("/rot:{degrees}"),
            (OptionName::Flip, Value::Word(_)) => {
                let (horizontal, vertical) = mirroring_after_turning(transform);
                format!("/fl:{}:{}", u8::from(horizontal), u8::from(vertical))
            }
            (OptionName::Background, Value::Colour(colour)) => format!("/bg:{}", colour.digits()),
            (OptionName::Blur, Value::Number(sigma)) => format!("/bl:{sigma}"),
            (OptionName::Sharpen, Value::Number(sigma)) => format!("/sh:{sigma}"),
            (OptionName::Anim, Value::Word("false")) => String::new(),
            (OptionName::Metadata, Value::Word("none")) => "/sm:1/kcr:0".to_owned(),
            (OptionName::Metadata, Value::Word("copyright")) => "/sm:1/kcr:1".to_owned(),
            (OptionName::Metadata, Value::Word("keep")) => "/sm:0".to_owned(),
            (OptionName::Quality, Value::Number(quality)) => format!("/q:{quality}"),
            _ => return None,
        });
    }
    if let Some(format) = transform.format {
        path.push_str("/f:");
        path.push_str(format_name(format));
    }
    path.push('/');
    URL_SAFE_NO_PAD.encode_string(source.as_str(), &mut path);
    Some(path)
}

fn gravity_name(word: &str) -> Option<&'static str> {
    Some(match word {
        "left" => "we",
        "right" => "ea",
        "top" => "no",
        "bottom" => "so",
        "auto" => "sm",
        // `center` is what it does anyway, and is never written.
        _ => return None,
    })
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Avif => "avif",
        Format::Webp => "webp",
        Format::Jpeg | Format::BaselineJpeg => "jpg",
        Format::Png => "png",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::decode_hex;

    #[track_caller]
    fn check_signature(key: &[u8], salt: &[u8], path: &str, signature: &str) {
        assert_eq!(Keys::new(key, salt).unwrap().sign(path), format!("/{signature}{path}"));
    }

    #[test]
    fn published_signatures() {
        // imgproxy security/signature_test.go.
        check_signature(b"test-key", b"test-salt", "/asd", "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20");
        check_signature(b"test-key2", b"test-salt2", "/asd", "jYz1UZ7j1BCdSzH3pZhaYf0iuz0vusoOTdqJsUT6WXI");
        // docs.imgproxy.net, "Signing a URL".
        check_signature(
            &decode_hex(b"736563726574").unwrap(),
            &decode_hex(b"68656C6C6F").unwrap(),
            "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png",
            "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8",
        );
    }

    #[test]
    fn each_side_has_its_letters() {
        for (word, letters) in
            [("left", "we"), ("right", "ea"), ("top", "no"), ("bottom", "so"), ("auto", "sm")]
        {
            assert_eq!(gravity_name(word), Some(letters));
        }
        assert_eq!(gravity_name("face"), None);
    }

    #[track_caller]
    fn check(options: &str, want: Option<&str>) {
        let transform = crate::resizer::tests::transform(options);
        let want = want.map(|want| format!("{want}/aHR0cDovL2dhdGUvdG9rZW4"));
        assert_eq!(path(&transform, &SourceUrl::new("http://gate", "token")), want, "{options}");
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (fit, want) in [
            ("scale-down", Some("/rs:fit:300:200:0")),
            ("contain", Some("/rs:fit:300:200:1")),
            ("cover", Some("/rs:fill:300:200:1")),
            ("crop", Some("/rs:fill:300:200:0")),
            ("aspect-crop", Some("/rs:fill-down:300:200:0")),
            ("pad", Some("/rs:fit:300:200:1/ex:1/bg:ffffff")),
            ("squeeze", Some("/rs:force:300:200:1")),
            ("scale-up", None),
        ] {
            check(&format!("width=300,height=200,fit={fit}"), want);
        }
    }

    #[test]
    fn every_option_has_its_spelling() {
        for (options, want) in [
            ("width=3,quality=80,format=jpeg", Some("/rs:fit:3:0:0/q:80/f:jpg")),
            ("width=3,height=2,fit=cover,gravity=0.5x0.33", Some("/rs:fill:3:2:1/g:fp:0.5:0.33")),
            ("width=3,height=2,fit=cover,gravity=bottom", Some("/rs:fill:3:2:1/g:so")),
            ("width=3,height=2,fit=pad,background=#ff8800", Some("/rs:fit:3:2:1/ex:1/bg:ff8800")),
            ("width=3,rotate=90,flip=h", Some("/rs:fit:3:0:0/rot:90/fl:0:1")),
            ("width=3,flip=h", Some("/rs:fit:3:0:0/fl:1:0")),
            ("width=3,trim=border,blur=5,sharpen=0.5", Some("/rs:fit:3:0:0/t:10/bl:5/sh:0.5")),
            ("width=3,trim=box:10;20;30;40", Some("/rs:fit:3:0:0/c:30:40:nowe:10:20")),
            ("width=3,trim=box:10;20;30;40,rotate=90", None),
            ("width=3,trim=1;2;3;4", None),
            ("width=3,metadata=copyright,anim=false", Some("/rs:fit:3:0:0/sm:1/kcr:1")),
            ("width=3,gamma=2", None),
        ] {
            check(options, want);
        }
    }
}
