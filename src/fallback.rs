//! Fallback images: what a route serves where the picture cannot be had.
//!
//! An image is part of the policy, so that it is there when nothing else is; it is served as it is, not
//! resized. INVARIANT: an image is of a type that browsers show and of limited length; an answer with one is never
//! kept for longer than [`MOST_AGE`] seconds, since the fault may be over by then.

use std::sync::Arc;

use crate::config::raw::FallbackStatus;

/// The longest image, in bytes.
pub const MOST_BYTES: usize = 65_536;

/// The longest that caches may keep an answer with an image, in seconds.
pub const MOST_AGE: u32 = 60;

/// An image of the operator's.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Image {
    /// Takes the bytes of an image, whose type they tell themselves. `None` for what is no AVIF, GIF, JPEG,
    /// PNG or WebP, or longer than [`MOST_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Option<Image> {
        let media_type = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => "image/avif",
            _ => return None,
        };
        (bytes.len() <= MOST_BYTES).then_some(Image { media_type, bytes })
    }

    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a route answers in the place of a picture that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The image.
    pub image: Arc<Image>,
    /// Under which status.
    pub status: FallbackStatus,
    /// How long caches may keep it, in seconds, at most [`MOST_AGE`]; 0 for not at all.
    pub max_age: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        for (bytes, want) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0....", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\0\0\0\x1cftypavif", Some("image/avif")),
            (b"<svg xmlns=", None),
            (b"RIFF\x10\0\0\0WAVE", None),
            (b"", None),
        ] {
            assert_eq!(Image::new(bytes.to_vec()).map(|image| image.media_type()), want, "{bytes:?}");
        }
        let mut long = b"GIF89a".to_vec();
        long.resize(MOST_BYTES + 1, 0);
        assert_eq!(Image::new(long), None);
    }
}
