//! What a resizer understands of a URL, in pinhole's own words, and how URLs are taken apart.
//!
//! The parsers beside this file are written from each resizer's documentation and source, not from the code
//! that writes the URLs. INVARIANT: a parser takes every byte of a URL for something; what it cannot
//! place makes it fail, as a resizer that ignores it would not.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key that URLs are signed with in these tests.
pub const KEY: &[u8] = b"a key of the tests, long enough";

/// Options under their names here, each value in its canonical spelling; those that mean nothing absent.
pub type Options = BTreeMap<String, String>;

/// What a resizer would do.
#[derive(Debug, Default, PartialEq)]
pub struct Reading {
    /// The options of the picture.
    pub options: Options,
    /// The URL that it would fetch; none where the picture comes with the request.
    pub source: Option<String>,
}

impl Reading {
    /// Notes an option; twice is a contradiction.
    pub fn set(&mut self, name: &str, value: impl ToString) -> Option<()> {
        self.options.insert(name.to_owned(), value.to_string()).is_none().then_some(())
    }

    /// Notes the sides of the box; 0 is none, and a picture without any would be the original.
    pub fn set_sides(&mut self, width: &str, height: &str) -> Option<()> {
        for (name, side) in [("width", width), ("height", height)] {
            match number(side)? {
                "0" => {}
                side if side.contains('.') => return None,
                side => self.set(name, side)?,
            }
        }
        (!self.options.is_empty()).then_some(())
    }

    /// Notes a fit, but for the one that means nothing.
    pub fn set_fit(&mut self, fit: &str) -> Option<()> {
        if fit == "scale-down" { Some(()) } else { self.set("fit", fit) }
    }
}

/// What a URL names, with values, to be taken out piece by piece.
#[derive(Debug)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Takes names and values, each name once.
    pub fn new<'t>(pairs: impl Iterator<Item = (&'t str, &'t str)>) -> Option<Parameters> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if parameters.insert(name.to_owned(), value.to_owned()).is_some() {
                return None;
            }
        }
        Some(Parameters(parameters))
    }

    /// Takes one out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes one out that can only have this value. `None` if it has another.
    pub fn take_flag(&mut self, name: &str, only: &str) -> Option<bool> {
        match self.take(name) {
            None => Some(false),
            Some(value) => (value == only).then_some(true),
        }
    }

    /// That nothing is left which a resizer would do something about.
    pub fn are_all_read(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A plain decimal number, exact to hundredths, in its one spelling.
pub fn number(text: &str) -> Option<&str> {
    let (before, after) = text.split_once('.').unwrap_or((text, "1"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let one_spelling = (before == "0" || !before.starts_with('0')) && !after.ends_with('0');
    (digits(before) && digits(after) && after.len() <= 2 && one_spelling).then_some(text)
}

/// Six hexadecimal digits as a colour.
pub fn colour(digits: &str) -> Option<String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 6 && digits.bytes().all(is_digit)).then(|| format!("#{digits}"))
}

/// Text in base64url without padding.
pub fn base64_text(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// `h`, `v` or `hv`; `None` for no mirroring.
pub fn flip(horizontal: bool, vertical: bool) -> Option<&'static str> {
    match (horizontal, vertical) {
        (false, false) => None,
        (true, false) => Some("h"),
        (false, true) => Some("v"),
        (true, true) => Some("hv"),
    }
}

/// Takes an option out of what was decided that a resizer is told by saying nothing.
pub fn drop_if(options: &mut Options, name: &str, value: &str) {
    if options.get(name).is_some_and(|other| other == value) {
        options.remove(name);
    }
}

/// Takes the white out that a resizer is told where pinhole would let it be: around a padded picture,
/// and for some behind what is transparent in a JPEG.
pub fn drop_white(options: &mut Options) {
    let has = |name: &str, value: &str| options.get(name).is_some_and(|other| other == value);
    if has("fit", "pad") || has("format", "jpeg") || has("format", "baseline-jpeg") {
        drop_if(options, "background", "#ffffff");
    }
}

/// Decodes `%HH`; anything else after a percent sign is an error.
pub fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
