//! weserv/images' URLs (images.weserv.nl/docs; weserv/images `query.cpp`, its `imagesweserv-secure-link.conf`).
//!
//! `/?<parameters>`, or `/s/<signature>/?<parameters>` in front of nginx's secure link, where the signature is
//! MD5 of the parameters, a blank and the secret, in base64url. MD5 with the secret at the end is weak: it
//! is a lock beside network isolation, not in its place.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};

use super::turn::{is_quarter_turn, is_turned, mirroring_after_turning};
use super::{Dialect, Row, SourceUrl, Support, background, frames};
use crate::options::OptionName;
use crate::options::value::{Trim, Value};
use crate::secret::Secret;
use crate::transform::{Fit, Format, Transform};

/// What weserv can do.
pub static DIALECT: Dialect = Dialect {
    name: "weserv",
    fits: super::listed(&[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Crop, Fit::Pad, Fit::Squeeze]),
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::BaselineJpeg, Format::Png]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    // A point is one of the stored picture, and off where EXIF or `rotate` turns that.
    (OptionName::Gravity, Support::words(&["center", "left", "right", "top", "bottom", "auto"]), ""),
    (
        OptionName::Trim,
        Support::words(&["border", "box"]),
        "a box not together with `rotate` or `flip`; one outside of the picture is ignored",
    ),
    (OptionName::Rotate, Support::All, ""),
    (OptionName::Flip, Support::All, "wrong for the few pictures that their EXIF orientation mirrors"),
    (OptionName::Background, Support::All, ""),
    (OptionName::Blur, Support::All, ""),
    (OptionName::Sharpen, Support::All, ""),
    (OptionName::Brightness, Support::All, "of the perceived lightness"),
    (OptionName::Saturation, Support::All, ""),
    (OptionName::Anim, Support::All, "`true` in WebP and GIF only"),
    (OptionName::Metadata, Support::words(&["none"]), "but for EXIF in WebP before libvips 8.15"),
    (OptionName::Quality, Support::All, "not for PNG"),
];

/// The secret of nginx's secure link, where it is set up.
#[derive(Debug)]
pub struct Settings {
    secret: Option<Secret>,
}

impl Settings {
    /// Without a secret, URLs are not signed.
    pub fn new(secret: Option<Secret>) -> Settings {
        Settings { secret }
    }

    /// The path, signed if there is a secret. `None` for what weserv lacks.
    pub fn path(&self, transform: &Transform, source: &SourceUrl) -> Option<String> {
        parameters(transform, source).map(|parameters| self.sign(&parameters))
    }

    /// The path of parameters.
    fn sign(&self, parameters: &str) -> String {
        match &self.secret {
            None => format!("/?{parameters}"),
            Some(secret) => {
                let hash = Md5::new().chain_update(parameters).chain_update(b" ");
                let hash = hash.chain_update(secret.expose()).finalize();
                format!("/s/{}/?{parameters}", URL_SAFE_NO_PAD.encode(hash))
            }
        }
    }
}

/// What is asked, the source first.
fn parameters(transform: &Transform, source: &SourceUrl) -> Option<String> {
    let mut query = "url=".to_owned();
    source.escape_into(&mut query);
    query.push_str(&size(transform)?);
    for (option, value) in transform.options() {
        query.push_str(&match (option, value) {
            (OptionName::Gravity, Value::Word("auto")) => "&a=attention".to_owned(),
            (OptionName::Gravity, Value::Word(side)) => format!("&a={side}"),
            (OptionName::Trim, Value::Trim(Trim::Border)) => "&trim=10".to_owned(),
            // weserv trims after turning, Cloudflare before.
            (OptionName::Trim, Value::Trim(Trim::Box([left, top, width, height])))
                if !is_turned(transform) =>
            {
                format!("&cx={left}&cy={top}&cw={width}&ch={height}")
            }
            (OptionName::Rotate, Value::Word(degrees)) => format!("&ro={degrees}"),
            (OptionName::Flip, Value::Word(_)) => flip_parameters(transform).to_owned(),
            (OptionName::Blur, Value::Number(sigma)) => format!("&blur={sigma}"),
            (OptionName::Sharpen, Value::Number(sigma)) => format!("&sharp={sigma}"),
            (OptionName::Brightness, Value::Number(factor)) => format!("&mod={factor}"),
            (OptionName::Saturation, Value::Number(factor)) => format!("&sat={factor}"),
            (OptionName::Quality, Value::Number(quality)) => format!("&q={quality}"),
            (OptionName::Metadata, Value::Word("none")) | (OptionName::Background | OptionName::Anim, _) => {
                continue;
            }
            _ => return None,
        });
    }
    if let Some(colour) = background(transform) {
        let around = if transform.frame.fit() == Fit::Pad {
            format!("&cbg={}", colour.digits())
        } else {
            String::new()
        };
        query.push_str(&format!("{around}&bg={}", colour.digits()));
    }
    // The first frame alone is what weserv takes by itself.
    query.push_str(if frames::are_kept(transform)? { "&n=-1" } else { "" });
    query.push_str(match transform.format {
        None => "",
        Some(Format::Avif) => "&output=avif",
        Some(Format::Webp) => "&output=webp",
        Some(Format::Jpeg) => "&output=jpg&il=1",
        Some(Format::BaselineJpeg) => "&output=jpg",
        Some(Format::Png) => "&output=png",
    });
    Some(query)
}

