//! imagor's URLs (docs.imagor.net, "Image endpoint", "Filters" and "Security"; imagor `imagorpath`).
//!
//! `/<hash>/[trim:10/][<left>x<top>:<right>x<bottom>/][fit-in/|stretch/][-]<width>x[-]<height>/[<side>/]filters:…/<source>`,
//! where the hash is an HMAC of everything after it in padded base64url, perhaps cut. The grammar is
//! thumbor's with other filters; what both share is [`super::thumbor`]'s.
//!
//! imagor turns a picture by its EXIF orientation when it loads it. Where the URL has it trim a border, turn,
//! or keep a point, it does so when it resizes instead, after it took its measures from the picture as
//! it is stored: what depends on these is refused.

mod filters;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::thumbor::{cut, geometry};
use super::turn::{Unturned, is_quarter_turn, unturn};
use super::{Dialect, Row, SourceUrl, Support};
use crate::config::raw::{ImagorHash, ImagorSource};
use crate::options::OptionName;
use crate::options::kind::MOST_PIXELS;
use crate::options::value::{Trim, Value};
use crate::transform::{Fit, Format, Transform};

/// What imagor can do.
pub static DIALECT: Dialect = Dialect {
    name: "imagor",
    fits: super::listed(&[Fit::ScaleDown, Fit::Contain, Fit::Cover, Fit::Pad, Fit::Squeeze]),
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::Png]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    (
        OptionName::Gravity,
        Support::words(&["center", "left", "right", "top", "bottom", "auto", "point"]),
        "a side not together with `trim=border` or a quarter turn, a point with neither `trim`, `rotate` nor `flip`",
    ),
    (
        OptionName::Trim,
        Support::words(&["border", "box"]),
        "a box not together with a quarter turn, and ignored where it is wholly outside of the picture; `border` mistakes a picture that EXIF turns and that is smaller than the box",
    ),
    (
        OptionName::Rotate,
        Support::All,
        "a quarter turn mistakes a picture that EXIF turns and that is smaller than the box of `fit=scale-down`",
    ),
    (OptionName::Flip, Support::All, ""),
    (OptionName::Background, Support::All, ""),
    (OptionName::Blur, Support::All, "not of animations"),
    (OptionName::Sharpen, Support::All, "much the same for all values; not of animations"),
    (OptionName::Brightness, Support::All, "of lightness: a strong colour never becomes quite black"),
    (OptionName::Contrast, Support::All, ""),
    (OptionName::Saturation, Support::All, ""),
    (OptionName::Anim, Support::All, "without `metadata=keep` an animation loses its timing"),
    (OptionName::Metadata, Support::words(&["keep", "none"]), "comments in JPEG files go in any case"),
    (OptionName::Quality, Support::All, "not for PNG"),
];

/// The side of a box that has none, where imagor wants both: it is longer than any that is asked for.
const UNBOUNDED: u32 = MOST_PIXELS.saturating_add(1);

#[derive(Clone)]
enum Signer {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

/// `IMAGOR_SECRET` and how imagor is set up to check it, ready to sign with.
#[derive(Clone)]
pub struct Settings {
    signer: Signer,
    truncate: Option<usize>,
    source: ImagorSource,
}

impl Settings {
    /// Takes the secret's bytes as they are. `truncate` is the number of characters that are left of a
    /// signature (`IMAGOR_SIGNER_TRUNCATE`): all where absent.
    pub fn new(
        secret: &[u8],
        hash: ImagorHash,
        truncate: Option<usize>,
        source: ImagorSource,
    ) -> Option<Settings> {
        let signer = match hash {
            ImagorHash::Sha1 => Signer::Sha1(<Hmac<Sha1> as KeyInit>::new_from_slice(secret).ok()?),
            ImagorHash::Sha256 => Signer::Sha256(<Hmac<Sha256> as KeyInit>::new_from_slice(secret).ok()?),
            ImagorHash::Sha512 => Signer::Sha512(<Hmac<Sha512> as KeyInit>::new_from_slice(secret).ok()?),
        };
        Some(Settings { signer, truncate, source })
    }

    /// The signed path of `options`, which has no slash at its beginning.
    pub fn sign(&self, options: &str) -> String {
        let mut hash = match &self.signer {
            Signer::Sha1(mac) => signature(mac, options),
            Signer::Sha256(mac) => signature(mac, options),
            Signer::Sha512(mac) => signature(mac, options),
        };
        if let Some(length) = self.truncate {
            hash.truncate(length);
        }
        format!("/{hash}/{options}")
    }

