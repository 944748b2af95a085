//! Local replies: responses that pinhole makes itself.
//!
//! INVARIANT: status, headers and body come from closed sets; the one text that a request brought is
//! the name of an option, and only if it has the form of one.

use crate::policy::rejection::Rejection;

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
        LocalReply { status: rejection.status(), headers, body }
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
    fn a_placeholder_is_a_picture_that_is_not_kept() {
        let reply = LocalReply::new(Rejection::NotResizable, None, true);
        assert_eq!((reply.status, reply.headers[0].1.as_str()), (415, "image/png"));
        assert!(reply.body.starts_with(b"\x89PNG"));
        assert!(reply.headers.contains(&("cache-control", "no-store".to_owned())));
    }
}
