//! SecureAuth's signed requests: an HMAC in `authorization`, its time in `x-sa-date`.
//!
//! From its "Authentication API Guide" and "Admin API Guide" (docs.secureauth.com) and its own client
//! (github.com/SecureAuthCorp/saidp-sdk-go): HMAC-SHA256 under the application's key, which is written
//! in hexadecimal, over method, date, application id and path, one a line; then HTTP Basic with the
//! application's id and that HMAC in base64. The documents show GET, POST, PUT and PATCH; HEAD is signed
//! alike. INVARIANT: the path that is signed is, byte for byte, the path that is sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Unsigned;
use super::mac::MacKey;
use super::moment::Moment;
use super::word::Word;
use crate::secret::Secret;

/// The headers that are written here.
pub const HEADERS: &[&str] = &["authorization", "x-sa-date"];

/// An application's key, ready to sign with.
pub struct Key {
    id: Word,
    key: MacKey,
}

impl Key {
    /// Puts an application's id, a word without colons, and its key together.
    pub fn new(id: Word, key: MacKey) -> Key {
        Key { id, key }
    }

    /// The headers that open this request.
    pub(super) fn sign(&self, request: &Unsigned<'_>, now: Moment) -> Vec<(&'static str, Secret)> {
        let (date, id) = (now.http_date(), self.id.expose());
        let tag = self.key.sign(&format!("{}\n{date}\n{id}\n{}", request.method.name(), request.path));
        let authorization = format!("Basic {}", STANDARD.encode(format!("{id}:{tag}")));
        vec![("authorization", Secret::new(authorization)), ("x-sa-date", Secret::new(date))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Scheme;
    use crate::request::Method;

    const REQUEST: Unsigned<'_> = Unsigned {
        method: Method::Get,
        scheme: Scheme::Https,
        authority: "secureauth.example.com",
        path: "/secureauth1/api/v1/photos/a.jpg",
    };

    #[test]
    fn the_clients_own_computation() {
        // What the functions `buildAuthPayload`, `makeHmac` and `Sign` of the published client make of
        // these values, computed with Python's `hmac`.
        let id = Word::parse(&Secret::new("1234567890abcdef"), b":").unwrap();
        let key = Key::new(id, MacKey::from_hex(&Secret::new("0123456789abcdef".repeat(4))).unwrap());
        let headers = key.sign(&REQUEST, Moment::new(1_460_499_259).unwrap());
        let texts: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, std::str::from_utf8(value.expose()).unwrap()))
            .collect();
        assert_eq!(
            texts,
            [
                (
                    "authorization",
                    "Basic MTIzNDU2Nzg5MGFiY2RlZjowbkQxUExuUVNsVHNKazVDaTJad1BNdGNHeXFBUmtnbVh1c0Z6LzBCdTZJPQ=="
                ),
                ("x-sa-date", "Tue, 12 Apr 2016 22:14:19 GMT"),
            ]
        );
    }
}
