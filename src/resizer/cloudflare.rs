//! Cloudflare's URLs for images of other servers (developers.cloudflare.com/images, "Transform via URL").
//!
//! `/cdn-cgi/image/<option>=<value>,…/<source>`. The options are pinhole's own, which are Cloudflare's. There
//! is no signature; the zone's setting of allowed origins is the lock, with the gate as its only entry.
//! INVARIANT: the source stands at the end as it is, because Cloudflare decodes nothing of it; the gate's
//! URL and a token have no character that would have to be encoded.

use super::{Dialect, Row, SourceUrl, Support};
use crate::options::OptionName;
use crate::options::value::{Trim, Value};
use crate::transform::{Fit, Format, Transform};

/// What Cloudflare can do.
pub static DIALECT: Dialect = Dialect {
    name: "cloudflare",
    fits: super::listed(&[
        Fit::ScaleDown,
        Fit::Contain,
        Fit::Cover,
        Fit::Crop,
        Fit::AspectCrop,
        Fit::Pad,
        Fit::Squeeze,
        Fit::ScaleUp,
    ]),
    // PNG is not among the formats that Cloudflare documents; it chooses between JPEG and PNG itself.
    formats: super::listed(&[Format::Avif, Format::Webp, Format::Jpeg, Format::BaselineJpeg]),
    options: super::listed(OPTIONS),
};

const OPTIONS: &[Row] = &[
    (OptionName::Gravity, Support::All, ""),
    (OptionName::Zoom, Support::All, ""),
    (OptionName::Trim, Support::All, ""),
    (OptionName::Rotate, Support::All, ""),
    (OptionName::Flip, Support::All, ""),
    (OptionName::Background, Support::All, ""),
    (OptionName::Blur, Support::All, ""),
    (OptionName::Sharpen, Support::All, ""),
    (OptionName::Brightness, Support::All, "0 is ignored"),
    (OptionName::Contrast, Support::All, "0 is ignored"),
    (OptionName::Gamma, Support::All, "0 is ignored"),
    (OptionName::Saturation, Support::All, ""),
    (OptionName::Anim, Support::All, ""),
    (OptionName::Metadata, Support::All, "of JPEG only; other formats keep none"),
    (OptionName::Quality, Support::All, ""),
];

/// The path. Every transform has one.
pub fn path(transform: &Transform, source: &SourceUrl) -> String {
    let options: Vec<String> =
        transform.to_options().iter().map(|(option, value)| spelled(option, value)).collect();
    format!("/cdn-cgi/image/{}/{}", options.join(","), source.as_str())
}

fn spelled(option: OptionName, value: &Value) -> String {
    match value {
        Value::Colour(colour) => format!("{}=%23{}", option.name(), colour.digits()),
        Value::Trim(Trim::Box([left, top, width, height])) => {
            format!("trim.left={left},trim.top={top},trim.width={width},trim.height={height}")
        }
        value => format!("{}={value}", option.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &str, want: &str) {
        let source = SourceUrl::new("https://gate.example.com", "tok-en_1");
        let want = format!("/cdn-cgi/image/{want}/https://gate.example.com/tok-en_1");
        assert_eq!(path(&crate::resizer::tests::transform(options), &source), want, "{options}");
    }

    #[test]
    fn every_fit_is_spelled_as_it_is_called() {
        check("width=300,height=200,fit=scale-down", "width=300,height=200");
        for fit in ["contain", "cover", "crop", "aspect-crop", "pad", "squeeze", "scale-up"] {
            let options = format!("width=300,height=200,fit={fit}");
            check(&options, &options);
        }
    }

    #[test]
    fn options_have_their_long_names_in_one_order() {
        for (options, want) in [
            ("w=300,dpr=2,q=high,f=webp", "width=600,quality=90,format=webp"),
            ("w=3,h=2,fit=crop,g=face,face-zoom=0.5", "width=3,height=2,fit=crop,gravity=face,zoom=0.5"),
            ("w=3,h=2,fit=crop,g=0.5x0.33", "width=3,height=2,fit=crop,gravity=0.5x0.33"),
            ("w=3,trim=border,rotate=90,flip=hv", "width=3,trim=border,rotate=90,flip=hv"),
            ("w=3,trim=1;2;3;4", "width=3,trim=1;2;3;4"),
            ("w=3,trim=box:1;2;3;4", "width=3,trim.left=1,trim.top=2,trim.width=3,trim.height=4"),
            ("w=3,background=rgb(255,136,0)", "width=3,background=%23ff8800"),
            ("w=3,blur=5,sharpen=0.5,brightness=2", "width=3,blur=5,sharpen=0.5,brightness=2"),
            ("w=3,contrast=2,gamma=0.5,saturation=0", "width=3,contrast=2,gamma=0.5,saturation=0"),
            ("w=3,anim=false,metadata=keep", "width=3,anim=false,metadata=keep"),
        ] {
            check(options, want);
        }
    }
}
