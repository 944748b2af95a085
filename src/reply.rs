//! Local replies: responses that pinhole makes itself.
//!
//! INVARIANT: status, headers and body come from closed sets; the one text that a request brought is
//! the name of an option, and only if it has the form of one. The two replies that are none of a
//! rejection have the headers that [`crate::response`] lists.

use crate::config::raw::FallbackStatus;
use crate::fallback::Fallback;
use crate::policy::rejection::Rejection;
use crate::response::{Cache, OwnHeaders};

/// The response header that names a rejection.
pub const REASON_HEADER: &str = "x-pinhole-reason";

/// The response header that names the option that was refused.
pub const OPTION_HEADER: &str = "x-pinhole-option";

/// A transparent PNG of one pixel.
const PLACEHOLDER: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, // signature
    0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4,
    0x89, // 1x1 RGBA
    0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x60, 0, 2, 0, 0, 5, 0, 1, 0xe9, 0xfa, 0xdc,
    0xd8, // zeros
    0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// A response of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// What it is answered for; nothing for a picture, and for a 304.
    pub rejection: Option<Rejection>,
    /// The status.
    pub status: u16,
    /// All headers beside it.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl LocalReply {
    /// The reply for a rejection. `option` is the name of the option that was refused, as the request
    /// wrote it; `placeholder` asks for a picture as the body.
    pub fn new(rejection: Rejection, option: Option<&str>, placeholder: bool) -> LocalReply {
        let (content_type, body) = if placeholder {
            ("image/png", PLACEHOLDER.to_vec())
        } else {
            ("text/plain; charset=utf-8", format!("{}\n", rejection.text()).into_bytes())
        };
        let mut headers = vec![
            ("content-type", content_type.to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            (REASON_HEADER, rejection.reason().to_owned()),
        ];
        if let Some(option) = option.filter(|option| has_form_of_a_name(option)) {
            headers.push((OPTION_HEADER, option.to_owned()));
        }
        if rejection == Rejection::MethodNotAllowed {
            // RFC 9110 15.5.6: a 405 names what is allowed.
            headers.push(("allow", "GET, HEAD".to_owned()));
        }
        LocalReply { rejection: Some(rejection), status: rejection.status(), headers, body }
    }

    /// The reply for a rejection with a fallback image as its body. `cache` is what would hold for the
    /// picture: where nobody may keep that, nobody may keep this.
    pub fn fallback(rejection: Rejection, fallback: &Fallback, cache: Cache) -> LocalReply {
        let Fallback { image, status, max_age } = fallback;
        let control = match (cache, max_age) {
            (Cache::Private, _) => Cache::Private.control(),
            (Cache::Public { .. }, 0) => "no-store".to_owned(),
            (Cache::Public { max_age: most }, max_age) => {
                Cache::Public { max_age: most.min(*max_age) }.control()
            }
        };
        let headers = vec![
            ("content-type", image.media_type().to_owned()),
            ("cache-control", control),
            ("x-content-type-options", "nosniff".to_owned()),
            (REASON_HEADER, rejection.reason().to_owned()),
        ];
        let status = match status {
            FallbackStatus::Error => rejection.status(),
            FallbackStatus::Ok => 200,
        };
        LocalReply { rejection: Some(rejection), status, headers, body: image.bytes().to_vec() }
    }

    /// Says that the request has the picture already.
    pub fn not_modified(headers: OwnHeaders) -> LocalReply {
        LocalReply { rejection: None, status: 304, headers, body: Vec::new() }
    }

    /// Status and headers of an answer that says the same without a body.
    pub fn bare(&self) -> OwnHeaders {
        let mut headers = vec![(":status", self.status.to_string())];
        headers.extend(self.headers.iter().cloned());
        headers
    }

    /// A picture that came by other ways than the response that is under way. Its length is the body's.
    pub fn picture(mut headers: OwnHeaders, body: Vec<u8>) -> LocalReply {
        headers.retain(|(name, _)| ![":status", "content-length"].contains(name));
        LocalReply { rejection: None, status: 200, headers, body }
    }
}

fn has_form_of_a_name(option: &str) -> bool {
    (1..=32).contains(&option.len())
        && option.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_named_only_if_it_looks_like_one() {
        let named = |option| {
            let reply = LocalReply::new(Rejection::UnknownOption, Some(option), false);
            reply.headers.iter().any(|(name, _)| *name == OPTION_HEADER)
        };
        assert!(named("width") && named("slow-connection-quality"));
        for other in ["", "a\r\nb", "<script>", "Canary", &"a".repeat(33)] {
            assert!(!named(other), "{other}");
        }
    }

    #[test]
    fn what_a_reply_says_without_its_body() {
        let reply = LocalReply::new(Rejection::MethodNotAllowed, None, false);
        let bare = reply.bare();
        assert_eq!(bare.first(), Some(&(":status", "405".to_owned())));
        assert!(bare.contains(&("allow", "GET, HEAD".to_owned())));
        assert_eq!(bare.get(1..), Some(reply.headers.as_slice()));
        assert_eq!(reply.body, b"only GET and HEAD are answered\n");
        let other = LocalReply::new(Rejection::NoRoute, None, false);
        assert!(other.headers.iter().all(|(name, _)| *name != "allow"));
        let headers = [(":status", "200"), ("content-length", "9"), ("etag", "a")];
        let picture = LocalReply::picture(headers.map(|(n, v)| (n, v.to_owned())).to_vec(), b"PNG".to_vec());
        assert_eq!((picture.status, picture.headers), (200, vec![("etag", "a".to_owned())]));
    }

    #[test]
    fn i46_a_fallback_is_kept_no_longer_than_it_says_and_than_the_picture_would_be() {
        let image = std::sync::Arc::new(crate::fallback::Image::new(b"GIF89a".to_vec()).unwrap());
        let reply = |status, max_age, cache| {
            let fallback = Fallback { image: image.clone(), status, max_age };
            let reply = LocalReply::fallback(Rejection::UpstreamTimeout, &fallback, cache);
            assert_eq!((reply.headers[0].1.as_str(), reply.body.as_slice()), ("image/gif", &b"GIF89a"[..]));
            (reply.status, reply.headers[1].1.clone())
        };
        let public = Cache::Public { max_age: 20 };
        assert_eq!(reply(FallbackStatus::Error, 0, public), (504, "no-store".to_owned()));
        assert_eq!(reply(FallbackStatus::Ok, 10, public), (200, "public, max-age=10".to_owned()));
        assert_eq!(reply(FallbackStatus::Ok, 60, public), (200, "public, max-age=20".to_owned()));
        assert_eq!(reply(FallbackStatus::Ok, 60, Cache::Private), (200, "private, no-store".to_owned()));
    }

    #[test]
    fn a_placeholder_is_a_picture_that_is_not_kept() {
        let reply = LocalReply::new(Rejection::NotResizable, None, true);
        assert_eq!((reply.status, reply.headers[0].1.as_str()), (415, "image/png"));
        assert!(reply.body.starts_with(b"\x89PNG"));
        assert!(reply.headers.contains(&("cache-control", "no-store".to_owned())));
    }
}