    /// The signed path. `None` for what imagor lacks.
    pub fn path(&self, transform: &Transform, source: &SourceUrl) -> Option<String> {
        let mut path = options(transform)?;
        match self.source {
            ImagorSource::Escaped => source.escape_into(&mut path),
            ImagorSource::Base64 => {
                path.push_str("b64:");
                URL_SAFE_NO_PAD.encode_string(source.as_str(), &mut path);
            }
        }
        Some(self.sign(&path))
    }
}

fn signature<M: Mac + Clone>(mac: &M, text: &str) -> String {
    let mut mac = mac.clone();
    mac.update(text.as_bytes());
    URL_SAFE.encode(mac.finalize().into_bytes())
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings(…)")
    }
}

/// Everything between the hash and the source, with a slash at its end. `None` for what imagor lacks.
fn options(transform: &Transform) -> Option<String> {
    let unturned = unturn(transform).filter(|unturned| is_measured_as_seen(transform, unturned))?;
    let (width, height) = (unturned.width, unturned.height);
    let (fit, width, height) = match transform.frame.fit() {
        // The side that is absent would be computed from the picture as it is stored.
        Fit::ScaleDown | Fit::Contain | Fit::Pad => ("fit-in/", bounded(width), bounded(height)),
        Fit::Cover => ("", width, height),
        Fit::Squeeze => ("stretch/", width, height),
        Fit::Crop | Fit::AspectCrop | Fit::ScaleUp => return None,
    };
    // A half turn is the same as mirroring both axes, which imagor does without forgetting EXIF.
    let half = unturned.degrees == 180;
    let (mirrored, upside_down) = (unturned.mirrored != half, unturned.upside_down != half);
    let frame = Unturned { width, height, mirrored, upside_down, ..unturned };
    let mut options = cut(transform, "trim:10/")?;
    options.push_str(fit);
    options.push_str(&geometry(&frame));
    let filters = filters::of(transform);
    if !filters.is_empty() {
        options.push_str(&format!("filters:{}/", filters.join(":")));
    }
    Some(options)
}

/// Whether none of these options, together, would be measured by the picture as it is stored.
fn is_measured_as_seen(transform: &Transform, unturned: &Unturned) -> bool {
    let quarter = is_quarter_turn(transform);
    let point = unturned.gravity == "point";
    let side = !matches!(unturned.gravity, "center" | "auto" | "point");
    match transform.option(OptionName::Trim) {
        // imagor reads this box as fractions, of which it is the whole picture.
        Some(Value::Trim(Trim::Box([0, 0, 1, 1]))) => false,
        Some(Value::Trim(Trim::Box(_))) => !quarter && !point,
        Some(_) => !side && !point,
        None => !(side && quarter),
    }
}

