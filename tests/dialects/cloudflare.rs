//! Cloudflare's side of its URLs (developers.cloudflare.com/images, "Transform via URL" and "Features").
//!
//! The first segment is options, split at commas, then decoded; the source is all that follows, as it is.

use super::reading::{Parameters, Reading, unescape};

/// The options that Cloudflare documents for URLs, by the names that pinhole uses.
const NAMES: &[&str] = &[
    "width",
    "height",
    "fit",
    "gravity",
    "zoom",
    "trim",
    "rotate",
    "flip",
    "background",
    "blur",
    "sharpen",
    "brightness",
    "contrast",
    "gamma",
    "saturation",
    "anim",
    "metadata",
    "quality",
    "format",
];

/// What Cloudflare does for a path.
pub fn read(path: &str) -> Option<Reading> {
    let (options, source) = path.strip_prefix("/cdn-cgi/image/")?.split_once('/')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte);
    let is_url = source.starts_with("http://") || source.starts_with("https://");
    (is_url && source.bytes().all(is_plain)).then_some(())?;
    let mut reading = Reading { source: Some(source.to_owned()), ..Reading::default() };
    let pairs = options.split(',').map(|option| option.split_once('=')).collect::<Option<Vec<_>>>()?;
    let mut options = Parameters::new(pairs.into_iter())?;
    let area = ["trim.left", "trim.top", "trim.width", "trim.height"].map(|name| options.take(name));
    if area.iter().any(Option::is_some) {
        reading.set("trim", format!("box:{}", area.into_iter().collect::<Option<Vec<_>>>()?.join(";")))?;
    }
    for name in NAMES {
        if let Some(value) = options.take(name) {
            reading.set(name, unescape(&value)?)?;
        }
    }
    options.are_all_read()?;
    (reading.options.contains_key("width") || reading.options.contains_key("height")).then_some(reading)
}