/// The box and the fit.
fn size(transform: &Transform) -> Option<String> {
    let frame = transform.frame;
    let (fit, may_enlarge) = match frame.fit() {
        Fit::ScaleDown => ("inside", false),
        Fit::Contain => ("inside", true),
        Fit::Cover => ("cover", true),
        Fit::Crop => ("cover", false),
        Fit::Pad => ("contain", true),
        Fit::Squeeze => ("fill", true),
        Fit::AspectCrop | Fit::ScaleUp => return None,
    };
    let sides = [("w", frame.width()), ("h", frame.height())];
    let sides = sides.iter().filter(|(_, side)| *side > 0).map(|(name, side)| format!("&{name}={side}"));
    let mut size = sides.collect::<String>();
    size.push_str(&format!("&fit={fit}"));
    if !may_enlarge {
        size.push_str("&we=1");
    }
    // By itself weserv turns after resizing. It takes that into account, but not where the turned picture
    // is cropped or padded, and not for `ro`. Turning first costs the shortcuts of loading a large JPEG.
    let is_box = matches!(transform.option(OptionName::Trim), Some(Value::Trim(Trim::Box(_))));
    if matches!(fit, "cover" | "contain") || is_quarter_turn(transform) || is_box {
        size.push_str("&precrop=1");
    }
    Some(size)
}

fn flip_parameters(transform: &Transform) -> &'static str {
    match mirroring_after_turning(transform) {
        (true, true) => "&flip=1&flop=1",
        (true, false) => "&flop=1",
        (false, true) => "&flip=1",
        (false, false) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_signature() {
        // weserv/images, the comment in ngx_conf/imagesweserv-secure-link.conf.
        let settings = Settings::new(Some(Secret::new("<SECRET>")));
        let parameters = "url=https://wsrv.nl/lichtenstein.jpg&w=100";
        assert_eq!(settings.sign(parameters), format!("/s/T_Ey01pgkWgBoGcCjN2XWw/?{parameters}"));
    }

    #[track_caller]
    fn check(options: &str, want: Option<&str>) {
        let transform = crate::resizer::tests::transform(options);
        let want = want.map(|want| format!("/?url=http%3A%2F%2Fgate%2Ftoken{want}"));
        let path = Settings::new(None).path(&transform, &SourceUrl::new("http://gate", "token"));
        assert_eq!(path, want, "{options}");
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (fit, want) in [
            ("scale-down", Some("&fit=inside&we=1")),
            ("contain", Some("&fit=inside")),
            ("cover", Some("&fit=cover&precrop=1")),
            ("crop", Some("&fit=cover&we=1&precrop=1")),
            ("pad", Some("&fit=contain&precrop=1&cbg=ffffff&bg=ffffff")),
            ("squeeze", Some("&fit=fill")),
            ("aspect-crop", None),
            ("scale-up", None),
        ] {
            let want = want.map(|want| format!("&w=300&h=200{want}"));
            check(&format!("width=300,height=200,fit={fit}"), want.as_deref());
        }
    }

    #[test]
    fn every_option_has_its_spelling() {
        for (options, want) in [
            ("width=3", Some("&w=3&fit=inside&we=1")),
            ("height=2,fit=contain", Some("&h=2&fit=inside")),
            ("width=3,height=2,fit=cover,gravity=top", Some("&w=3&h=2&fit=cover&precrop=1&a=top")),
            ("width=3,height=2,fit=cover,gravity=auto", Some("&w=3&h=2&fit=cover&precrop=1&a=attention")),
            ("width=3,height=2,fit=cover,gravity=0.5x0.5", None),
            ("width=3,trim=border", Some("&w=3&fit=inside&we=1&trim=10")),
            ("width=3,trim=box:1;2;3;4", Some("&w=3&fit=inside&we=1&precrop=1&cx=1&cy=2&cw=3&ch=4")),
            ("width=3,trim=box:1;2;3;4,rotate=180", None),
            ("width=3,trim=box:1;2;3;4,flip=h", None),
            ("width=3,trim=1;2;3;4", None),
            ("width=3,rotate=90", Some("&w=3&fit=inside&we=1&precrop=1&ro=90")),
            ("width=3,rotate=180", Some("&w=3&fit=inside&we=1&ro=180")),
            ("width=3,flip=h", Some("&w=3&fit=inside&we=1&flop=1")),
            ("width=3,flip=v", Some("&w=3&fit=inside&we=1&flip=1")),
            ("width=3,flip=h,rotate=90", Some("&w=3&fit=inside&we=1&precrop=1&ro=90&flip=1")),
            ("width=3,flip=hv,rotate=180", Some("&w=3&fit=inside&we=1&ro=180&flip=1&flop=1")),
            ("width=3,background=#ff8800", Some("&w=3&fit=inside&we=1&bg=ff8800")),
            ("width=3,blur=20,sharpen=1.5", Some("&w=3&fit=inside&we=1&blur=20&sharp=1.5")),
            ("width=3,brightness=0.5,saturation=2", Some("&w=3&fit=inside&we=1&mod=0.5&sat=2")),
            ("width=3,contrast=2", None),
            ("width=3,gamma=2", None),
            ("width=3,metadata=none,quality=80", Some("&w=3&fit=inside&we=1&q=80")),
            ("width=3,format=webp", Some("&w=3&fit=inside&we=1&output=webp")),
            ("width=3,format=jpeg", Some("&w=3&fit=inside&we=1&bg=ffffff&output=jpg&il=1")),
            ("width=3,format=baseline-jpeg", Some("&w=3&fit=inside&we=1&bg=ffffff&output=jpg")),
            ("width=3,anim=true", Some("&w=3&fit=inside&we=1&n=-1")),
            ("width=3,anim=true,flip=v", None),
            ("width=3,anim=false", Some("&w=3&fit=inside&we=1")),
        ] {
            check(options, want);
        }
    }
}