fn bounded(side: u32) -> u32 {
    if side == 0 { UNBOUNDED } else { side }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_signatures() {
        // imagor imagorpath/params_test.go, and docs.imagor.net, "Security".
        let test = "meta/10x11:12x13/fit-in/-300x-200/5x6/left/top/smart/filters:some_filter()/img";
        let docs = "500x500/top/raw.githubusercontent.com/cshum/imagor/master/testdata/gopher.png";
        for (secret, path, hash, truncate, signature) in [
            ("1234", test, ImagorHash::Sha1, None, "VTAq7YIRbEXgtwAcsTMhAjvBuT8="),
            ("1234", test, ImagorHash::Sha256, Some(40), "XBCO7esuLsNQuSF2v9ie36pESRGx2rzLjhUxXWnV"),
            ("mysecret", docs, ImagorHash::Sha1, None, "cST4Ko5_FqwT3BDn-Wf4gO3RFSk="),
            ("mysecret", docs, ImagorHash::Sha256, Some(40), "IGEn3TxngivD0jy4uuiZim2bdUCvhcnVi1Nm0xGy"),
        ] {
            let settings = Settings::new(secret.as_bytes(), hash, truncate, ImagorSource::Escaped).unwrap();
            assert_eq!(settings.sign(path), format!("/{signature}/{path}"));
        }
    }

    #[test]
    fn a_signature_is_cut_where_imagor_cuts_it() {
        let length = |hash, truncate| {
            let path = Settings::new(b"secret", hash, truncate, ImagorSource::Escaped).unwrap().sign("1x1/a");
            path.strip_suffix("/1x1/a").unwrap().len() - 1
        };
        assert_eq!(
            [ImagorHash::Sha1, ImagorHash::Sha256, ImagorHash::Sha512].map(|h| length(h, None)),
            [28, 44, 88]
        );
        assert_eq!((length(ImagorHash::Sha512, Some(40)), length(ImagorHash::Sha1, Some(40))), (40, 28));
    }

    #[test]
    fn a_source_is_written_in_either_form() {
        let transform = crate::resizer::tests::transform("width=3,metadata=keep");
        let source = SourceUrl::new("http://gate.internal:8081", "tok-en_1");
        for (form, want) in [
            (ImagorSource::Escaped, "http%3A%2F%2Fgate.internal%3A8081%2Ftok-en_1"),
            (ImagorSource::Base64, "b64:aHR0cDovL2dhdGUuaW50ZXJuYWw6ODA4MS90b2stZW5fMQ"),
        ] {
            let settings = Settings::new(b"secret", ImagorHash::Sha1, None, form).unwrap();
            let signed = settings.sign(&format!("fit-in/3x12001/{want}"));
            assert_eq!(settings.path(&transform, &source), Some(signed));
        }
    }

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        let transform = crate::resizer::tests::transform(text);
        assert_eq!(options(&transform), want.map(|want| format!("{want}/")), "{text}");
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (fit, want) in [
            ("scale-down", Some("fit-in/300x200")),
            ("contain", Some("fit-in/300x200/filters:upscale()")),
            ("cover", Some("300x200")),
            ("pad", Some("fit-in/300x200/filters:upscale():fill(none):background_color(ffffff)")),
            ("squeeze", Some("stretch/300x200")),
            ("crop", None),
            ("aspect-crop", None),
            ("scale-up", None),
        ] {
            check(&format!("width=300,height=200,fit={fit},metadata=keep"), want);
        }
    }

    #[test]
    fn a_box_has_two_sides_a_side_to_keep_and_a_sense() {
        for (options, want) in [
            ("width=3", "fit-in/3x12001"),
            ("height=3", "fit-in/12001x3"),
            ("width=3,height=2,fit=cover,gravity=left", "3x2/left/middle"),
            ("width=3,height=2,fit=cover,gravity=bottom", "3x2/center/bottom"),
            ("width=3,height=2,fit=cover,gravity=auto", "3x2/smart"),
            ("width=3,trim=border", "trim:10/fit-in/3x12001"),
            ("width=3,trim=box:10;20;30;40", "10x20:40x60/fit-in/3x12001"),
            ("width=3,flip=v", "fit-in/3x-12001"),
            ("width=3,rotate=180", "fit-in/-3x-12001"),
            ("width=3,rotate=180,flip=h", "fit-in/3x-12001"),
            ("width=3,height=2,fit=cover,gravity=left,rotate=180", "-3x-2/right/middle"),
            ("width=3,rotate=90", "fit-in/12001x3/filters:rotate(270)"),
            ("width=3,height=2,fit=squeeze,rotate=270,flip=h", "stretch/-2x3/filters:rotate(90)"),
        ] {
            check(&format!("{options},metadata=keep"), Some(want));
        }
    }

    #[test]
    fn what_would_be_measured_before_exif_turns_it_is_refused() {
        for options in [
            "trim=box:0;0;1;1",
            "trim=box:1;2;3;4,rotate=90",
            "trim=box:1;2;3;4,gravity=0.1x0.2",
            "trim=border,gravity=0.1x0.2",
            "trim=border,gravity=left",
            "rotate=270,gravity=left",
            "rotate=90,gravity=0.1x0.2",
            "flip=h,gravity=0.1x0.2",
            "trim=1;2;3;4",
        ] {
            check(&format!("width=3,height=2,fit=cover,{options}"), None);
        }
        for options in
            ["trim=box:1;2;3;4,rotate=180,gravity=left", "trim=border,rotate=90", "rotate=90,gravity=auto"]
        {
            let transform =
                crate::resizer::tests::transform(&format!("width=3,height=2,fit=cover,{options}"));
            assert!(super::options(&transform).is_some(), "{options}");
        }
    }
}
